// Which proxy the environment wants for a url.
#include <ringlet/net/proxy.hpp>

#include <ringlet/net/address.hpp>
#include "ascii_private.hpp"

#include <cstdlib>
#include <cstring>
#include <span>

namespace ringlet::net {
namespace {

std::string variable(const char* name, const char* other = nullptr) {
    const char* value = std::getenv(name);
    if ((value == nullptr || *value == '\0') && other != nullptr)
        value = std::getenv(other);
    return value == nullptr ? "" : value;
}

std::span<const unsigned char> bytes_of(const address& a) {
    const auto* data = reinterpret_cast<const unsigned char*>(a.data());
    if (a.family() == AF_INET6)
        return {data + offsetof(sockaddr_in6, sin6_addr), 16};
    return {data + offsetof(sockaddr_in, sin_addr), 4};
}

/// "10.0.0.0/8"
bool in_network(const address& host, std::string_view network) {
    const std::size_t slash = network.find('/');
    const auto base = address::try_ip(network.substr(0, slash), 0);
    if (!base || base->family() != host.family())
        return false;
    std::size_t bits = 0;
    for (const char c : network.substr(slash + 1)) {
        if (!ascii::is_digit(c) || bits > 128)
            return false;
        bits = bits * 10 + static_cast<std::size_t>(c - '0');
    }
    const auto a = bytes_of(host), b = bytes_of(*base);
    if (slash + 1 == network.size() || bits > a.size() * 8)
        return false;
    const unsigned rest = 0xff00U >> (bits % 8) & 0xff;
    return std::memcmp(a.data(), b.data(), bits / 8) == 0 &&
           (bits % 8 == 0 || (a[bits / 8] & rest) == (b[bits / 8] & rest));
}

bool matches(std::string_view entry, const url& target) {
    if (entry == "*")
        return true;
    const auto numeric = address::try_ip(target.host(), 0);
    if (entry.find('/') != entry.npos)
        return numeric && in_network(*numeric, entry);
    if (const auto plain = address::try_ip(entry, 0))
        return numeric && *plain == *numeric;
    // A port, and the brackets of an IPv6 address that has one.
    if (const std::size_t colon = entry.rfind(':'); colon != entry.npos) {
        if (entry.substr(colon + 1) != std::to_string(target.port()))
            return false;
        entry = entry.substr(0, colon);
        if (entry.starts_with('[') && entry.ends_with(']'))
            entry = entry.substr(1, entry.size() - 2);
        if (const auto plain = address::try_ip(entry, 0))
            return numeric && *plain == *numeric;
    }
    if (entry.starts_with('.'))
        entry.remove_prefix(1);
    if (entry.ends_with('.'))
        entry.remove_suffix(1);
    std::string_view host = target.host();
    if (host.ends_with('.'))
        host.remove_suffix(1);
    if (entry.empty() || numeric || host.size() < entry.size() ||
        !ascii::iequals(host.substr(host.size() - entry.size()), entry))
        return false;
    return host.size() == entry.size() || host[host.size() - entry.size() - 1] == '.';
}

}  // namespace

proxy_settings proxy_settings::from_environment() {
    proxy_settings s;
    s.http = variable("http_proxy");
    s.https = variable("https_proxy", "HTTPS_PROXY");
    s.all = variable("all_proxy", "ALL_PROXY");
    s.none = variable("no_proxy", "NO_PROXY");
    return s;
}

std::optional<proxy> proxy_settings::find(const url& target) const {
    const std::string& own = target.is_secure() ? https : http;
    const std::string& chosen = own.empty() ? all : own;
    if (chosen.empty())
        return std::nullopt;
    std::string_view rest = none;
    while (!rest.empty()) {
        const std::size_t end = rest.find_first_of(", \t");
        const std::string_view entry = rest.substr(0, end);
        if (!entry.empty() && matches(entry, target))
            return std::nullopt;
        rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    }
    return proxy::parse(chosen);
}

std::optional<proxy> proxy_for(const url& target) { return proxy_settings::from_environment().find(target); }

}  // namespace ringlet::net
