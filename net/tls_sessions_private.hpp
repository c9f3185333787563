#pragma once
// The sessions that a client may resume, by host, a bounded number: those of the host that was met
// longest ago go first. Contexts are shared by threads, hence the mutex.

#include <ringlet/net/tls_openssl_private.hpp>

#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace ringlet::tls::detail {

class session_store {
public:
    explicit session_store(std::size_t most_hosts) noexcept : most_(most_hosts) {}

    void put(const std::string& host, session_ptr session);

    /// The newest one, or null. A TLS 1.3 ticket is given once only, so that two connections cannot be
    /// told to be of one client (RFC 8446 appendix C.4).
    session_ptr take(const std::string& host);

private:
    struct entry {
        std::string host;
        std::vector<session_ptr> sessions;
    };
    static constexpr std::size_t most_of_a_host = 4;

    std::mutex mutex_;
    std::size_t most_;
    std::list<entry> by_use_;  // latest first
    std::unordered_map<std::string, std::list<entry>::iterator> places_;
};

}  // namespace ringlet::tls::detail
