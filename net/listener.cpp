#include <ringlet/net/listener.hpp>

#include <ringlet/core/report.hpp>
#include <ringlet/io/ops.hpp>
#include <ringlet/net/socket_calls_private.hpp>

#include <netinet/tcp.h>

#include <algorithm>
#include <deque>

namespace ringlet::net {
namespace {

// Accepted but not asked for; more than these wait in the kernel's backlog instead.
constexpr std::size_t most_waiting = 64;

// How long nothing is accepted when there was no descriptor left; twice as long each time it happens
// again, so that a process without descriptors does not spin.
constexpr duration first_pause = 10ms;
constexpr duration longest_pause = 1s;

/// Errors that other people's work will end: everything else about a listener is final (accept(2)).
bool passes(int error) noexcept { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

/// Errors of one connection that was gone before it was accepted.
bool concerns_one(int error) noexcept {
    return error == ECONNABORTED || error == EPERM || error == EPROTO || error == ENETDOWN || error == ENOPROTOOPT ||
           error == EHOSTDOWN || error == ENONET || error == EHOSTUNREACH || error == EOPNOTSUPP ||
           error == ENETUNREACH || error == ETIMEDOUT;
}

/// A socket file that is left over from a process which is gone: nobody answers there. Any other file
/// refuses connections in the same way, and must not be removed.
bool is_stale(const address& where) {
    if (!where.is_unix() || where.host().empty() || where.host()[0] == '\0')
        return false;
    struct statx file{};
    if (io::stat_now(where.host().c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE, file) < 0 || !S_ISSOCK(file.stx_mode))
        return false;
    const io::fd probe(io::socket_now(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC));
    return probe && io::connect_now(probe.get(), where.data(), where.size()) == -ECONNREFUSED;
}

io::fd open_listener(const address& where, const listen_options& options) {
    // SOCK_NONBLOCK means nothing to io_uring; to accept4(2), as the readiness kernel calls it, it is the
    // one safe way not to wait. Accepted sockets do not inherit it.
    io::fd fd(io::socket_now(where.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK));
    detail::succeed(fd.get(), "listen on", where);
    if (where.is_ip()) {
        io::set_option_now(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
        // Accepted sockets inherit it, which saves a system call for each.
        io::set_option_now(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    }
    if (options.reuse_port())
        detail::succeed(io::set_option_now(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1), "share the port of", where);
    int bound = io::bind_now(fd.get(), where.data(), where.size());
    if (bound == -EADDRINUSE && is_stale(where)) {
        io::unlink_now(where.host().c_str());
        bound = io::bind_now(fd.get(), where.data(), where.size());
    }
    detail::succeed(bound, "listen on", where);
    detail::succeed(io::listen_now(fd.get(), options.backlog()), "listen on", where);
    return fd;
}

}  // namespace

struct listener::state : completion, timer {
    state(io::fd listening, const address& at)
        : completion(&arrived), timer(&pause_is_over), fd_(std::move(listening)), address_(at) {}

    void serve(int fd) noexcept;
    void fail(int error) noexcept;
    void arm();
    void arm_soon();
    void close() noexcept;
    void close_if_done() noexcept;
    void leave() noexcept {
        if (--users_ == 0 && closed_ && !armed_)
            delete this;
    }
    accept_awaiter& first() noexcept { return static_cast<accept_awaiter&>(waiting_.front()); }

    static void arrived(completion& c, int res, unsigned flags) noexcept;
    static void pause_is_over(timer& t) noexcept { static_cast<state&>(t).arm(); }

    io::fd fd_;
    address address_;
    std::deque<io::fd> accepted_;  // and not asked for
    list<waiter> waiting_;
    duration pause_ = first_pause;
    time_point not_before_{};
    unsigned users_ = 1;  // the handle, and everybody who waits
    bool multishot_ = true;  // as far as is known
    bool armed_ = false;  // an accept is in flight
    bool paused_ = false;  // and was asked to end
    bool closed_ = false;
    bool complained_ = false;
};

void listener::state::arm() {
    io_uring_sqe& accept = loop::current().push(*this);
    if (multishot_)
        io_uring_prep_multishot_accept(&accept, fd_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    else
        io_uring_prep_accept(&accept, fd_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    armed_ = true;
    paused_ = false;
}

/// Somebody waits: accept, now or when the pause is over.
void listener::state::arm_soon() {
    if (armed_ || timer::armed())
        return;
    loop& l = loop::current();
    if (not_before_ != time_point() && l.fresh_now() < not_before_)
        l.timers().arm(*this, not_before_);
    else
        arm();
}

void listener::state::arrived(completion& c, int res, unsigned flags) noexcept {
    state& s = static_cast<state&>(c);
    if ((flags & IORING_CQE_F_MORE) == 0) {
        s.armed_ = false;
        loop::current().landed();
    }
    if (res >= 0)
        s.serve(res);
    else if (res == -EINVAL && s.multishot_)
        s.multishot_ = false;  // Linux before 5.19
    else if (!s.closed_ && res != -ECANCELED && res != -EINTR && !concerns_one(-res))
        s.fail(-res);

    if (s.closed_) {
        s.close_if_done();
    } else if (!s.waiting_.empty()) {
        s.arm_soon();
    } else if (s.armed_ && !s.paused_ && s.accepted_.size() >= most_waiting) {
        s.paused_ = true;
        loop::current().push_cancel(s.user_data());
    }
}

void listener::state::serve(int fd) noexcept {
    complained_ = false;
    pause_ = first_pause;
    not_before_ = time_point();
    if (waiting_.empty() || closed_) {
        accepted_.emplace_back(fd);
        return;
    }
    accept_awaiter& next = first();
    next.accepted_ = io::fd(fd);
    wake(next);
}

void listener::state::fail(int error) noexcept {
    if (passes(error)) {
        if (!std::exchange(complained_, true))
            report("accept on " + address_.to_string() + ": " + std::system_category().message(error) +
                   "; waiting until some are free again");
        not_before_ = after(loop::current().fresh_now(), pause_);
        pause_ = std::min(2 * pause_, longest_pause);
    } else if (!waiting_.empty()) {
        first().finish(error);
    }
}

void listener::state::close() noexcept {
    if (closed_)
        return;
    closed_ = true;
    if (timer::armed())
        loop::current().timers().disarm(*this);
    if (armed_ && !paused_)
        loop::current().push_cancel(user_data());
    close_if_done();
}

void listener::state::close_if_done() noexcept {
    if (armed_)
        return;
    fd_.reset();
    accepted_.clear();
    while (!waiting_.empty())
        first().finish(ECANCELED);
    if (users_ == 0)
        delete this;
}

// --- waiting -----------------------------------------------------------------------------------------

listener::accept_awaiter::accept_awaiter(state& s) noexcept : waiter(source::outside), state_(s) { ++state_.users_; }

listener::accept_awaiter::~accept_awaiter() { state_.leave(); }

bool listener::accept_awaiter::await_ready() {
    throw_if_canceled();
    if (state_.closed_) {
        error_ = ECANCELED;
    } else if (!state_.accepted_.empty()) {
        accepted_ = std::move(state_.accepted_.front());
        state_.accepted_.pop_front();
    } else {
        return false;
    }
    return true;
}

void listener::accept_awaiter::await_suspend(std::coroutine_handle<> h) {
    state_.arm_soon();
    park(h);
    state_.waiting_.push_back(*this);
}

void listener::accept_awaiter::finish(int error) noexcept {
    error_ = error;
    wake(*this);
}

/// The accept in flight belongs to the listener: what it brings is for whoever comes next.
void listener::accept_awaiter::abort() noexcept {
    state& s = state_;
    finish(ECANCELED);
    if (s.waiting_.empty() && s.timer::armed())
        loop::current().timers().disarm(s);
}

io::fd listener::accept_awaiter::await_resume() {
    auto accepted = await_result();
    if (accepted)
        return std::move(*accepted);
    const std::string act = "accept on " + state_.address_.to_string();
    if (state_.closed_)
        throw std::system_error(accepted.error(), act + ": it was closed here");
    throw std::system_error(accepted.error(), act);
}

result<io::fd> listener::accept_awaiter::await_result() {
    if (accepted_)
        return std::move(accepted_);
    throw_if_aborted();
    return std::error_code(error_, std::system_category());
}

// --- the handle --------------------------------------------------------------------------------------

listener::listener(const address& where, const listen_options& options) {
    io::fd fd = open_listener(where, options);
    const address bound = detail::name_of(fd.get());
    state_ = new state(std::move(fd), bound);
}

listener::~listener() {
    if (state_ == nullptr)
        return;
    state_->close();
    state_->leave();
}

const address& listener::local_address() const noexcept { return held().address_; }
void listener::close() noexcept { held().close(); }

}  // namespace ringlet::net
