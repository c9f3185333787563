#include <ringlet/net/name_cache_private.hpp>

namespace ringlet::net::detail {

const name_answer* name_cache::find(const std::string& key, time_point now) {
    const auto place = places_.find(key);
    if (place == places_.end())
        return nullptr;
    const auto at = place->second;
    if (at->until <= now) {
        places_.erase(place);
        by_use_.erase(at);
        return nullptr;
    }
    by_use_.splice(by_use_.begin(), by_use_, at);
    return &at->answer;
}

void name_cache::put(const std::string& key, const name_answer& answer, time_point now) {
    if (answer.keep <= duration::zero() || most_ == 0)
        return;
    if (const auto place = places_.find(key); place != places_.end()) {
        const auto old = place->second;
        places_.erase(place);
        by_use_.erase(old);
    }
    if (places_.size() >= most_) {
        places_.erase(by_use_.back().key);
        by_use_.pop_back();
    }
    by_use_.push_front(entry{key, answer, after(now, answer.keep)});
    places_.emplace(by_use_.front().key, by_use_.begin());
}

}  // namespace ringlet::net::detail
