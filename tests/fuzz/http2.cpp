// Any frames from a client, to a server that answers pages, takes bodies and streams, and from a server, to a
// client that asks. Whatever comes, everything ends, nothing stays open, and what is said in return is whole
// frames. The first byte chooses the side; the others are frames with their lengths made right, or bytes.
#include "http_fuzz.hpp"

#include <ringlet/core/group.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/memory_stream.hpp>
#include <ringlet/io/virtual_time.hpp>
#include <ringlet/net/http_client.hpp>
#include <ringlet/net/http_server.hpp>

using namespace ringlet;
using fuzz::require;

namespace {

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Each frame: type, flags, stream and a length of at most 255 in a byte each, and so much payload.
std::string framed(std::string_view bytes) {
    std::string frames;
    while (bytes.size() >= 4) {
        const std::size_t size = std::min<std::size_t>(static_cast<unsigned char>(bytes[3]), bytes.size() - 4);
        frames.append({'\0', '\0', static_cast<char>(size), bytes[0], bytes[1], '\0', '\0', '\0', bytes[2]});
        frames.append(bytes.substr(4, size));
        bytes.remove_prefix(4 + size);
    }
    return frames;
}

bool is_whole_frames(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(text[i])); };
    while (text.size() >= 9) {
        const std::size_t size = 9 + (byte(0) << 16 | byte(1) << 8 | byte(2));
        if (text.size() < size)
            return false;
        text.remove_prefix(size);
    }
    return text.empty();
}

template <io::stream S>
task<std::string> all_of(S& from) {
    std::string all(1 << 16, '\0');
    std::size_t have = 0;
    try {
        while (const std::size_t count = co_await from.read(std::as_writable_bytes(std::span(all).subspan(have)))) {
            have += count;
            all.resize(have + (1 << 16));
        }
    } catch (const std::system_error&) {}
    all.resize(have);
    co_return all;
}

void to_a_server(const std::string& bytes) {
    run(io::make_virtual_time(), [&]() -> task<> {
        http::server_options options;
        options.http2_in_clear = true;
        options.limits = fuzz::small_limits();
        http::server server(options);
        server.handle("/", [](http::request& asked) -> task<http::response> { co_return co_await asked.read_all(); });
        server.handle("/s", [](http::request&, http::response_writer& out) -> task<> {
            co_await out.write("a piece");
            co_await out.write("another");
        });
        auto [near, far] = io::duplex(1 << 20);
        auto serving = spawn([&server](io::any_stream s) { return server.serve_stream(std::move(s)); },
                             io::any_stream(std::move(far)));
        auto hearing = spawn([&near] { return all_of(near); });
        auto saying = spawn([&]() -> task<> {
            (void)co_await as_result(near.write_all(io::bytes_of(preface)));
            (void)co_await as_result(near.write_all(io::bytes_of(bytes)));
            (void)co_await as_result(near.shutdown());
        });
        co_await saying.join();
        require(is_whole_frames(co_await hearing.get()));
        co_await serving.join();
        require(server.connections() == 0);
    });
}

void to_a_client(const std::string& bytes) {
    run(io::make_virtual_time(), [&]() -> task<> {
        http::client_options options;
        options.http2 = http::http2_use::demanded;
        options.limits = fuzz::small_limits();
        std::vector<io::memory_stream> servers;
        options.connect = [&](const net::url&) -> task<io::any_stream> {
            auto [near, far] = io::duplex(1 << 20);
            co_await far.write_all(io::bytes_of(bytes));
            co_await far.shutdown();
            servers.push_back(std::move(far));
            co_return io::any_stream(std::move(near));
        };
        http::client client(options);
        const auto ask = [&]() -> task<> {
            auto asked = client.post("http://h/", "body");
            (void)co_await as_result(std::move(asked));
        };
        co_await with_group([&](group& g) -> task<> {
            g.spawn(ask);
            g.spawn(ask);
            co_return;
        });
        client.close_idle();
        require(client.in_use() == 0 && client.idle() == 0);
        for (io::memory_stream& each : servers) {
            const std::string said = co_await all_of(each);
            require(said.empty() ||  // when the connection was over before anything had left
                    (said.starts_with(preface) && is_whole_frames(std::string_view(said).substr(preface.size()))));
        }
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::string bytes = (data[0] & 2) != 0 ? std::string(rest) : framed(rest);
    (data[0] & 1) != 0 ? to_a_client(bytes) : to_a_server(bytes);
    return 0;
}
