#include <ringlet/net/http_pool_private.hpp>

#include <algorithm>

namespace ringlet::http::detail {
namespace {

// An origin that nobody uses is forgotten, but not at once: its next request is likely soon.
constexpr std::size_t origins_worth_a_look = 64;

}  // namespace

task<connection_pool::lease> connection_pool::take(std::string_view name) {
    origin& at = find(name);
    ++at.users;
    bool own = false, all = false;
    try {
        co_await at.permits.acquire();
        own = true;
        co_await all_.acquire();
        all = true;
        co_return leased(at);
    } catch (...) {
        if (!all)  // else the lease has done it
            leave(at, all, own);
        throw;
    }
}

connection_pool::lease connection_pool::take_now(std::string_view name) {
    origin& at = find(name);
    if (!at.permits.try_acquire())
        return {};
    if (!all_.try_acquire()) {
        at.permits.release();
        return {};
    }
    ++at.users;
    return leased(at);
}

connection_pool::lease connection_pool::leased(origin& at) {
    ++in_use_;
    lease l(shared_from_this(), at);
    l.held_ = take_idle(at);
    return l;
}

connection_pool::origin& connection_pool::find(std::string_view name) {
    const auto found = origins_.find(name);
    if (found != origins_.end())
        return found->second;
    if (origins_.size() >= origins_worth_a_look)
        forget_unused();
    return origins_.try_emplace(std::string(name), most_.per_origin).first->second;
}

void connection_pool::forget_unused() noexcept {
    const time_point now = loop::current().now();
    for (auto at = origins_.begin(); at != origins_.end();) {
        origin& o = at->second;
        idle_ -= std::erase_if(o.idle, [&](const entry& e) { return now - e.since > most_.idle; });
        at = o.users == 0 && o.idle.empty() ? origins_.erase(at) : std::next(at);
    }
}

std::unique_ptr<connection> connection_pool::take_idle(origin& from) {
    if (from.idle.empty())
        return nullptr;
    std::unique_ptr<connection> c;
    if (loop::current().now() - from.idle.back().since <= most_.idle) {
        c = std::move(from.idle.back().idle);
        from.idle.pop_back();
        --idle_;
    } else {
        idle_ -= from.idle.size();  // the others have waited even longer
        from.idle.clear();
    }
    return c;
}

void connection_pool::give_back(origin& to, std::unique_ptr<connection> c) noexcept {
    --in_use_;
    if (c && c->reusable() && to.idle.size() < most_.idle_per_origin && idle_ < most_.idle_in_all) {
        to.idle.push_back({std::move(c), loop::current().now()});
        ++idle_;
    }
    leave(to, true, true);
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
