#include <ringlet/net/tls_sessions_private.hpp>

namespace ringlet::tls::detail {

void session_store::put(const std::string& host, session_ptr session) {
    if (most_ == 0)
        return;
    const std::lock_guard hold(mutex_);
    auto place = places_.find(host);
    if (place == places_.end()) {
        if (places_.size() >= most_) {
            places_.erase(by_use_.back().host);
            by_use_.pop_back();
        }
        by_use_.emplace_front(host);
        place = places_.emplace(host, by_use_.begin()).first;
    } else {
        by_use_.splice(by_use_.begin(), by_use_, place->second);
    }
    auto& list = place->second->sessions;
    if (list.size() >= most_of_a_host)
        list.erase(list.begin());
    list.push_back(std::move(session));
}

session_ptr session_store::take(const std::string& host) {
    const std::lock_guard hold(mutex_);
    const auto place = places_.find(host);
    if (place == places_.end() || place->second->sessions.empty())
        return nullptr;
    auto& list = place->second->sessions;
    session_ptr newest = std::move(list.back());
    list.pop_back();
    if (SSL_SESSION_get_protocol_version(newest.get()) < TLS1_3_VERSION) {
        SSL_SESSION_up_ref(newest.get());
        list.emplace_back(newest.get());
    }
    return newest;
}

}  // namespace ringlet::tls::detail
