// What TLS streams cost beside OpenSSL alone and beside streams without TLS. Both ends run here, over
// memory, so a figure is the CPU time of client and server together. Prints one JSON object a line.

#include "support/authority.hpp"

#include <ringlet/core/all.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/io/memory_stream.hpp>
#include <ringlet/io/virtual_time.hpp>
#include <ringlet/net/tls.hpp>
#include <ringlet/net/tls_engine_private.hpp>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

using namespace ringlet;

namespace {

double cpu_ns() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

double median(std::vector<double> v) {
    std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
    return v[v.size() / 2];
}

using work = std::function<task<>(std::size_t)>;

task<> compare(const char* name, const char* baseline, std::size_t count, int rounds, work ours, work bare) {
    std::vector<double> a, b, ratio;
    for (int round = 0; round < rounds; ++round) {
        const double start = cpu_ns();
        co_await ours(count);
        const double middle = cpu_ns();
        co_await bare(count);
        a.push_back((middle - start) / static_cast<double>(count));
        b.push_back((cpu_ns() - middle) / static_cast<double>(count));
        ratio.push_back(a.back() / b.back());
    }
    std::printf("{\"name\": \"%s\", \"ns\": %.1f, \"baseline\": \"%s\", \"baseline_ns\": %.1f, \"ratio\": %.3f}\n",
                name, median(a), baseline, median(b), median(ratio));
    std::fflush(stdout);
}

// --- OpenSSL alone: two engines of ours, between which bytes are carried by hand -------------------------

void carry(tls::detail::engine& from, tls::detail::engine& to, const std::function<void()>& arrived) {
    for (std::size_t done = 0; done < from.out.size();) {
        const auto room = to.room();
        const std::size_t count = std::min(room.size(), from.out.size() - done);
        std::memcpy(room.data(), from.out.data() + done, count);
        to.filled(count);
        done += count;
        arrived();
    }
    from.out.clear();
}

void shake(tls::detail::engine& client, tls::detail::engine& server) {
    (void)client.handshake();
    for (int i = 0; i < 2; ++i) {
        carry(client, server, [&] { (void)server.handshake(); });
        carry(server, client, [&] { (void)client.handshake(); });
    }
}

// --- what is measured ----------------------------------------------------------------------------------

struct ends {
    tls::context client, server;
};

task<std::pair<tls::stream, tls::stream>> connected(const ends& with, std::size_t capacity = 256 * 1024) {
    auto [near, far] = io::duplex(capacity);
    auto asked = tls::connect(std::move(near), "a.org", with.client);
    auto waited = tls::accept(std::move(far), with.server);
    auto both = all(std::move(asked), std::move(waited));
    auto made = co_await std::move(both);
    co_return std::pair<tls::stream, tls::stream>(std::move(std::get<0>(made)), std::move(std::get<1>(made)));
}

template <class Stream>
task<> drain(Stream& from, std::size_t size) {
    std::vector<std::byte> buffer(64 * 1024);
    for (std::size_t got = 0; got < size;)
        got += co_await from.read(buffer);
}

template <class Stream>
task<> bulk(Stream& from, Stream& to, std::size_t pieces, const std::vector<std::byte>& piece) {
    const auto send = [&]() -> task<> {
        for (std::size_t i = 0; i < pieces; ++i)
            co_await from.write_all(piece);
    };
    auto both = all(send(), drain(to, pieces * piece.size()));
    co_await std::move(both);
}

template <class Stream>
task<> ping(Stream& a, Stream& b, std::size_t count, const std::vector<std::byte>& text) {
    std::vector<std::byte> buffer(text.size());
    for (std::size_t i = 0; i < count; ++i) {
        co_await a.write_all(text);
        co_await io::read_exact(b, buffer);
    }
}

task<> measure(bool tiny) {
    const story::authority root;
    const auto own = root.sign("a.org");
    const auto trusting = [&] { return tls::client_options().ca_pem(root.pem()); };
    const ends fresh{tls::context(trusting().sessions(0)), tls::context{tls::server_options(own)}};
    const ends again{tls::context(trusting()), fresh.server};
    const int rounds = tiny ? 1 : 15;
    const std::size_t few = tiny ? 2 : 200, many = tiny ? 10 : 3000;

    const auto handshakes = [&](std::size_t count) -> task<> {
        for (std::size_t i = 0; i < count; ++i)
            auto made = co_await connected(fresh);
    };
    const auto bare_handshakes = [&](std::size_t count) -> task<> {
        for (std::size_t i = 0; i < count; ++i) {
            tls::detail::engine client(fresh.client, "a.org", "bare");
            tls::detail::engine server(fresh.server, "", "bare");
            shake(client, server);
        }
        co_return;
    };
    co_await compare("tls handshake", "openssl alone", few, rounds, handshakes, bare_handshakes);

    const auto resumptions = [&](std::size_t count) -> task<> {
        for (std::size_t i = 0; i < count; ++i) {
            auto made = co_await connected(again);
            std::byte one{};
            co_await made.second.write_all(std::span(&one, 1));
            (void)co_await made.first.read(std::span(&one, 1));  // and with it the tickets
        }
    };
    co_await compare("tls resumption", "full handshake", few, rounds, resumptions, handshakes);

    auto pair = co_await connected(fresh);
    auto plain = io::duplex(256 * 1024);
    tls::detail::engine client(fresh.client, "a.org", "bare");
    tls::detail::engine server(fresh.server, "", "bare");
    shake(client, server);

    const std::vector<std::byte> large(64 * 1024), small(100);
    const auto tls_bulk = [&](std::size_t count) { return bulk(pair.first, pair.second, count, large); };
    const auto plain_bulk = [&](std::size_t count) { return bulk(plain.first, plain.second, count, large); };
    const auto bare = [&](std::size_t count, const std::vector<std::byte>& text) {
        std::vector<std::byte> buffer(64 * 1024);
        for (std::size_t i = 0; i < count; ++i) {
            client.write(text);
            carry(client, server, [&] {
                while (server.read(buffer) > 0)
                    ;
            });
        }
    };
    const auto bare_bulk = [&](std::size_t count) -> task<> { co_return bare(count, large); };
    const auto bare_small = [&](std::size_t count) -> task<> { co_return bare(count, small); };
    co_await compare("tls 64 KiB", "openssl alone", many / 3, rounds, tls_bulk, bare_bulk);
    co_await compare("tls 64 KiB", "no tls", many / 3, rounds, tls_bulk, plain_bulk);

    const auto tls_small = [&](std::size_t count) { return ping(pair.first, pair.second, count, small); };
    const auto plain_small = [&](std::size_t count) { return ping(plain.first, plain.second, count, small); };
    co_await compare("tls 100 bytes", "openssl alone", many, rounds, tls_small, bare_small);
    co_await compare("tls 100 bytes", "no tls", many, rounds, tls_small, plain_small);
}

}  // namespace

int main(int argc, char** argv) {
    const bool tiny = argc > 1 && std::strcmp(argv[1], "--tiny") == 0;
    run(io::make_virtual_time(), [&] { return measure(tiny); });
}
