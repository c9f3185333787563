// Frames of HTTP/2, from a client and from a server. What is reported of a request does not depend on how the
// bytes were cut, keeps within the limits, and is what a request of HTTP/1.1 could say too; whatever comes,
// server and client come to an end and have said whole frames. The first byte chooses who listens and whether
// the rest is bytes, or frames whose lengths are made right; the next three the cuts.
#include "http_fuzz.hpp"

#include <ringlet/core/result.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/spawn.hpp>
#include <ringlet/io/memory_stream.hpp>
#include <ringlet/io/virtual_time.hpp>
#include <ringlet/net/http2_session_private.hpp>
#include <ringlet/net/http_client.hpp>
#include <ringlet/net/http_server.hpp>

using namespace ringlet;
using fuzz::require;

namespace {

constexpr std::uint32_t window = 4096;

std::size_t number(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

/// Of each frame: type, flags, stream and length in a byte each, and the payload. Settings come first.
std::string framed(std::string_view bytes) {
    std::string frames("\0\0\0\4\0\0\0\0\0", 9);
    while (bytes.size() >= 4) {
        const std::size_t size = std::min(number(bytes, 3), bytes.size() - 4);
        frames.append({'\0', '\0', static_cast<char>(size), bytes[0], bytes[1], '\0', '\0', '\0', bytes[2]});
        frames.append(bytes.substr(4, size));
        bytes.remove_prefix(4 + size);
    }
    return frames;
}

/// They are whole; whether one of them is a complaint.
bool complains(std::string_view frames) {
    bool found = false;
    while (!frames.empty()) {
        require(frames.size() >= 9);
        const std::size_t size = 9 + (number(frames, 0) << 16 | number(frames, 1) << 8 | number(frames, 2));
        require(frames.size() >= size);
        found = found || frames[3] == NGHTTP2_RST_STREAM || frames[3] == NGHTTP2_GOAWAY;
        frames.remove_prefix(size);
    }
    return found;
}

task<std::string> all_of(io::memory_stream& from) {
    std::string all;
    std::array<std::byte, 4096> some;
    try {
        while (const std::size_t count = co_await from.read(some))
            all.append(reinterpret_cast<const char*>(some.data()), count);
    } catch (const std::system_error&) {}
    co_return all;
}

// --- the session alone -------------------------------------------------------------------------------

/// It means the same where it is written as HTTP/1.1, unless it asks for a tunnel.
void check_request(const http::message_head& h, const http::limits& most) {
    require(!h.method().empty() && h.version() == 20 && !h.chunked() && !h.upgrade());
    require(h.target().size() <= most.start_line && h.content_length().value_or(0) <= most.body);
    require(h.fields().count("host") == 1 || h.method() == "CONNECT");
    if (h.method() == "CONNECT")
        return;
    std::string text;
    auto rest = h.fields();
    rest.remove("host");
    rest.remove("content-length");
    http::append_request(text, h.method(), h.target(), *h.get("host"), rest,
                         http::body_size::exactly(h.content_length().value_or(0)));
    http::limits wide;
    wide.start_line = wide.field_line = wide.fields = 1 << 20;
    wide.field_count = 1000;
    http::parser reader(http::reads::requests, wide);
    require(reader.feed(text).kind == http::event::head);
    require(reader.head().method() == h.method() && reader.head().target() == h.target());
    require(reader.head().get("host") == h.get("host"));
}

struct outcome {
    std::string heard;
    bool complained = false;
};

outcome read(std::string_view bytes, std::string_view sizes) {
    return run(io::make_virtual_time(), [&]() -> task<outcome> {
        const http::limits limits = fuzz::small_limits();
        auto ends = io::duplex(1 << 20);
        const auto session = std::make_shared<http::detail::http2_session>(
            io::any_stream(std::move(ends.first)), http::detail::http2_limits{limits, 1000, window, 30s}, true,
            false);
        std::vector<std::unique_ptr<http::detail::session_stream>> requests;
        outcome all;
        session->on_request = [&](std::unique_ptr<http::detail::session_stream> s) {
            if (s->refusal() == 0)
                check_request(s->head, limits);
            (((all.heard += s->head.method()) += ' ') += s->head.target()) += std::to_string(s->refusal());
            for (const auto [name, value] : s->head.fields())
                (((all.heard += '\n') += name) += '=') += value;
            requests.push_back(std::move(s));
        };
        try {
            session->greet();
            session->take(io::bytes_of(http::detail::http2_preface));
            for (std::size_t turn = 0; !bytes.empty(); ++turn) {
                const std::size_t wanted = sizes.empty() ? 0 : number(sizes, turn % sizes.size()) % 32;
                // The exact size on the heap: the sanitizer sees a byte too far.
                const std::string piece(bytes.substr(0, wanted == 0 ? bytes.size() : wanted));
                bytes.remove_prefix(piece.size());
                session->take(io::bytes_of(piece));
                co_await yield();
            }
        } catch (const http::detail::http2_error& e) {
            all.complained = true;
            require(e.wire_code() != NGHTTP2_NO_ERROR);
            session->say_goodbye(e.wire_code());
        }
        for (const auto& s : requests) {
            std::size_t size = 0;
            try {
                bool more = true;
                while (more && s->has_piece()) {
                    const std::string_view piece = co_await s->next_piece();
                    more = !piece.empty();
                    size += piece.size();
                    all.heard += piece;
                }
                all.heard += more ? " open" : " done";
            } catch (const std::system_error&) {
                all.heard += " reset";
            }
            require(size <= window);  // nobody has read before
            for (const auto [name, value] : s->trailers)
                (((all.heard += '\n') += name) += '=') += value;
        }
        session->on_request = nullptr;
        co_await session->sent();
        session->close();
        require(session->open() == 0);
        all.complained = complains(co_await all_of(ends.second)) || all.complained;
        co_return all;
    });
}

void try_session(std::string_view bytes, std::string_view sizes) {
    const outcome whole = read(bytes, {}), cut = read(bytes, sizes);
    // What still counts after a complaint depends on whether it had left. And nothing counts any more behind a
    // GOAWAY of the peer's, but that is seen where the bytes are cut only.
    require(whole.complained || !cut.complained);
    require(whole.complained || whole.heard == cut.heard);
}

// --- server and client -------------------------------------------------------------------------------

task<> say(io::memory_stream& to, std::string_view bytes, std::string_view sizes) {
    for (std::size_t turn = 0; !bytes.empty(); ++turn) {
        const std::size_t wanted = number(sizes, turn % sizes.size()) % 32;
        const std::string_view piece = bytes.substr(0, wanted == 0 ? bytes.size() : wanted);
        bytes.remove_prefix(piece.size());
        co_await to.write_all(io::bytes_of(piece));
        co_await yield();
    }
    co_await to.shutdown();
}

void try_server(const std::string& bytes, std::string_view sizes) {
    run(io::make_virtual_time(), [&]() -> task<> {
        http::server_options options;
        options.http2_in_clear = true;
        options.limits = fuzz::small_limits();
        options.streams = 8;
        options.window = window;
        http::server server(options);
        server.handle("/", [](http::request& asked) -> task<http::response> { co_return co_await asked.read_all(); });
        server.handle("/pieces", [](http::request&, http::response_writer& out) -> task<> {
            co_await out.write("one piece");
            out.trailers().add("x-sum", "1");
            co_await out.write("another");
        });
        server.handle("/late", [](http::request&) -> task<http::response> {
            co_await sleep_for(1s);
            co_return std::string(100, 'x');
        });
        auto ends = io::duplex(1 << 20);
        const auto serving = spawn([&] { return server.serve_stream(io::any_stream(std::move(ends.first))); });
        auto hearing = spawn([&] { return all_of(ends.second); });
        const std::string all = std::string(http::detail::http2_preface) + bytes;
        (void)co_await as_result(say(ends.second, all, sizes));
        complains(co_await hearing.get());
        co_await serving.join();
        require(server.connections() == 0);
    });
}

void try_client(const std::string& bytes, std::string_view sizes) {
    run(io::make_virtual_time(), [&]() -> task<> {
        http::client_options options;
        options.http2 = http::http2_use::demanded;
        options.limits = fuzz::small_limits();
        options.window = window;
        std::vector<greenlet<>> servers;
        options.connect = [&](const net::url&) -> task<io::any_stream> {
            auto ends = io::duplex(1 << 20);
            servers.push_back(spawn(
                [&bytes, sizes](io::memory_stream far) -> task<> {
                    (void)co_await as_result(say(far, bytes, sizes));
                    const std::string said = co_await all_of(far);
                    require(said.starts_with(http::detail::http2_preface.substr(0, said.size())));
                    if (said.size() > http::detail::http2_preface.size())
                        complains(std::string_view(said).substr(http::detail::http2_preface.size()));
                },
                std::move(ends.second)));
            co_return io::any_stream(std::move(ends.first));
        };
        {
            http::client client(options);
            const auto ask = [&](const char* method) -> task<> {
                http::request_options how;
                if (std::string_view(method) == "POST")
                    how.body = http::request_body(std::string(100, 'x'));
                try {
                    const http::reply r = co_await client.fetch(method, "http://h/", how);
                    require(r.status >= 200 && r.status <= 999 && r.body.size() <= options.limits.body);
                    require(std::string_view(method) != "HEAD" || r.body.empty());
                } catch (const http::request_error&) {}
            };
            const std::array asking{spawn(ask, "GET"), spawn(ask, "POST"), spawn(ask, "HEAD")};
            for (const auto& each : asking)
                co_await each.join();
            client.close_idle();
            require(client.in_use() == 0 && client.idle() == 0);
        }
        for (const auto& each : servers)
            co_await each.join();
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 4)
        return 0;
    const std::string_view all(reinterpret_cast<const char*>(data), size), sizes = all.substr(1, 3);
    const std::string bytes = (data[0] & 4) != 0 ? std::string(all.substr(4)) : framed(all.substr(4));
    switch (data[0] & 3) {
        case 0: try_server(bytes, sizes); break;
        case 1: try_client(bytes, sizes); break;
        default: try_session(bytes, sizes);
    }
    return 0;
}
