#pragma once
// From a host name to addresses, without blocking the loop: numeric addresses and the hosts file
// first, then the name servers. Every loop has one resolver, which remembers answers for as long as
// they may be, asks a question once however many wait for it, and is idle when nobody does.

#include <ringlet/core/task.hpp>
#include <ringlet/core/time.hpp>
#include <ringlet/net/address.hpp>
#include <ringlet/net/resolve_error.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace ringlet::net {

/// How to look one name up; for the arguments of resolve().
class resolve_options {
public:
    resolve_options() = default;
    /// AF_INET or AF_INET6 only; AF_UNSPEC, the default, means both.
    resolve_options& family(int value) noexcept {
        family_ = value;
        return *this;
    }

    int family() const noexcept { return family_; }

private:
    int family_ = AF_UNSPEC;
};

/// Awaitable: the addresses of `host`, best first (RFC 6724), each with `port`; at least one. A numeric
/// address ("127.0.0.1", "::1", "[::1]", "fe80::1%eth0") is given back as it is. Throws resolve_error:
/// "resolve no.such.host: not found".
task<std::vector<address>> resolve(std::string host, std::uint16_t port, resolve_options options = {});

/// Who is asked for names that are neither numeric nor in the hosts file.
enum class resolver_backend : std::uint8_t {
    cares,  ///< the name servers, by c-ares on the loop
    getaddrinfo,  ///< libc, on a helper thread: for what nsswitch.conf knows besides (mdns, ldap, systemd)
};

/// How the resolver of a loop works. The defaults are those of the machine.
class resolver_options {
public:
    resolver_options() = default;
    /// The default is c-ares, unless RINGLET_RESOLVER=getaddrinfo is in the environment or c-ares was not
    /// there at build time. getaddrinfo reads resolv.conf itself: of what follows only hosts, cache_size
    /// and most_in_flight count, and as it says nothing of how long its answers stay true, none is kept.
    resolver_options& backend(resolver_backend which) noexcept {
        backend_ = which;
        return *this;
    }
    /// Name servers, asked in this order; their ports count. Empty: those of resolv_conf.
    resolver_options& servers(std::vector<address> list) {
        servers_ = std::move(list);
        return *this;
    }
    /// How long one server may take for its first answer; later tries wait longer. 0: as resolv_conf says.
    resolver_options& timeout(any_duration d) noexcept {
        timeout_ = d;
        return *this;
    }
    /// How often each server is asked. 0: as resolv_conf says.
    resolver_options& tries(int count) noexcept {
        tries_ = count;
        return *this;
    }
    /// Domains to be appended to names with few dots. Given together with servers.
    resolver_options& domains(std::vector<std::string> list) {
        domains_ = std::move(list);
        return *this;
    }
    /// A name with this many dots is first looked up as it is.
    resolver_options& ndots(int count) noexcept {
        ndots_ = count;
        return *this;
    }
    resolver_options& hosts(std::string path) {
        hosts_ = std::move(path);
        return *this;
    }
    resolver_options& resolv_conf(std::string path) {
        resolv_conf_ = std::move(path);
        return *this;
    }
    /// Names that are remembered; those not used for longest are forgotten first. 0: none.
    resolver_options& cache_size(std::size_t names) noexcept {
        cache_size_ = names;
        return *this;
    }
    /// Names that are asked for at the same time, one at least, else std::invalid_argument; the others wait in
    /// line.
    resolver_options& most_in_flight(std::size_t names) {
        if (names == 0)
            throw std::invalid_argument("resolver: one name at least may be asked for at the same time");
        most_in_flight_ = names;
        return *this;
    }
    /// Once one family has addresses, how long the other may still take (RFC 8305 section 3).
    resolver_options& patience(any_duration d) noexcept {
        patience_ = d;
        return *this;
    }

    resolver_backend backend() const noexcept { return backend_; }
    const std::vector<address>& servers() const noexcept { return servers_; }
    duration timeout() const noexcept { return timeout_; }
    int tries() const noexcept { return tries_; }
    const std::vector<std::string>& domains() const noexcept { return domains_; }
    int ndots() const noexcept { return ndots_; }
    const std::string& hosts() const noexcept { return hosts_; }
    const std::string& resolv_conf() const noexcept { return resolv_conf_; }
    std::size_t cache_size() const noexcept { return cache_size_; }
    std::size_t most_in_flight() const noexcept { return most_in_flight_; }
    duration patience() const noexcept { return patience_; }

    static resolver_backend default_backend() noexcept;

private:
    std::vector<address> servers_;
    std::vector<std::string> domains_;
    std::string hosts_ = "/etc/hosts";
    std::string resolv_conf_ = "/etc/resolv.conf";
    duration timeout_{0};
    duration patience_ = 250ms;
    std::size_t cache_size_ = 4096;
    std::size_t most_in_flight_ = 100;
    int tries_ = 0;
    int ndots_ = 1;
    resolver_backend backend_ = default_backend();
};

/// The resolver of a loop: resolve() is resolver::current().resolve().
class resolver {
public:
    resolver();
    resolver(const resolver&) = delete;
    resolver& operator=(const resolver&) = delete;
    ~resolver();

    /// The one of this thread's loop.
    static resolver& current();

    /// From now on it works like this, and has forgotten what it knew. What is in flight goes on as it
    /// began.
    void configure(resolver_options options);

    /// Awaitable: see net::resolve.
    task<std::vector<address>> resolve(std::string host, std::uint16_t port, resolve_options options = {});

private:
    class question;
    class answer_awaiter;
    struct state;
    std::shared_ptr<state> state_;
};

}  // namespace ringlet::net
