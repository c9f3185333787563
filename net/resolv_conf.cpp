#include <ringlet/net/resolv_conf_private.hpp>

#include <ringlet/net/watched_file_private.hpp>

#include <algorithm>
#include <charconv>

namespace ringlet::net::detail {
namespace {

constexpr std::uint16_t dns_port = 53;
constexpr std::size_t most_servers = 3;
constexpr std::size_t most_domains = 16;

void read_option(resolv_conf& conf, std::string_view word) {
    const std::size_t colon = word.find(':');
    int value = 0;
    if (colon == word.npos ||
        std::from_chars(word.data() + colon + 1, word.data() + word.size(), value).ec != std::errc())
        return;
    const std::string_view name = word.substr(0, colon);
    if (name == "timeout")
        conf.timeout = std::chrono::seconds(std::clamp(value, 1, 30));
    else if (name == "attempts")
        conf.tries = std::clamp(value, 1, 5);
    else if (name == "ndots")
        conf.ndots = std::clamp(value, 0, 15);
}

std::string without_dot(std::string_view domain) {
    return std::string(domain.ends_with('.') ? domain.substr(0, domain.size() - 1) : domain);
}

}  // namespace

resolv_conf parse_resolv_conf(std::string_view text) {
    resolv_conf conf;
    while (!text.empty()) {
        std::string_view line = next_line(text);
        if (line.starts_with('#') || line.starts_with(';'))
            continue;
        const std::string_view key = next_word(line);
        std::string_view word = next_word(line);
        if (key == "nameserver") {
            if (const auto server = address::try_ip(word, dns_port); server && conf.servers.size() < most_servers)
                conf.servers.push_back(*server);
        } else if (key == "search" || key == "domain") {
            conf.domains.clear();  // the last one counts
            for (; !word.empty() && conf.domains.size() < most_domains; word = next_word(line))
                if (word != ".")
                    conf.domains.push_back(without_dot(word));
        } else if (key == "options") {
            for (; !word.empty(); word = next_word(line))
                read_option(conf, word);
        }
    }
    if (conf.servers.empty())
        conf.servers.push_back(address::loopback(dns_port));
    return conf;
}

std::vector<std::string> candidates(const std::string& name, const std::vector<std::string>& domains, int ndots) {
    if (name.ends_with('.'))
        return {without_dot(name)};
    std::vector<std::string> list;
    for (const std::string& domain : domains)
        list.push_back(name + '.' + domain);
    const bool complete = std::ranges::count(name, '.') >= ndots;
    list.insert(complete ? list.begin() : list.end(), name);
    return list;
}

}  // namespace ringlet::net::detail
