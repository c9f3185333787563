#include <ringlet/net/listener.hpp>

#include <ringlet/core/report.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/io/ops.hpp>

#include <netinet/tcp.h>

#include <algorithm>
#include <stdexcept>

namespace ringlet::net {
namespace {

// Accepted but not asked for; more than these wait in the kernel's backlog instead.
constexpr std::size_t most_waiting = 64;

/// Errors that other people's work will end: everything else about a listener is final (accept(2)).
bool passes(int error) noexcept {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/// Errors of one connection that was gone before it was accepted.
bool concerns_one(int error) noexcept {
    return error == ECONNABORTED || error == EPERM || error == EPROTO || error == ENETDOWN ||
           error == ENOPROTOOPT || error == EHOSTDOWN || error == ENONET || error == EHOSTUNREACH ||
           error == EOPNOTSUPP || error == ENETUNREACH || error == ETIMEDOUT;
}

/// Throws when `answer` is a negative errno.
void succeed(int answer, const char* act, const address& where) {
    if (answer < 0)
        throw std::system_error(-answer, std::system_category(), std::string(act) + " " + where.to_string());
}

/// A socket file that is left over from a process which is gone: nobody answers there.
bool is_stale(const address& where) {
    if (!where.is_unix() || where.host().empty() || where.host()[0] == '\0')
        return false;
    const io::fd probe(io::socket_now(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC));
    return probe && io::connect_now(probe.get(), where.data(), where.size()) == -ECONNREFUSED;
}

io::fd open_listener(const address& where, const listen_options& options) {
    io::fd fd(io::socket_now(where.family(), SOCK_STREAM | SOCK_CLOEXEC));
    succeed(fd.get(), "listen on", where);
    if (where.is_ip()) {
        io::set_option_now(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
        // Accepted sockets inherit it, which saves a system call for each.
        io::set_option_now(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    }
    if (options.reuse_port())
        succeed(io::set_option_now(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1), "share the port of", where);
    int bound = io::bind_now(fd.get(), where.data(), where.size());
    if (bound == -EADDRINUSE && is_stale(where)) {
        io::unlink_now(where.host().c_str());
        bound = io::bind_now(fd.get(), where.data(), where.size());
    }
    succeed(bound, "listen on", where);
    succeed(io::listen_now(fd.get(), options.backlog()), "listen on", where);
    return fd;
}

address name_of(int fd) {
    sockaddr_storage storage;
    socklen_t size = sizeof storage;
    if (const int answer = io::getsockname_now(fd, reinterpret_cast<sockaddr*>(&storage), &size); answer < 0)
        throw io::failure("getsockname", fd, -answer);
    return address::from(&storage, size);
}

}  // namespace

struct listener::state : completion {
    state(io::fd listening, const address& at)
        : completion(&arrived), fd_(std::move(listening)), address_(at) {}
    ~state() {
        for (const int fd : accepted_)
            io::close_now(fd);
    }

    void arm() {
        request accept;
        if (multishot_)
            io_uring_prep_multishot_accept(&*accept, fd_.get(), nullptr, nullptr, SOCK_CLOEXEC);
        else
            io_uring_prep_accept(&*accept, fd_.get(), nullptr, nullptr, SOCK_CLOEXEC);
        accept->user_data = user_data();
        loop::current().push(*accept);
        armed_ = true;
        paused_ = false;
    }

    static void arrived(completion& c, int res, unsigned flags) noexcept;
    void close() noexcept;
    void close_if_done() noexcept;
    void leave() noexcept {
        if (--users_ == 0 && closed_ && !armed_)
            delete this;
    }

    io::fd fd_;
    address address_;
    std::deque<int> accepted_;
    list<waiter> waiting_;
    int error_ = 0;  // of the accept that ended; taken by the one who waits longest
    unsigned users_ = 1;
    bool multishot_ = true;
    bool armed_ = false;
    bool paused_ = false;
    bool closed_ = false;
    bool complained_ = false;
};

/// Gives a descriptor, or a negative errno.
class listener::next_awaiter : public waiter {
public:
    explicit next_awaiter(state& s) noexcept
        : waiter("a connection to accept", &abort_by_leaving, source::outside), state_(s) {
        ++state_.users_;
    }
    ~next_awaiter() { state_.leave(); }

    bool await_ready() {
        throw_if_canceled();
        if (!state_.accepted_.empty()) {
            outcome_ = state_.accepted_.front();
            state_.accepted_.pop_front();
        } else if (state_.closed_) {
            outcome_ = -ECANCELED;
        } else {
            return false;
        }
        return true;
    }
    void await_suspend(std::coroutine_handle<> h) {
        park(h);
        state_.waiting_.push_back(*this);
        if (!state_.armed_)
            state_.arm();
    }
    int await_resume() const {
        if (outcome_ == -EINTR)
            throw_if_aborted();
        return outcome_;
    }

    void finish(int outcome) noexcept {
        outcome_ = outcome;
        wake(*this);
    }

private:
    state& state_;
    int outcome_ = -EINTR;
};

void listener::state::arrived(completion& c, int res, unsigned flags) noexcept {
    state& s = static_cast<state&>(c);
    if ((flags & IORING_CQE_F_MORE) == 0) {
        s.armed_ = false;
        loop::current().landed();
    }
    if (res == -EINVAL && s.multishot_) {
        s.multishot_ = false;  // Linux before 5.19
    } else if (res >= 0 || !(res == -ECANCELED || concerns_one(-res))) {
        if (!s.waiting_.empty())
            static_cast<next_awaiter&>(s.waiting_.front()).finish(res);
        else if (res >= 0)
            s.accepted_.push_back(res);
    }
    if (s.closed_) {
        s.close_if_done();
    } else if (!s.armed_ && !s.waiting_.empty()) {
        s.arm();
    } else if (s.armed_ && !s.paused_ && s.accepted_.size() >= most_waiting) {
        s.paused_ = true;
        loop::current().push_cancel(s.user_data());
    }
}

void listener::state::close() noexcept {
    if (closed_)
        return;
    closed_ = true;
    if (armed_ && !paused_)
        loop::current().push_cancel(user_data());
    close_if_done();
}

void listener::state::close_if_done() noexcept {
    if (armed_)
        return;
    fd_.reset();
    for (const int fd : accepted_)
        io::close_now(fd);
    accepted_.clear();
    while (!waiting_.empty())
        static_cast<next_awaiter&>(waiting_.front()).finish(-ECANCELED);
    if (users_ == 0)
        delete this;
}

listener::listener(const address& where, const listen_options& options) {
    io::fd fd = open_listener(where, options);
    const address bound = name_of(fd.get());
    state_ = new state(std::move(fd), bound);
}

listener::~listener() {
    if (state_ == nullptr)
        return;
    state_->close();
    state_->leave();
}

task<io::fd> listener::accept_fd() {
    // A little longer each time, so that a process without descriptors does not spin.
    for (duration pause = 10ms;; pause = std::min<duration>(2 * pause, 1s)) {
        next_awaiter next(*state_);
        const int outcome = co_await next;
        if (outcome >= 0) {
            state_->complained_ = false;
            co_return io::fd(outcome);
        }
        const std::string act = "accept on " + state_->address_.to_string();
        if (outcome == -ECANCELED)
            throw std::system_error(ECANCELED, std::system_category(), act + ": it was closed here");
        const std::system_error error(-outcome, std::system_category(), act);
        if (!passes(-outcome))
            throw error;
        if (!state_->complained_)
            report(std::string(error.what()) + "; waiting until some are free again");
        state_->complained_ = true;
        co_await sleep_for(pause);
    }
}

const address& listener::local_address() const noexcept { return state_->address_; }
void listener::close() noexcept { state_->close(); }

}  // namespace ringlet::net
