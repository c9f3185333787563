// What names are looked up by: hosts(5), resolv.conf(5), and the "no" of a name server. What is read can be
// written again and means the same, in bounds. The first byte chooses which.
#include "http_fuzz.hpp"

#include <ringlet/io/stream.hpp>
#include <ringlet/net/ascii_private.hpp>
#include <ringlet/net/dns_message_private.hpp>
#include <ringlet/net/hosts_file_private.hpp>
#include <ringlet/net/resolv_conf_private.hpp>

using namespace ringlet;
using fuzz::require;

namespace {

void try_hosts(const std::string& text) {
    const net::detail::hosts entries = net::detail::parse_hosts(text);
    std::string written;
    for (const auto& [name, addresses] : entries) {
        require(!name.empty() && !addresses.empty());
        for (const char c : name)
            require(c == net::ascii::lower(c) && c != '#' && c != ' ' && c != '\n');
        for (std::size_t i = 0; i < addresses.size(); ++i) {
            require(addresses[i].is_ip() && addresses[i].port() == 0);
            require(std::find(addresses.begin(), addresses.begin() + static_cast<std::ptrdiff_t>(i), addresses[i]) ==
                    addresses.begin() + static_cast<std::ptrdiff_t>(i));
            written += addresses[i].host() + ' ' + name + '\n';
        }
    }
    require(net::detail::parse_hosts(written) == entries);
    require(net::detail::parse_hosts(text + '\n' + written) == entries);
}

void try_resolv_conf(const std::string& text) {
    const net::detail::resolv_conf conf = net::detail::parse_resolv_conf(text);
    require(!conf.servers.empty() && conf.servers.size() <= 3 && conf.domains.size() <= 16);
    require(conf.timeout >= 1s && conf.timeout <= 30s && conf.tries >= 1 && conf.tries <= 5);
    require(conf.ndots >= 0 && conf.ndots <= 15);
    std::string written = "options ndots:" + std::to_string(conf.ndots) + " attempts:" + std::to_string(conf.tries) +
                          " timeout:" + std::to_string(conf.timeout / 1s) + '\n';
    for (const net::address& server : conf.servers) {
        require(server.is_ip() && server.port() == 53);
        written += "nameserver " + server.host() + '\n';
    }
    if (!conf.domains.empty()) {
        written += "search";
        for (const std::string& domain : conf.domains) {
            require(!domain.empty());
            written += ' ' + domain + '.';
        }
    }
    const net::detail::resolv_conf again = net::detail::parse_resolv_conf(written);
    require(again.servers == conf.servers && again.domains == conf.domains && again.timeout == conf.timeout &&
            again.tries == conf.tries && again.ndots == conf.ndots);
    for (const std::string name : {"a", "a.b", "a.b.c."}) {
        const auto asked = net::detail::candidates(name, conf.domains, conf.ndots);
        require(asked.size() == (name.ends_with('.') ? 1 : conf.domains.size() + 1));
        for (const std::string& each : asked)
            require(each.starts_with(name.substr(0, each.size())));
    }
}

void try_message(const std::string& text) {
    const auto all = io::bytes_of(text);
    const std::chrono::seconds ttl = net::detail::negative_ttl(all);
    require(ttl.count() >= 0 && ttl.count() <= 0x7fffffff);
    // More behind it changes nothing, and what was cut off says no more.
    if (ttl.count() == 0)
        return;
    require(net::detail::negative_ttl(io::bytes_of(text + "more")) == ttl);
    require(net::detail::negative_ttl(all.first(23)) == std::chrono::seconds(0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    // The exact size on the heap: the sanitizer sees a byte too far.
    const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 3) {
        case 0: try_hosts(text); break;
        case 1: try_resolv_conf(text); break;
        default: try_message(text);
    }
    return 0;
}
