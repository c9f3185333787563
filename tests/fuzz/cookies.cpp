// Whatever a server sets, what is kept obeys the rules, and what comes back cannot break a request.
#include <ringlet/net/cookies.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace ringlet;

namespace {

void require(bool holds) {
    if (!holds)
        std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::time_t now = 1'700'000'000;
    static const net::url pages[] = {net::url::parse("http://www.example.co.uk/a/b"),
                                     net::url::parse("https://localhost/"), net::url::parse("https://10.0.0.1/x/")};
    std::string_view all(reinterpret_cast<const char*>(data), size);
    if (all.empty())
        return 0;
    const net::url& from = pages[data[0] % 3];
    all.remove_prefix(1);

    (void)http::parse_cookie_date(all);
    http::cookie_jar jar;
    while (!all.empty()) {
        const auto line = all.substr(0, all.find('\n'));
        all.remove_prefix(std::min(line.size() + 1, all.size()));
        const auto c = http::parse_set_cookie(line, from, now);
        if (!c)
            continue;
        require(!c->name.empty());
        require(c->path.starts_with('/') && !c->domain.empty());
        require(from.host() == c->domain || (!c->host_only && from.host().ends_with("." + c->domain)));
        require(!c->secure || from.is_secure());
        jar.set(*c, now);
    }
    require(jar.size() <= http::cookie_jar::most_per_domain * 3);
    const std::string line = jar.line_for(from, now);
    require(line.find_first_of(std::string_view("\r\n\0", 3)) == line.npos);
    return 0;
}
