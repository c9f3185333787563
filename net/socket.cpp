#include <ringlet/net/socket.hpp>

#include <ringlet/io/ops.hpp>
#include <ringlet/io/receive_buffers.hpp>
#include <ringlet/net/address.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace ringlet::net {
namespace {

// What a peer may send ahead of a greenlet that does not read, before the receive is paused and TCP's
// own window holds the peer back.
constexpr std::size_t most_unread = 64 * 1024;

}  // namespace

// --- the state ---------------------------------------------------------------------------------------

socket::state::state(io::fd connected, std::string name)
    : completion(&arrived), fd_(std::move(connected)), name_(std::move(name)) {}

std::string socket::state::describe() const {
    if (!name_.empty())
        return name_;
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (fd_ && io::getpeername_now(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &size) == 0 &&
        size > sizeof(sa_family_t))
        return address::from(&storage, size).to_string();
    return "a socket";
}

std::system_error socket::state::failure(const char* act, int error) const {
    if (closed_)
        return {ECANCELED, std::system_category(), std::string(act) + " " + describe() + ": it was closed here"};
    return {error, std::system_category(), std::string(act) + " " + describe()};
}

/// Moves what was received before anybody asked.
std::size_t socket::state::take(std::span<std::byte> into) noexcept {
    const std::size_t count = std::min(into.size(), unread_.size() - unread_start_);
    if (count == 0)
        return 0;
    std::memcpy(into.data(), unread_.data() + unread_start_, count);
    unread_start_ += count;
    if (unread_start_ == unread_.size()) {
        unread_.clear();
        unread_start_ = 0;
        if (unread_.capacity() > most_unread)
            unread_.shrink_to_fit();
    }
    return count;
}

void socket::state::start_receive(read_awaiter& reader) {
    reader_ = &reader;
    if (armed_)
        return;  // a receive that was paused is on its way out, and starts again when it has ended
    if (buffers_ == nullptr)
        buffers_ = &loop::current().service<io::receive_buffers>();
    if (!buffers_->available() || reader.into_.size() >= direct_size) {
        reader.receive_directly();
        return;
    }
    request receive;
    io_uring_prep_recv_multishot(&*receive, fd_.get(), nullptr, 0, 0);
    receive->flags |= IOSQE_BUFFER_SELECT;
    receive->buf_group = io::receive_buffers::group;
    receive->user_data = user_data();
    loop::current().push(*receive);
    armed_ = true;
}

void socket::state::on_received(int res, unsigned flags) noexcept {
    if ((flags & IORING_CQE_F_MORE) == 0) {
        armed_ = paused_ = false;
        loop::current().landed();
    }
    if ((flags & IORING_CQE_F_BUFFER) != 0 && res > 0) {
        std::span<const std::byte> data = buffers_->filled(flags, res);
        if (reader_ != nullptr && unread_.empty()) {
            const std::size_t count = std::min(data.size(), reader_->into_.size());
            std::memcpy(reader_->into_.data(), data.data(), count);
            data = data.subspan(count);
            reader_->outcome_ = static_cast<int>(count);
            wake(*std::exchange(reader_, nullptr));
        }
        unread_.insert(unread_.end(), data.begin(), data.end());
        buffers_->give_back(flags);
        if (unread_.size() - unread_start_ > most_unread && armed_ && !paused_) {
            paused_ = true;
            loop::current().push_cancel(user_data());
        }
    } else if (res == -ENOBUFS || res == -EINVAL) {
        // All buffers are taken at the moment, or this kernel has no multishot receive: whoever waits
        // receives into their own buffer.
    } else if (res != -ECANCELED) {
        end_ = res;
        if ((flags & IORING_CQE_F_BUFFER) != 0)
            buffers_->give_back(flags);
    }
    if (closed_) {
        close_if_done();
        return;
    }
    if (!armed_ && reader_ != nullptr)
        serve_reader();
}

/// Somebody waits, and nothing is in flight that would wake them.
void socket::state::serve_reader() noexcept {
    if (end_ <= 0) {
        reader_->outcome_ = end_;
        wake(*std::exchange(reader_, nullptr));
    } else {
        reader_->receive_directly();
    }
}

void socket::state::start_send(write_awaiter& writer) noexcept {
    writer_ = &writer;
    writer.send_rest();
}

void socket::state::next_writer() noexcept {
    writer_ = nullptr;
    if (closed_) {
        while (!writers_.empty()) {
            auto& writer = static_cast<write_awaiter&>(writers_.front());
            writer.error_ = ECANCELED;
            wake(writer);
        }
        close_if_done();
    } else if (!writers_.empty()) {
        start_send(static_cast<write_awaiter&>(writers_.pop_front()));
    }
}

void socket::state::close() noexcept {
    if (closed_)
        return;
    closed_ = true;
    if (reader_ != nullptr || writer_ != nullptr)
        name_ = describe();  // for the errors they get; the peer's address goes with the descriptor
    loop* l = loop::current_or_null();
    if (armed_ && !paused_)
        l->push_cancel(user_data());
    if (direct_)
        l->push_cancel(reader_->user_data());
    if (writer_ != nullptr)
        l->push_cancel(writer_->user_data());
    if (writer_ == nullptr)
        next_writer();
    else
        close_if_done();
}

/// When nothing is in flight any more: close the descriptor, then let the reader know, then go.
void socket::state::close_if_done() noexcept {
    if (!closed_ || busy())
        return;
    fd_.reset();
    if (reader_ != nullptr) {
        reader_->outcome_ = -ECANCELED;
        wake(*std::exchange(reader_, nullptr));
    }
    if (users_ == 0)
        delete this;
}

/// The handle or an awaiter is done with it.
void socket::state::leave() noexcept {
    if (--users_ == 0 && closed_ && !busy())
        delete this;
}

// --- reading -----------------------------------------------------------------------------------------

bool socket::read_awaiter::await_ready() {
    throw_if_canceled();
    outcome_ = static_cast<int>(state_.take(into_));
    if (outcome_ > 0 || into_.empty())
        return true;
    if (state_.closed_)
        outcome_ = -ECANCELED;
    else if (state_.end_ <= 0)
        outcome_ = state_.end_;
    else
        return false;
    return true;
}

void socket::read_awaiter::await_suspend(std::coroutine_handle<> h) {
    if (state_.reader_ != nullptr)
        throw std::logic_error("read from " + state_.describe() + ": " + loop::current().running().name() +
                               " wants to read while " + state_.reader_->owner()->name() + " already does");
    park(h);
    state_.start_receive(*this);
}

void socket::read_awaiter::receive_directly() {
    request receive;
    io_uring_prep_recv(&*receive, state_.fd_.get(), into_.data(), io::length_of(into_.size()), 0);
    receive->user_data = user_data();
    loop::current().push(*receive);
    state_.direct_ = true;
}

void socket::read_awaiter::received(completion& c, int res, unsigned) noexcept {
    auto& self = static_cast<read_awaiter&>(c);
    state& s = self.state_;
    loop::current().landed();
    s.direct_ = false;
    s.reader_ = nullptr;
    self.outcome_ = res;
    if (res <= 0 && res != -ECANCELED)
        s.end_ = res;
    s.close_if_done();
    wake(self);
}

/// What a multishot receive brings stays in the socket, so a reader can simply leave; a receive into
/// the reader's own buffer has to end first.
void socket::read_awaiter::stop(waiter& w) noexcept {
    auto& self = static_cast<read_awaiter&>(w);
    if (self.state_.direct_) {
        loop::current().push_cancel(self.user_data());
        return;
    }
    self.state_.reader_ = nullptr;
    self.outcome_ = -ECANCELED;
    wake(self);
}

std::size_t socket::read_awaiter::await_resume() const {
    if (outcome_ == -ECANCELED)
        throw_if_aborted();
    if (outcome_ < 0)
        throw state_.failure("read from", -outcome_);
    return static_cast<std::size_t>(outcome_);
}

result<std::size_t> socket::read_awaiter::await_result() const {
    if (outcome_ == -ECANCELED)
        throw_if_aborted();
    if (outcome_ < 0)
        return std::error_code(-outcome_, std::system_category());
    return static_cast<std::size_t>(outcome_);
}

// --- writing -----------------------------------------------------------------------------------------

bool socket::write_awaiter::await_ready() {
    throw_if_canceled();
    if (state_.closed_)
        error_ = ECANCELED;
    return from_.empty() || error_ != 0;
}

void socket::write_awaiter::await_suspend(std::coroutine_handle<> h) {
    park(h);
    if (state_.writer_ == nullptr)
        state_.start_send(*this);
    else
        state_.writers_.push_back(*this);
}

void socket::write_awaiter::send_rest() noexcept {
    request send;
    io_uring_prep_send(&*send, state_.fd_.get(), from_.data(), io::length_of(from_.size()),
                       MSG_WAITALL | MSG_NOSIGNAL);
    send->user_data = user_data();
    loop::current().push(*send);
}

void socket::write_awaiter::sent(completion& c, int res, unsigned) noexcept {
    auto& self = static_cast<write_awaiter&>(c);
    state& s = self.state_;
    loop::current().landed();
    if (res > 0)
        self.from_ = self.from_.subspan(static_cast<std::size_t>(res));
    else
        self.error_ = -res;
    if (res > 0 && !self.from_.empty()) {
        if (!s.closed_ && !self.aborted()) {
            self.send_rest();  // a short send, in spite of MSG_WAITALL: more than one request carries
            return;
        }
        self.error_ = ECANCELED;
    }
    wake(self);
    s.next_writer();
}

void socket::write_awaiter::stop(waiter& w) noexcept {
    auto& self = static_cast<write_awaiter&>(w);
    if (self.state_.writer_ == &self) {
        loop::current().push_cancel(self.user_data());
        return;
    }
    self.error_ = ECANCELED;
    wake(self);
}

void socket::write_awaiter::await_resume() const {
    if (error_ == ECANCELED)
        throw_if_aborted();
    if (error_ != 0)
        throw state_.failure("write to", error_);
}

result<void> socket::write_awaiter::await_result() const {
    if (error_ == ECANCELED)
        throw_if_aborted();
    if (error_ != 0)
        return std::error_code(error_, std::system_category());
    return {};
}

// --- the handle --------------------------------------------------------------------------------------

socket::socket(io::fd connected, std::string name) : state_(new state(std::move(connected), std::move(name))) {}

socket::~socket() {
    if (state_ == nullptr)
        return;
    state_->close();
    state_->leave();
}

socket::read_awaiter socket::read(std::span<std::byte> into) { return {*state_, into}; }
socket::write_awaiter socket::write_all(std::span<const std::byte> from) { return {*state_, from}; }

void socket::shutdown() {
    if (state_->closed_)
        throw state_->failure("shut down", ECANCELED);
    if (const int answer = io::shutdown_now(state_->fd_.get(), SHUT_WR); answer < 0)
        throw state_->failure("shut down", -answer);
}

void socket::close() noexcept { state_->close(); }
int socket::native_handle() const noexcept { return state_->fd_.get(); }
std::string socket::name() const { return state_->describe(); }

}  // namespace ringlet::net
