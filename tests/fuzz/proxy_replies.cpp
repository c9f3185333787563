// What proxies answer, and what settings say of them: the client stops exactly where the answer ends, and an
// address that is accepted prints to one that reads back the same. The first byte chooses which.
#include "http_fuzz.hpp"

#include <ringlet/core/run.hpp>
#include <ringlet/io/memory_stream.hpp>
#include <ringlet/io/virtual_time.hpp>
#include <ringlet/net/proxy.hpp>

using namespace ringlet;
using fuzz::require;

namespace {

/// How much of the answer was taken; 0 when there is no way through.
std::size_t taken(const char* via, const char* host, std::string_view answer) {
    return run(io::make_virtual_time(), [&]() -> task<std::size_t> {
        auto ends = io::duplex(1 << 20);
        co_await ends.second.write_all(io::bytes_of(answer));
        co_await ends.second.shutdown();
        io::any_stream near(std::move(ends.first));
        try {
            co_await net::tunnel_through(near, net::proxy::parse(via), host, 443);
        } catch (const std::system_error&) {
            co_return 0;
        }
        std::size_t left = 0;
        std::array<std::byte, 4096> some;
        while (const std::size_t count = co_await near.read(some))
            left += count;
        co_return answer.size() - left;
    });
}

void try_connect(std::string_view answer) {
    const std::size_t size = taken("http://u:p@proxy", "host", answer);
    if (size == 0)
        return;
    const std::string_view head = answer.substr(0, size);
    require(head.starts_with("HTTP/1.") && head[9] == '2');
    require(head.ends_with("\r\n\r\n") || head.ends_with("\n\n"));
    require(taken("http://u:p@proxy", "host", head) == size);
}

void try_socks(std::string_view answer, bool has_password) {
    const char* via = has_password ? "socks5://u:p@proxy" : "socks5://proxy";
    const std::size_t size = taken(via, "host", answer);
    if (size == 0)
        return;
    const bool asked = answer[1] == 2;
    require(answer[0] == 5 && (has_password || !asked));
    const std::string_view reply = answer.substr(asked ? 4 : 2, size - (asked ? 4 : 2));
    require(reply[0] == 5 && reply[1] == 0);
    const std::size_t bound = reply[3] == 1 ? 4 : reply[3] == 4 ? 16 : 1u + static_cast<unsigned char>(reply[4]);
    require(reply.size() == 4 + bound + 2);
    require(taken(via, "host", answer.substr(0, size - 1)) == 0);
}

void try_settings(std::string_view text) {
    const auto cut = std::min(text.find('\n'), text.size());
    std::optional<net::proxy> named;
    try {
        named = net::proxy::parse(text.substr(0, cut));
    } catch (const std::invalid_argument&) {}
    if (named) {
        const net::proxy again = net::proxy::parse(named->to_string());
        require(again.host() == named->host() && again.port() == named->port() && again.speaks() == named->speaks());
        require(!named->host().empty() && again.username().empty() && again.password().empty());
    }
    // Where it is spelled as a url, it is read as one.
    const std::string_view place = text.substr(0, cut);
    const auto page = net::url::try_parse(place);
    if (named && page && place.starts_with(std::string(page->scheme()) + "://") && place.find('@') == place.npos)
        require(named->host() == page->host() && named->port() == page->port());
    net::proxy_settings settings;
    settings.all = text.substr(0, cut);
    settings.none = text.substr(std::min(cut + 1, text.size()));
    static const net::url targets[] = {net::url::parse("http://a.example.org:81/"),
                                       net::url::parse("https://10.1.2.3/"), net::url::parse("http://[fd00::1]/")};
    for (const net::url& target : targets) {
        std::optional<net::proxy> found;
        try {
            found = settings.find(target);
        } catch (const std::invalid_argument&) {
            require(!named);
        }
        require(!found || found == named);
        settings.none += " *";
        require(!settings.find(target));
        settings.none.resize(settings.none.size() - 2);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 4) {
        case 0: try_connect(text); break;
        case 1: try_socks(text, false); break;
        case 2: try_socks(text, true); break;
        default: try_settings(text);
    }
    return 0;
}
