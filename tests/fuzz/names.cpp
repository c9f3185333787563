// What names are looked up with: hosts(5), resolv.conf(5) and how short names are completed by it, and the
// answers of name servers that say no. The first byte chooses which.
#include "http_fuzz.hpp"

#include <ringlet/net/dns_message_private.hpp>
#include <ringlet/net/hosts_file_private.hpp>
#include <ringlet/net/resolv_conf_private.hpp>

#include <algorithm>
#include <span>

using namespace ringlet;
using fuzz::require;

namespace {

void try_hosts(const std::string& text) {
    for (const auto& [name, addresses] : net::detail::parse_hosts(text)) {
        require(!name.empty() && !addresses.empty());
        require(std::ranges::none_of(name, [](char c) { return (c >= 'A' && c <= 'Z') || c == '#' || c == '\n'; }));
    }
    require(net::detail::parse_hosts(text + "\n" + text).size() == net::detail::parse_hosts(text).size());
}

void try_resolv_conf(const std::string& text) {
    const net::detail::resolv_conf conf = net::detail::parse_resolv_conf(text);
    require(!conf.servers.empty() && conf.servers.size() <= 3 && conf.domains.size() <= 16);
    require(conf.tries >= 1 && conf.tries <= 5 && conf.ndots >= 0 && conf.ndots <= 15);
    require(conf.timeout >= 1s && conf.timeout <= 30s);
    for (const std::string name : {"a", "a.b", "a.b.c."}) {
        const auto asked = net::detail::candidates(name, conf.domains, conf.ndots);
        require(!asked.empty() && asked.size() <= conf.domains.size() + 1);
        require(std::ranges::all_of(asked, [&](const std::string& each) {
            return each.starts_with(name.substr(0, name.find_last_not_of('.') + 1));
        }));
    }
}

void try_message(const std::string& text) {
    const std::chrono::seconds ttl = net::detail::negative_ttl(std::as_bytes(std::span(text)));
    require(ttl >= std::chrono::seconds(0) && ttl.count() <= 0x7fffffff);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 3) {
        case 0: try_hosts(text); break;
        case 1: try_resolv_conf(text); break;
        default: try_message(text);
    }
    return 0;
}
