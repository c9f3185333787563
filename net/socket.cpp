#include <ringlet/net/socket.hpp>

#include <ringlet/io/at_once.hpp>
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

// Where so much comes at once, a receive of its own into a buffer of the reader's that is large enough costs
// less than the copy; where less comes, one receive for many messages does.
constexpr std::size_t large_message = 8 * 1024;
constexpr std::size_t small_message = 4 * 1024;
constexpr std::size_t large_buffer = 16 * 1024;

/// A request that was ended by a cancel; one that had begun on a kernel thread was interrupted.
bool ended_by_cancel(int res) noexcept { return res == -ECANCELED || res == -EINTR; }

}  // namespace

// --- the state ---------------------------------------------------------------------------------------

socket::state::state(io::fd connected, std::string name)
    : completion(&arrived),
      fd_(std::move(connected)),
      name_(name.empty() ? nullptr : std::make_unique<const std::string>(std::move(name))) {}

std::string socket::state::describe() const {
    if (name_)
        return *name_;
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

std::size_t detail::unread_bytes::take(std::span<std::byte> into) noexcept {
    const std::size_t count = std::min(into.size(), size());
    if (count == 0)
        return 0;
    std::memcpy(into.data(), kept_->bytes.data() + kept_->start, count);
    kept_->start += count;
    if (size() == 0)
        clear();
    return count;
}

void detail::unread_bytes::append(std::span<const std::byte> data) {
    if (!kept_)
        kept_ = std::make_unique<kept>();
    auto& [bytes, start] = *kept_;
    // A reader who is never quite done would otherwise let the part that was read grow for ever. Less
    // than half of it is not worth the move.
    if (start > bytes.size() / 2) {
        bytes.erase(0, start);
        start = 0;
    }
    bytes.append(reinterpret_cast<const char*>(data.data()), data.size());
}

void socket::state::start_receive(read_awaiter& reader) {
    if (armed_) {
        if (!paused_)
            pause();  // worth a cancel, because large reads seldom come alone
    } else if (reader.wants_own_receive()) {
        reader.receive_directly();
    } else {
        // Asked for each time, since a socket may live longer than a loop.
        buffers_ = loop::current().service<io::receive_buffers>().lender();
        if (buffers_ != nullptr)
            receive_into_ring();
        else
            reader.receive_directly();
    }
    reader_ = &reader;
}

void socket::state::receive_into_ring() {
    io_uring_sqe& receive = loop::current().push(*this);
    io_uring_prep_recv_multishot(&receive, fd_.get(), nullptr, 0, 0);
    receive.flags |= IOSQE_BUFFER_SELECT;
    receive.buf_group = io::buffer_lender::group;
    armed_ = true;
}

void socket::state::pause() noexcept {
    paused_ = true;
    loop::current().push_cancel(user_data());
}

void socket::state::arrived(completion& c, int res, unsigned flags) noexcept {
    auto& self = static_cast<state&>(c);
    if (self.direct_)
        self.reader_->on_received(res);
    else
        self.on_received(res, flags);
}

void socket::state::on_received(int res, unsigned flags) noexcept {
    if ((flags & IORING_CQE_F_MORE) == 0) {
        armed_ = paused_ = false;
        loop::current().landed();
    }
    if (res > 0 && (flags & IORING_CQE_F_BUFFER) != 0) {
        io::received buffer(*buffers_, flags, res);
        std::span<const std::byte> data = buffer.bytes();
        note_size(data.size());
        if (reader_ != nullptr && unread_.empty()) {
            const std::size_t count = reader_->take(buffer);
            data = data.subspan(count);
            wake_reader(static_cast<int>(count));
        }
        if (!data.empty() && !closed_)
            unread_.append(data);
        if (unread_.size() > most_unread && armed_ && !paused_ && !closed_)
            pause();
    } else if (res == -EINVAL) {
        multishot_ = false;  // Linux before 6.0
    } else if (res != -ENOBUFS && !ended_by_cancel(res)) {
        // ENOBUFS: all buffers are taken at the moment; who waits receives into a buffer of their own.
        end_ = res;
        if ((flags & IORING_CQE_F_BUFFER) != 0)
            (void)io::received(*buffers_, flags, 0);  // it goes back at once
    }
    if (closed_) {
        close_if_done();
    } else if (!armed_ && reader_ != nullptr) {
        // Somebody waits, and nothing is in flight that would wake them.
        if (end_ <= 0)
            return wake_reader(end_);
        try {
            if (res == -ENOBUFS)
                reader_->receive_directly();
            else
                start_receive(*reader_);
        } catch (const std::bad_alloc&) {
            wake_reader(-ENOMEM);
        }
    }
}

void socket::state::wake_reader(int outcome) noexcept {
    reader_->outcome_ = outcome;
    wake(*std::exchange(reader_, nullptr));
}

void socket::state::next_writer() noexcept {
    if (!writers_.empty())
        first_writer().send_rest();
}

socket::write_awaiter& socket::state::first_writer() noexcept {
    return static_cast<write_awaiter&>(writers_.front());
}

void socket::state::close() noexcept {
    if (closed_)
        return;
    if (!name_ && (reader_ != nullptr || !writers_.empty()))
        // For the errors they get; the peer's address goes with the descriptor.
        name_ = std::make_unique<const std::string>(describe());
    closed_ = true;
    unread_.clear();
    if (armed_ && !paused_)
        pause();
    if (direct_)
        loop::current().push_cancel(user_data());
    if (sending_)
        loop::current().push_cancel(first_writer().user_data());
    close_if_done();
}

/// When nothing is in flight any more: close the descriptor, then let everybody know, then go. Nobody
/// is woken before, so that whoever is told of the end finds the descriptor closed.
void socket::state::close_if_done() noexcept {
    if (!closed_ || busy())
        return;
    fd_.reset();
    if (reader_ != nullptr)
        wake_reader(reader_->outcome_ != 0 ? reader_->outcome_ : -ECANCELED);
    while (!writers_.empty()) {
        write_awaiter& writer = first_writer();
        if (!writer.from_.empty() && writer.error_ == 0)
            writer.error_ = ECANCELED;
        wake(writer);
    }
    if (users_ == 0)
        delete this;
}

/// The last user has left.
void socket::state::go_if_done() noexcept {
    if (!busy())
        delete this;
}

void socket::state::refuse_second_reader() const {
    if (reader_ != nullptr) [[unlikely]]
        throw std::logic_error("read from " + describe() + ": " + loop::current().running().name() +
                               " wants to read while " + reader_->owner()->name() + " already does");
}

/// In between it stays what it was.
void socket::state::note_size(std::size_t received) noexcept {
    if (received >= large_message)
        large_ = true;
    else if (received < small_message)
        large_ = false;
}

// --- reading -----------------------------------------------------------------------------------------

bool socket::read_awaiter::await_ready() {
    throw_if_canceled();
    const bool waits = state_.unread_.empty() && state_.end_ > 0 && !state_.closed_;
    if (waits && (wish_ != wish::copy || !into_.empty())) [[likely]]
        return false;
    take_at_once();
    return true;
}

void socket::read_awaiter::take_at_once() {
    if (state_.closed_) {
        outcome_ = -ECANCELED;
    } else if (wish_ != wish::readiness) {
        if (wish_ == wish::buffer && !state_.unread_.empty())
            into_ = make_room(std::min(state_.unread_.size(), io::buffer_lender::size));
        outcome_ = static_cast<int>(state_.unread_.take(into_));
        if (outcome_ == 0 && (wish_ == wish::buffer || !into_.empty()))
            outcome_ = std::min(state_.end_, 0);
    }
}

/// Instead of what comes into shared buffers.
bool socket::read_awaiter::wants_own_receive() const noexcept {
    return wish_ == wish::readiness || !state_.multishot_ ||
           (wish_ == wish::copy && into_.size() >= (state_.large_ ? large_buffer : direct_size));
}

void socket::read_awaiter::await_suspend(std::coroutine_handle<> h) {
    state_.refuse_second_reader();
    if (state_.armed_ && !wants_own_receive())
        state_.reader_ = this;
    else
        state_.start_receive(*this);
    park(h);
}

void socket::read_awaiter::receive_directly() {
    if (wish_ == wish::buffer)
        into_ = make_room(into_.size());
    io_uring_sqe& receive = loop::current().push(state_);
    if (wish_ == wish::readiness)
        io_uring_prep_poll_add(&receive, state_.fd_.get(), POLLIN);
    else
        io_uring_prep_recv(&receive, state_.fd_.get(), into_.data(), io::length_of(into_.size()), 0);
    state_.direct_ = true;
}

void socket::read_awaiter::on_received(int res) noexcept {
    state& s = state_;
    loop::current().landed();
    s.direct_ = false;
    if (ended_by_cancel(res))
        res = -ECANCELED;
    else if (wish_ == wish::readiness)
        res = 0;  // whatever it was, a read will say
    else if (res <= 0)
        s.end_ = res;
    else
        s.note_size(static_cast<std::size_t>(res));
    outcome_ = res;
    if (s.closed_)
        s.close_if_done();
    else
        s.wake_reader(res);
}

/// What has come in a shared buffer. Gives how much of it was taken.
std::size_t socket::read_awaiter::take(io::received& buffer) noexcept {
    if (wish_ == wish::buffer) {
        const std::size_t all = buffer.size();
        auto& self = static_cast<receive_awaiter&>(*this);
        if (state_.buffers_->scarce()) [[unlikely]]
            try {
                self.brought_ = buffer.copy();
                return all;
            } catch (const std::bad_alloc&) {  // then it is lent all the same
            }
        self.brought_ = std::move(buffer);
        return all;
    }
    const std::size_t count = std::min(buffer.size(), into_.size());
    if (count > 0)
        std::memcpy(into_.data(), buffer.bytes().data(), count);
    return count;
}

/// For one who wants a buffer, and gets one of their own.
std::span<std::byte> socket::read_awaiter::make_room(std::size_t size) {
    auto& self = static_cast<receive_awaiter&>(*this);
    self.brought_ = io::received(size);
    return self.brought_.room();
}

io::received socket::receive_awaiter::await_resume() {
    brought_.shrink(read_awaiter::await_resume());
    return std::move(brought_);
}

result<io::received> socket::receive_awaiter::await_result() {
    const int count = outcome();
    if (count < 0)
        return std::error_code(-count, std::system_category());
    brought_.shrink(static_cast<std::size_t>(count));
    return std::move(brought_);
}

/// What a multishot receive brings stays in the socket, so a reader can simply leave; a receive into
/// the reader's own buffer has to end first.
void socket::read_awaiter::abort() noexcept {
    if (state_.direct_)
        loop::current().push_cancel(state_.user_data());
    else
        state_.wake_reader(outcome_ != 0 ? outcome_ : -ECANCELED);
}

/// A count, or a negative errno.
int socket::read_awaiter::outcome() const {
    if (outcome_ == -ECANCELED)
        throw_if_aborted();
    return outcome_;
}

std::size_t socket::read_awaiter::await_resume() const {
    if (outcome() < 0)
        throw state_.failure("read from", -outcome_);
    return static_cast<std::size_t>(outcome_);
}

result<std::size_t> socket::read_awaiter::await_result() const {
    if (outcome() < 0)
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
    if (state_.writers_.empty())
        send_rest();
    park(h);
    state_.writers_.push_back(*this);
}

void socket::write_awaiter::send_rest() {
    io_uring_prep_send(&loop::current().push(*this), state_.fd_.get(), from_.data(), io::length_of(from_.size()),
                       MSG_WAITALL | MSG_NOSIGNAL);
    state_.sending_ = true;
}

void socket::write_awaiter::sent(completion& c, int res, unsigned) noexcept {
    auto& self = static_cast<write_awaiter&>(c);
    state& s = self.state_;
    loop::current().landed();
    s.sending_ = false;
    if (res > 0)
        self.from_ = self.from_.subspan(static_cast<std::size_t>(res));
    if (!self.from_.empty()) {
        if (s.closed_ || self.aborted() || ended_by_cancel(res))
            self.error_ = ECANCELED;
        else if (res <= 0)
            self.error_ = res < 0 ? -res : EPIPE;
        else
            return self.send_rest();  // short in spite of MSG_WAITALL: more than one request carries
    }
    if (s.closed_)
        return s.close_if_done();
    wake(self);
    s.next_writer();
}

void socket::write_awaiter::abort() noexcept {
    state& s = state_;
    if (&s.first_writer() != this) {
        error_ = ECANCELED;
        wake(*this);
    } else if (s.sending_) {
        loop::current().push_cancel(user_data());
    } else {  // only the close is still under way, and this one was sent, or had no turn yet
        if (!from_.empty() && error_ == 0)
            error_ = ECANCELED;
        wake(*this);
    }
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

std::optional<std::size_t> socket::try_read(std::span<std::byte> into) {
    state& s = held();
    s.refuse_second_reader();
    if (s.closed_)
        throw s.failure("read from", ECANCELED);
    if (const std::size_t count = s.unread_.take(into); count > 0 || into.empty())
        return count;
    if (s.end_ > 0) {
        if (s.armed_)
            return std::nullopt;  // what comes next comes to the receive that is in flight
        const int received = io::recv_now(s.fd_.get(), into);
        if (received == -EAGAIN || received == -EINTR)
            return std::nullopt;
        if (received > 0) {
            s.note_size(static_cast<std::size_t>(received));
            return static_cast<std::size_t>(received);
        }
        s.end_ = received;
    }
    if (s.end_ < 0)
        throw s.failure("read from", -s.end_);
    return 0;
}

void socket::shutdown() {
    if (held().closed_)
        throw state_->failure("shut down", ECANCELED);
    if (const int answer = io::shutdown_now(state_->fd_.get(), SHUT_WR); answer < 0)
        throw state_->failure("shut down", -answer);
}

void socket::close() noexcept { held().close(); }
int socket::native_handle() const noexcept { return held().fd_.get(); }
std::string socket::name() const { return held().describe(); }

}  // namespace ringlet::net
