// Who calls whom: binding, listening, connecting and accepting of simulated stream sockets.

#include "sim_kernel_private.hpp"
#include "sim_stream_private.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>

namespace ringlet::sim {
namespace {

constexpr std::size_t longest_backlog = 4096;  // net.core.somaxconn
constexpr duration unreachable_after = 3s;  // nobody answers ARP

}  // namespace

// --- bind and listen ---------------------------------------------------------------------------------

int stream::bind(endpoint to) {
    if (bound_)
        return -EINVAL;
    machine& here = *owner_->on;
    if (to.family == AF_UNIX) {
        if (to.path.empty())  // unix(7): autobind
            to.path = std::string(1, '\0') + "auto" + std::to_string(++here.last_given);
        if (here.files.find(to.path) != nullptr || !here.paths.try_emplace(to.path, weak_from_this()).second)
            return -EADDRINUSE;
    } else {
        if (!is_any(to.ip) && !is_loopback(to.ip) && sim_.hosts().at(to.ip) != &here)
            return -EADDRNOTAVAIL;
        if (to.port == 0) {
            to.port = here.free_port(here.streams);
            if (to.port == 0)
                return -EADDRINUSE;
        }
        const auto [first, last] = here.streams.equal_range(to.port);
        for (auto at = first; at != last; ++at) {
            const auto other = std::static_pointer_cast<stream>(at->second.lock());
            if (other == nullptr || !overlap(other->local_, to))
                continue;
            const auto both = [&](int option) {
                return options_.number(SOL_SOCKET, option) != 0 && other->options_.number(SOL_SOCKET, option) != 0;
            };
            if (!both(SO_REUSEPORT) && !(both(SO_REUSEADDR) && other->phase_ != phase::listening))
                return -EADDRINUSE;
        }
        here.streams.emplace(to.port, weak_from_this());
    }
    local_ = std::move(to);
    bound_ = true;
    return 0;
}

void stream::leave_port() {
    if (!bound_)
        return;
    bound_ = false;
    machine& here = *owner_->on;
    if (family_ == AF_UNIX) {
        if (!local_.path.empty() && local_.path[0] == '\0')
            here.paths.erase(local_.path);
        return;
    }
    const auto [first, last] = here.streams.equal_range(local_.port);
    for (auto at = first; at != last; ++at)
        if (!at->second.owner_before(weak_from_this()) && !weak_from_this().owner_before(at->second)) {
            here.streams.erase(at);
            return;
        }
}

int stream::listen(int backlog) {
    if (phase_ != phase::fresh && phase_ != phase::listening)
        return -EINVAL;
    if (!bound_) {
        endpoint any;
        any.family = family_;
        if (const int answer = bind(any); answer < 0)
            return answer;
    }
    phase_ = phase::listening;
    most_callers_ = std::min(static_cast<std::size_t>(std::max(backlog, 0)) + 1, longest_backlog);
    return 0;
}

bool stream::listens_to(const endpoint& called) const noexcept {
    if (phase_ != phase::listening || gone_)
        return false;
    if (is_any(local_.ip))
        return family_ == AF_INET6 ? called.family == AF_INET6 || options_.number(IPPROTO_IPV6, IPV6_V6ONLY) == 0
                                   : called.family == AF_INET;
    return local_.ip == called.ip;
}

// --- calling -----------------------------------------------------------------------------------------

void stream::make_lanes(machine& to, bool local) {
    out_ = std::make_shared<lane>(sim_, *owner_->on, to, local);
    in_ = std::make_shared<lane>(sim_, to, *owner_->on, local);
    out_->back = in_;
    in_->back = out_;
    out_->sender = in_->receiver = std::static_pointer_cast<stream>(shared_from_this());
}

/// 0 when connected, -EINPROGRESS, or what is wrong.
int stream::call(const endpoint& to) {
    if (phase_ != phase::fresh)
        return phase_ == phase::connected ? -EISCONN : phase_ == phase::calling ? -EALREADY : -EINVAL;
    if (to.family != family_)
        return -EAFNOSUPPORT;
    if (family_ == AF_UNIX)
        return call_local(to);
    machine& here = *owner_->on;
    remote_ = to;
    if (is_any(remote_.ip))
        remote_.ip = loopback_ip();
    machine* there = is_loopback(remote_.ip) ? &here : sim_.hosts().at(remote_.ip);
    if (there == nullptr && number_in(remote_.ip) == 0)
        return -ENETUNREACH;
    if (!bound_) {
        endpoint from;
        from.family = family_;
        if (const int answer = bind(from); answer < 0)
            return -EADDRNOTAVAIL;
    }
    if (is_any(local_.ip))
        local_.ip = is_loopback(remote_.ip) ? remote_.ip : ip_like(remote_.ip, here.number);
    phase_ = phase::calling;
    if (there == nullptr) {
        sim_.plan(sim_.now() + unreachable_after,
                  [self = std::static_pointer_cast<stream>(shared_from_this())] { self->fail(EHOSTUNREACH); });
        return -EINPROGRESS;
    }
    make_lanes(*there, there == &here);
    out_->put({parcel::kind::call, {}});
    return -EINPROGRESS;
}

int stream::call_local(const endpoint& to) {
    machine& here = *owner_->on;
    const auto found = here.paths.find(to.path);
    if (found == here.paths.end())
        return -ENOENT;
    const auto bound = std::dynamic_pointer_cast<stream>(found->second.lock());
    if (bound == nullptr || bound->gone_ || bound->phase_ != phase::listening)
        return -ECONNREFUSED;
    if (bound->is_full())
        return -EAGAIN;
    remote_ = to;
    make_lanes(here, true);
    const auto other = picked_up_by(*bound);
    phase_ = phase::connected;
    other->confirmed();
    return 0;
}

/// The other end of this caller's connection.
std::shared_ptr<stream> stream::picked_up_by(stream& listener) {
    auto other = std::make_shared<stream>(sim_, *listener.owner_, listener.family_);
    other->phase_ = phase::connected;
    other->local_ = remote_;
    other->remote_ = local_;
    other->options_ = listener.options_;
    other->listener_ = std::static_pointer_cast<stream>(listener.shared_from_this());
    other->in_ = out_;
    other->out_ = in_;
    out_->receiver = in_->sender = other;
    listener.dialing_.push_back(other);
    return other;
}

void stream::answer_call(simulator& s, const std::shared_ptr<lane>& from_caller) {
    const auto caller = from_caller->sender.lock();
    if (caller == nullptr || caller->gone_ || caller->phase_ != phase::calling)
        return;
    std::vector<std::shared_ptr<stream>> listeners;
    const auto [first, last] = from_caller->to().streams.equal_range(caller->remote_.port);
    for (auto at = first; at != last; ++at)
        if (auto bound = std::static_pointer_cast<stream>(at->second.lock());
            bound != nullptr && bound->listens_to(caller->remote_))
            listeners.push_back(std::move(bound));
    if (listeners.empty()) {
        caller->in_->put({parcel::kind::reset, {}});
        return;
    }
    stream& listener = *listeners[listeners.size() == 1 ? 0 : s.dice().below(listeners.size())];
    if (!listener.is_full()) {
        caller->picked_up_by(listener)->out_->put({parcel::kind::answer_call, {}});
        return;
    }
    // The call is dropped and repeated, each time after twice as long (tcp(7): tcp_syn_retries).
    const unsigned repeated = caller->calls_++;
    if (std::chrono::seconds((2LL << repeated) - 1) > s.faults().give_up_connecting()) {
        caller->fail(ETIMEDOUT);
        return;
    }
    s.plan(s.now() + std::chrono::seconds(1LL << repeated),
           [from_caller] { from_caller->put({parcel::kind::call, {}}); });
}

/// The caller knows that it is connected: now it can be accepted.
void stream::confirmed() {
    const auto listener = listener_.lock();
    const auto self = std::static_pointer_cast<stream>(shared_from_this());
    listener_.reset();
    if (listener == nullptr)
        return;
    if (std::erase(listener->dialing_, self) == 0)
        return;
    listener->callers_.push_back(self);
    listener->retry();
}

std::optional<answer> stream::attempt_connect(pending& p) {
    if (p.started)
        switch (phase_) {
            case phase::calling: return std::nullopt;
            case phase::connected: return 0;
            default: return -std::exchange(error_, 0);
        }
    endpoint to;
    if (const int wrong = parse(pointer<void>(p.sqe->addr), static_cast<socklen_t>(p.sqe->off), to); wrong < 0)
        return wrong;
    const int called = call(to);
    if (called == -EAGAIN) {  // a full backlog: a UNIX socket waits for room
        sim_.plan(sim_.now() + 1ms, [self = shared_from_this()] { self->retry(); });
        return std::nullopt;
    }
    if (called != -EINPROGRESS)
        return called;
    p.started = true;
    return std::nullopt;
}

// --- accepting ---------------------------------------------------------------------------------------

std::optional<answer> stream::attempt_accept(pending& p) {
    if (phase_ != phase::listening)
        return -EINVAL;
    const bool many = (p.sqe->ioprio & IORING_ACCEPT_MULTISHOT) != 0;
    for (;;) {
        if (callers_.empty())
            return std::nullopt;
        const int fd = accept_one(p);
        if (fd < 0 || !many || sim_.ends_multishot(p))
            return fd;
        sim_.finish_one(p, fd);
    }
}

int stream::accept_one(pending& p) {
    if (sim_.dice().chance(sim_.faults().no_descriptors()))
        return -EMFILE;
    const int fd = sim_.hosts().install(*owner_, callers_.front());
    if (fd < 0)
        return fd;
    show(callers_.front()->remote_, family_, pointer<void>(p.sqe->addr), pointer<socklen_t>(p.sqe->addr2));
    callers_.pop_front();
    return fd;
}

void stream::forget_callers() {
    for (const auto& queue : {std::exchange(dialing_, {}), std::exchange(callers_, {})})
        for (const auto& caller : queue) {
            caller->gone_ = true;
            caller->out_->put({parcel::kind::reset, {}});
        }
}

}  // namespace ringlet::sim
