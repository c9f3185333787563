#include <ringlet/net/http_pool_private.hpp>

#include <algorithm>
#include <new>

namespace ringlet::http::detail {
namespace {

// An origin that nobody uses is forgotten, but not at once: its next request is likely soon.
constexpr std::size_t origins_worth_a_look = 64;

}  // namespace

task<connection_pool::lease> connection_pool::take(std::string_view name, bool shared) {
    origin& at = find(name);
    ++at.users;
    lease l;
    bool acquired = false;
    try {
        if (shared && co_await wait_for_room(at, l))
            co_return l;
        co_await acquire(at);
        acquired = true;
        co_return leased(at);
    } catch (...) {
        if (!acquired && !l.pool_)  // else the lease has done it
            --at.users;
        throw;
    }
}

connection_pool::lease connection_pool::take_now(std::string_view name, bool shared) {
    origin& at = find(name);
    lease l;
    if (shared && !at.one_by_one) {
        if (at.waiting == 0 && share(at, l))
            ++at.users;
        return l;
    }
    if (!try_acquire(at))
        return l;
    ++at.users;
    return leased(at);
}

connection_pool::lease connection_pool::leased(origin& at) {
    ++in_use_;
    lease l(shared_from_this(), at);
    entry e = take_idle(at);
    l.held_ = std::move(e.idle);
    if (e.shared)
        l.set(std::move(e.shared));
    return l;
}

task<> connection_pool::acquire(origin& at) {
    co_await at.permits.acquire();
    bool all = false;
    struct at_end {
        semaphore& permits;
        bool& all;
        ~at_end() {
            if (!all)
                permits.release();
        }
    } const unless_all{at.permits, all};
    co_await all_.acquire();
    all = true;
}

bool connection_pool::try_acquire(origin& at) noexcept {
    if (!at.permits.try_acquire())
        return false;
    if (all_.try_acquire())
        return true;
    at.permits.release();
    return false;
}

connection_pool::origin& connection_pool::find(std::string_view name) {
    if (last_ != nullptr && last_->first == name)
        return last_->second;
    auto found = origins_.find(name);
    if (found == origins_.end()) {
        if (origins_.size() >= origins_worth_a_look)
            forget_unused();
        found = origins_.try_emplace(std::string(name), most_.per_origin).first;
    }
    last_ = &*found;
    return last_->second;
}

void connection_pool::forget_unused() noexcept {
    const time_point now = loop::current().now();
    last_ = nullptr;
    for (auto at = origins_.begin(); at != origins_.end();) {
        origin& o = at->second;
        idle_ -= std::erase_if(o.idle, [&](const entry& e) { return now - e.since > most_.idle; });
        at = o.users == 0 && o.idle.empty() ? origins_.erase(at) : std::next(at);
    }
}

connection_pool::entry connection_pool::take_idle(origin& from) {
    entry e{nullptr, {}};
    while (!from.idle.empty() && !e.idle && !e.shared) {
        if (loop::current().now() - from.idle.back().since > most_.idle) {
            idle_ -= from.idle.size();  // the others have waited even longer
            from.idle.clear();
            break;
        }
        e = std::move(from.idle.back());
        from.idle.pop_back();
        --idle_;
        if (e.shared && !e.shared->usable())
            e.shared = nullptr;
    }
    return e;
}

void connection_pool::give_back(lease& l) noexcept {
    origin& at = *l.at_;
    if (l.connects_)  // given up before it was done: another one tries
        at.connecting = false;
    if (l.shared_) {
        l.held_.reset();
        if (--l.shared_->users == 0) {
            --in_use_;
            std::erase(at.shared, l.shared_);
            l.shared_->on_change = nullptr;
            if (l.shared_->usable())
                keep(at, {nullptr, loop::current().now(), std::move(l.shared_)});
            leave(at, true, true);
        } else {
            --at.users;
        }
    } else {
        --in_use_;
        if (l.held_ && l.held_->reusable())
            keep(at, {std::move(l.held_), loop::current().now()});
        leave(at, true, true);
    }
    wake_one(at);
}

void connection_pool::keep(origin& at, entry e) noexcept {
    if (at.idle.size() >= most_.idle_per_origin || idle_ >= most_.idle_in_all)
        return;
    try {
        at.idle.push_back(std::move(e));
    } catch (const std::bad_alloc&) {
        return;  // then it is closed
    }
    ++idle_;
}

// --- shared connections ------------------------------------------------------------------------------

/// Awaitable: true with an exchange on a connection that others use as well. False when a connection of one's
/// own is to be had: at an origin that does not share, or for all who come after.
task<bool> connection_pool::wait_for_room(origin& at, lease& into) {
    for (bool waited = false; !at.one_by_one; waited = true) {
        const bool turn = waited || at.waiting == 0;
        if (turn && share(at, into))
            co_return true;
        if (turn && may_connect(at) && at.shared.empty()) {
            into.connects_ = at.connecting = true;
            struct at_end {
                lease& self;
                connection_pool& pool;
                origin& at;
                ~at_end() {
                    if (self.pool_)
                        return;
                    self.connects_ = at.connecting = false;
                    pool.wake_one(at);
                }
            } const unless_leased{into, *this, at};
            co_await acquire(at);
            into.pool_ = shared_from_this();
        } else if (turn && may_connect(at) && try_acquire(at)) {
            into.connects_ = at.connecting = true;
            into.pool_ = shared_from_this();
        }
        if (into.pool_) {
            ++in_use_;
            into.at_ = &at;
            entry e = take_idle(at);
            if (e.shared)
                into.set(std::move(e.shared));
            else if (e.idle)
                into.set(std::move(e.idle));
            co_return true;
        }
        ++at.waiting;
        struct at_end {
            origin& at;
            ~at_end() { --at.waiting; }
        } const waiting{at};
        co_await at.turns.acquire();
    }
    co_return false;
}

/// Nobody else does, and what there is will not turn out to have more room.
bool connection_pool::may_connect(const origin& at) noexcept {
    return !at.connecting &&
           std::ranges::none_of(at.shared, [](const auto& each) { return each->usable() && !each->settled(); });
}

/// Begins an exchange where there is room for it.
bool connection_pool::share(origin& at, lease& into) {
    for (const std::shared_ptr<http2_client>& each : at.shared) {
        if (each->room() == 0)
            continue;
        into.held_ = std::make_unique<connection>(each->open(), messages_);
        into.shared_ = each;
        ++each->users;
        into.pool_ = shared_from_this();
        into.at_ = &at;
        wake_one(at);  // there may be more of it
        return true;
    }
    return false;
}

void connection_pool::lease::set(std::unique_ptr<connection> c) noexcept {
    held_ = std::move(c);
    if (!std::exchange(connects_, false))
        return;
    at_->connecting = false;
    at_->one_by_one = true;
    pool_->wake_all(*at_);
}

void connection_pool::lease::set(std::shared_ptr<http2_client> c) {
    connection_pool& pool = *pool_;
    held_ = std::make_unique<connection>(c->open(), pool.messages_);
    c->users = 1;
    c->on_change = [&pool, at = at_] { pool.wake_one(*at); };
    at_->shared.push_back(c);
    shared_ = std::move(c);
    at_->one_by_one = false;
    if (std::exchange(connects_, false))
        at_->connecting = false;
    pool.wake_one(*at_);
}

void connection_pool::lease::connect_failed() noexcept {
    if (!std::exchange(connects_, false))
        return;
    at_->connecting = false;
    at_->one_by_one = true;
    pool_->wake_all(*at_);
}

/// Who waits longest looks again.
void connection_pool::wake_one(origin& at) noexcept {
    if (at.waiting > 0)
        at.turns.release();
}

void connection_pool::wake_all(origin& at) noexcept {
    for (std::size_t each = at.waiting; each > 0; --each)
        at.turns.release();
}

void connection_pool::leave(origin& from, bool all, bool own) noexcept {
    if (all)
        all_.release();
    if (own)
        from.permits.release();
    --from.users;
}

void connection_pool::make_room() noexcept {
    // The one who asks is among those in use.
    while (idle_ > 0 && idle_ + in_use_ > most_.in_all) {
        origin* with_oldest = nullptr;
        for (auto& [name, o] : origins_)
            if (!o.idle.empty() && (!with_oldest || o.idle.front().since < with_oldest->idle.front().since))
                with_oldest = &o;
        with_oldest->idle.erase(with_oldest->idle.begin());
        --idle_;
    }
}

void connection_pool::close_idle() noexcept {
    for (auto& [name, o] : origins_)
        o.idle.clear();
    idle_ = 0;
}

}  // namespace ringlet::http::detail
