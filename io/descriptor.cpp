#include <ringlet/io/descriptor.hpp>

#include <stdexcept>

namespace ringlet::io {

struct descriptor::state {
    state(io::fd owned, std::string called) : fd(std::move(owned)), name(std::move(called)) {}

    void close() noexcept;
    void close_if_done() noexcept;
    void leave() noexcept {
        if (--users == 0 && closed && in_flight == 0)
            delete this;
    }

    io::fd fd;
    std::string name;
    list<waiter> waiting;  // operations in flight, and finished ones while others are, before the close
    list<waiter> queued;  // writers whose turn has not come
    operation* reader = nullptr;
    operation* writer = nullptr;
    unsigned in_flight = 0;
    unsigned users = 1;  // the handle, and every operation
    bool closed = false;
};

void descriptor::state::close() noexcept {
    if (closed)
        return;
    closed = true;
    waiting.for_each([](waiter& w) { loop::current().push_cancel(static_cast<operation&>(w).user_data()); });
    close_if_done();
}

void descriptor::state::close_if_done() noexcept {
    if (in_flight > 0)
        return;
    fd.reset();
    waiting.splice_back(queued);
    while (!waiting.empty())
        wake(waiting.front());
    if (users == 0)
        delete this;
}

// --- operations --------------------------------------------------------------------------------------

descriptor::operation::operation(const descriptor& on, const char* what, const char* act, turn t) noexcept
    : waiter(source::outside), completion(&complete), state_(on.held()), what_(what), act_(act), turn_(t) {
    ++state_.users;
}

descriptor::operation::operation(operation&& other) noexcept
    : waiter(std::move(other)),
      completion(&complete),
      state_(other.state_),
      what_(other.what_),
      act_(other.act_),
      turn_(other.turn_) {
    ++state_.users;
}

descriptor::operation::~operation() { state_.leave(); }

bool descriptor::operation::await_ready() {
    throw_if_canceled();
    outcome_ = state_.closed ? -ECANCELED : 0;
    return state_.closed || trivial();
}

void descriptor::operation::await_suspend(std::coroutine_handle<> h) {
    state& s = state_;
    if (turn_ == turn::reader && s.reader != nullptr)
        throw std::logic_error(std::string(act_) + " " + s.name + ": " + loop::current().running().name() +
                               " wants to read while " + s.reader->owner()->name() + " already does");
    outcome_ = -ECANCELED;
    if (turn_ == turn::writer && s.writer != nullptr) {
        park(h);
        s.queued.push_back(*this);
        return;
    }
    submit();
    park(h);
    s.waiting.push_back(*this);
    if (turn_ == turn::reader)
        s.reader = this;
    else if (turn_ == turn::writer)
        s.writer = this;
}

void descriptor::operation::submit() {
    io_uring_sqe& sqe = loop::current().push(*this);
    prepare(&sqe, state_.fd.get());
    sqe.user_data = user_data();  // also where it is a copy of a whole one
    ++state_.in_flight;
    in_flight_ = true;
}

void descriptor::operation::complete(completion& c, int res, unsigned) noexcept {
    operation& self = static_cast<operation&>(c);
    state& s = self.state_;
    loop::current().landed();
    self.in_flight_ = false;
    --s.in_flight;
    // Work that had begun on a kernel thread is interrupted instead of cancelled.
    if (res == -ECANCELED || res == -EINTR) {
        res = -ECANCELED;
    } else if (!self.answered(res)) {
        if (!s.closed && !self.aborted())
            return self.submit();
        res = -ECANCELED;
    }
    self.outcome_ = res;
    if (self.turn_ == turn::reader)
        s.reader = nullptr;
    if (s.closed)
        return s.close_if_done();
    wake(self);
    if (self.turn_ == turn::writer)
        self.start_next_writer();
}

void descriptor::operation::start_next_writer() noexcept {
    state& s = state_;
    s.writer = nullptr;
    if (s.queued.empty())
        return;
    s.writer = &static_cast<operation&>(s.queued.pop_front());
    s.waiting.push_back(*s.writer);
    s.writer->submit();
}

void descriptor::operation::abort() noexcept {
    if (in_flight_)
        loop::current().push_cancel(user_data());
    else
        wake(*this);  // its turn has not come, or it is done and only the close is still under way
}

void descriptor::operation::fail(int error) const {
    const std::string act = std::string(act_) + " " + state_.name;
    if (error == ECANCELED && state_.closed)
        throw std::system_error(error, std::system_category(), act + ": it was closed here");
    throw std::system_error(error, std::system_category(), act);
}

void descriptor::operation::throw_if_failed() const {
    if (outcome_ >= 0)
        return;
    if (outcome_ == -ECANCELED)
        throw_if_aborted();
    fail(-outcome_);
}

std::error_code descriptor::operation::error() const {
    if (outcome_ >= 0)
        return {};
    if (outcome_ == -ECANCELED)
        throw_if_aborted();
    return {-outcome_, std::system_category()};
}

// --- the handle --------------------------------------------------------------------------------------

descriptor::descriptor(io::fd owned, std::string name) : state_(new state(std::move(owned), std::move(name))) {}

descriptor::~descriptor() {
    if (state_ == nullptr)
        return;
    state_->close();
    state_->leave();
}

void descriptor::close() noexcept { held().close(); }

io::fd descriptor::release() noexcept {
    state& s = held();
    io::fd mine;
    if (!s.closed && s.in_flight == 0)
        mine = std::move(s.fd);
    s.close();
    return mine;
}

int descriptor::get() const noexcept { return held().fd.get(); }
const std::string& descriptor::name() const noexcept { return held().name; }

}  // namespace ringlet::io
