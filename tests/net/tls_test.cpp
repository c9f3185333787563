// TLS between two ends of a memory stream: what flows, how it ends, and what goes wrong on the way.

#include "support/allocations.hpp"
#include "support/tls_world.hpp"

#include <ringlet/net/tls_stream_private.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace net_tls_test {

using namespace story;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

const tls::context& client() {
    static const tls::context the(trusting());
    return the;
}
const tls::context& server() {
    static const tls::context the(serving());
    return the;
}

TEST(tls, carries_bytes_both_ways) {
    in_virtual_time([]() -> task<> {
        tls_pair both = co_await tls_in_memory(client(), server());
        EXPECT_EQ(both.client_error + both.server_error, "");
        co_await write_text(*both.client, "hello");
        EXPECT_EQ(co_await read_some(*both.server), "hello");
        co_await write_text(*both.server, "and back");
        EXPECT_EQ(co_await read_some(*both.client), "and back");
        EXPECT_EQ(both.client->version(), "TLSv1.3");
        EXPECT_EQ(both.server->server_name(), "a.org");
        EXPECT_EQ(both.client->peer_subject(), "CN=a.org");
        EXPECT_THAT(both.client->peer_certificate(), StartsWith("-----BEGIN CERTIFICATE-----"));
        EXPECT_EQ(both.server->peer_certificate(), "");
        EXPECT_EQ(errors_left_behind(), 0u);
    });
}

TEST(tls, a_write_that_finds_no_memory_keeps_no_later_one_waiting) {
    in_virtual_time([]() -> task<> {
        bool enough = false;
        for (std::size_t allocations = 0; !enough; ++allocations) {
            tls_pair both = co_await tls_in_memory(client(), server());
            std::optional<memory_for> little;
            const auto writer = spawn([&]() -> task<> {
                auto writing = both.client->write_all(ringlet::io::bytes_of("hello"));
                little.emplace(allocations);
                try {
                    co_await std::move(writing);
                    enough = true;
                } catch (const std::bad_alloc&) {
                    little.reset();
                }
            });
            const auto gives_more = spawn([&] { little.reset(); });  // once the writer waits
            co_await writer.join();
            co_await gives_more.join();
            auto again = both.client->write_all(ringlet::io::bytes_of("again"));
            const auto outcome = co_await as_result(with_timeout(1h, std::move(again)));
            EXPECT_NE(outcome.error(), std::errc::timed_out) << "with " << allocations << " allocations";
            both.client->close();
        }
    });
}

TEST(tls, a_read_that_finds_no_memory_to_answer_gives_what_it_has_read) {
    in_virtual_time([]() -> task<> {
        bool enough = false;
        for (std::size_t allocations = 0; !enough; ++allocations) {
            tls_pair both = co_await tls_in_memory(client(), server());
            co_await write_text(*both.client, "hello");
            co_await ringlet::sleep_for(1s);
            // Nonsense behind it, which is answered by an alert.
            const std::string record = std::string("\x17\x03\x03\0\x20", 5) + std::string(0x20, 'x');
            co_await tls::stream::state::of(*both.client).below.write_all(ringlet::io::bytes_of(record));
            std::byte room[100];
            std::size_t count = 0;
            try {
                const no_kept_frames taken;
                auto reading = both.server->read(room);
                const memory_for little(allocations);
                count = co_await std::move(reading);
                enough = true;
            } catch (const std::bad_alloc&) {}
            try {
                if (count == 0)
                    count = co_await both.server->read(room);
                EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(room), count), "hello");
                (void)co_await both.server->read(room);
                ADD_FAILURE() << "nonsense made sense";
            } catch (const std::bad_alloc&) {
                enough = false;
                continue;  // there was none for the alert itself
            } catch (const tls::error& e) {
                EXPECT_EQ(count, 5u) << "with " << allocations << " allocations: " << e.what();
            }
            const auto told = co_await as_result(with_timeout(1h, read_some(*both.client)));
            EXPECT_EQ(told.error(), tls::errc::refused) << "with " << allocations << " allocations";
        }
    });
}

TEST(tls, speaks_1_2_with_those_who_know_nothing_newer) {
    in_virtual_time([]() -> task<> {
        const tls::context old(serving().max_version(tls::version::tls1_2));
        tls_pair both = co_await tls_in_memory(client(), old);
        EXPECT_EQ(both.client_error + both.server_error, "");
        EXPECT_EQ(both.client->version(), "TLSv1.2");
        co_await write_text(*both.client, "hello");
        EXPECT_EQ(co_await read_some(*both.server), "hello");
    });
}

TEST(tls, says_when_no_version_is_common) {
    const auto said = refusals(tls::context(trusting().min_version(tls::version::tls1_3)),
                               tls::context(serving().max_version(tls::version::tls1_2)));
    EXPECT_EQ(said.first, "tls handshake with a.org:left: the peer refused: protocol version");
    EXPECT_EQ(said.second, "tls handshake with a.org:right: unsupported protocol");
}

TEST(tls, agrees_on_a_protocol_by_the_servers_preference) {
    in_virtual_time([]() -> task<> {
        const tls::context asks(trusting().alpn({"http/1.1", "h2"}));
        const tls::context has(serving().alpn({"h2", "http/1.1"}));
        tls_pair both = co_await tls_in_memory(asks, has);
        EXPECT_EQ(both.client->alpn(), "h2");
        EXPECT_EQ(both.server->alpn(), "h2");
        tls_pair silent = co_await tls_in_memory(client(), has);
        EXPECT_EQ(silent.client->alpn(), "");
    });
    const auto said = refusals(tls::context(trusting().alpn({"spdy/1"})), tls::context(serving().alpn({"h2"})));
    EXPECT_EQ(said.first, "tls handshake with a.org:left: the peer refused: no application protocol");
    EXPECT_EQ(said.second, "tls handshake with a.org:right: no application protocol");
}

TEST(tls, resumes_a_session) {
    for (const tls::version v : {tls::version::tls1_2, tls::version::tls1_3}) {
        in_virtual_time([&]() -> task<> {
            const tls::context asks(trusting().max_version(v));
            const tls::context has(serving());
            for (const bool again : {false, true, true}) {
                tls_pair both = co_await tls_in_memory(asks, has);
                EXPECT_EQ(both.client_error + both.server_error, "");
                EXPECT_EQ(both.client->resumed(), again);
                EXPECT_EQ(both.server->resumed(), again);
                co_await write_text(*both.server, "x");
                EXPECT_EQ(co_await read_some(*both.client), "x");  // and the tickets with it
                EXPECT_EQ(both.client->peer_subject(), "CN=a.org");
            }
            tls_pair elsewhere = co_await tls_in_memory(tls::context(trusting().max_version(v)), has);
            EXPECT_FALSE(elsewhere.client->resumed()) << "a session of another context";
        });
    }
}

TEST(tls, tells_the_end_from_a_lost_connection) {
    in_virtual_time([]() -> task<> {
        tls_pair both = co_await tls_in_memory(client(), server());
        co_await write_text(*both.client, "all of it");
        co_await both.client->shutdown();
        EXPECT_EQ(co_await read_some(*both.server), "all of it");
        EXPECT_EQ(co_await read_some(*both.server), "");

        tls_pair cut = co_await tls_in_memory(client(), server());
        co_await write_text(*cut.server, "go");
        EXPECT_EQ(co_await read_some(*cut.client), "go");
        co_await write_text(*cut.client, "a part");
        cut.client->close();
        EXPECT_EQ(co_await read_some(*cut.server), "a part");
        for (int i = 0; i < 2; ++i)
            EXPECT_EQ(co_await error_from(read_some(*cut.server)),
                      "read from a.org:right: the stream was cut off: it ended without a close_notify");
        const auto read = co_await as_result(read_some(*cut.server));
        EXPECT_EQ(read.error(), tls::errc::truncated);
        EXPECT_EQ(read.error(), std::errc::connection_reset);
    });
}

TEST(tls, gives_up_on_a_peer_that_says_nothing) {
    in_virtual_time([]() -> task<> {
        const ringlet::time_point start = ringlet::loop::current().now();
        auto [near, far] = ringlet::io::duplex(64 * 1024, "silent");
        auto asked = tls::connect(std::move(near), "a.org", client());
        EXPECT_EQ(co_await error_from(std::move(asked)), "tls handshake with silent:left: timed out after 10 s");
        auto [quiet, here] = ringlet::io::duplex(64 * 1024, "quiet");
        const tls::context hurried(serving().handshake_timeout(std::chrono::seconds(2)));
        auto waited = tls::accept(std::move(here), hurried);
        EXPECT_EQ(co_await error_from(std::move(waited)), "tls handshake with quiet:right: timed out after 2 s");
        EXPECT_GE(ringlet::loop::current().now() - start, std::chrono::seconds(12));
    });
}

TEST(tls, says_when_the_peer_speaks_something_else) {
    in_virtual_time([]() -> task<> {
        auto [near, far] = ringlet::io::duplex(64 * 1024, "plain");
        co_await write_text(far, "HTTP/1.1 400 Bad Request\r\n\r\n");
        auto asked = tls::connect(std::move(near), "a.org", client());
        EXPECT_EQ(co_await error_from(std::move(asked)),
                  "tls handshake with plain:left: the peer does not speak TLS");

        auto [browser, here] = ringlet::io::duplex(64 * 1024, "plain");
        co_await write_text(browser, "GET / HTTP/1.1\r\n\r\n");
        auto waited = tls::accept(std::move(here), server());
        EXPECT_EQ(co_await error_from(std::move(waited)),
                  "tls handshake with plain:right: the peer does not speak TLS");

        auto [gone, left] = ringlet::io::duplex(64 * 1024, "gone");
        co_await gone.shutdown();
        auto alone = tls::accept(std::move(left), server());
        EXPECT_EQ(co_await error_from(std::move(alone)),
                  "tls handshake with gone:right: the peer closed the connection during the handshake");
        EXPECT_EQ(errors_left_behind(), 0u);
    });
}

TEST(tls, goes_on_after_its_keys_were_changed) {
    in_virtual_time([]() -> task<> {
        tls_pair both = co_await tls_in_memory(client(), server());
        for (int i = 0; i < 3; ++i) {
            co_await both.client->update_keys();
            co_await write_text(*both.client, "ping");
            EXPECT_EQ(co_await read_some(*both.server), "ping");
            co_await write_text(*both.server, "pong");
            EXPECT_EQ(co_await read_some(*both.client), "pong");
        }
        tls_pair old = co_await tls_in_memory(client(), tls::context(serving().max_version(tls::version::tls1_2)));
        EXPECT_EQ(co_await error_from(old.client->update_keys()),
                  "update the keys of a.org:left: TLSv1.2 has no key updates");
    });
}

/// Counts the key updates that an end sends or gets.
int key_updates = 0;
void count_key_updates(int, int, int type, const void* data, std::size_t size, SSL*, void*) {
    if (type == SSL3_RT_HANDSHAKE && size > 0 && *static_cast<const unsigned char*>(data) == SSL3_MT_KEY_UPDATE)
        ++key_updates;
}

TEST(tls, changes_the_keys_of_a_long_conversation_by_itself) {
    in_virtual_time([]() -> task<> {
        tls_pair both = co_await tls_in_memory(client(), server());
        auto& of_client = tls::stream::state::of(*both.client);
        of_client.engine.rekey_after = 100'000;
        SSL_set_msg_callback(both.server->native_handle(), &count_key_updates);
        for (int i = 0; i < 50; ++i) {
            co_await write_text(*both.client, std::string(10'000, 'x'));
            EXPECT_EQ(co_await read_count(*both.server, 10'000), std::string(10'000, 'x'));
        }
        EXPECT_EQ(key_updates, 4);
    });
}

TEST(tls, may_be_awaited_as_it_is_made) {
    in_virtual_time([]() -> task<> {
        auto [near, far] = ringlet::io::duplex();
        const auto other = spawn(
            [](ringlet::io::memory_stream below) -> task<> {
                tls::stream s =
                    co_await tls::accept(ringlet::io::any_stream(std::move(below)), tls::context(serving()));
                co_await s.write_all(bytes_of("hello"));
            },
            std::move(far));
        tls::stream s = co_await tls::connect(std::move(near), std::string("a.org"), tls::context(trusting()));
        EXPECT_EQ(co_await read_some(s), "hello");
        co_await other.get();
    });
}

TEST(tls, holds_little_while_idle) {
    in_virtual_time([]() -> task<> {
        tls_pair both = co_await tls_in_memory(client(), server());
        std::string got;
        const auto reader = spawn([&] { return read_to_end(*both.server, got); });
        for (int i = 0; i < 30; ++i)
            co_await write_text(*both.client, std::string(100'000, 'x'));
        for (int i = 0; i < 5; ++i) {
            co_await write_text(*both.client, "small");
            co_await settle();
        }
        EXPECT_EQ(got.size(), 30u * 100'000 + 5u * 5);
        EXPECT_LE(both.client->buffered(), 4096u);
        EXPECT_LE(both.server->buffered(), 8192u);
        co_await both.client->shutdown();
        co_await reader.get();
    });
}

TEST(tls, both_may_send_much_at_the_same_time) {
    in_virtual_time([]() -> task<> {
        tls_pair both = co_await tls_in_memory(client(), server());
        const std::string much(1 << 20, 'x');
        const auto send = [&much](tls::stream& by) { return write_text(by, much); };
        const auto one = spawn(send, std::ref(*both.client)), other = spawn(send, std::ref(*both.server));
        const auto hear = [&much](tls::stream& by) -> task<std::size_t> {
            std::size_t got = 0;
            while (got < much.size())
                got += (co_await read_some(by)).size();
            co_return got;
        };
        auto heard = ringlet::all(hear(*both.client), hear(*both.server));
        const auto got = co_await ringlet::with_timeout(10s, std::move(heard));
        EXPECT_EQ(got, std::make_tuple(much.size(), much.size()));
        co_await one.get();
        co_await other.get();
    });
}

TEST(tls, writers_who_give_up_pile_up_nothing) {
    in_virtual_time([]() -> task<> {
        tls_pair both = co_await tls_in_memory(client(), server());
        const std::string message(50'000, 'x');
        int given_up = 0;
        for (int i = 0; i < 100; ++i) {
            auto writing = ringlet::with_timeout(1s, write_text(*both.client, message));
            given_up += co_await ringlet::as_result(std::move(writing)) ? 0 : 1;
        }
        EXPECT_GT(given_up, 90);
        EXPECT_LE(both.client->buffered(), 256u * 1024);
    });
}

TEST(tls, works_on_a_fiber) {
    in_virtual_time([] {
        auto [near, far] = ringlet::io::duplex();
        const auto other = spawn([&far] {
            tls::stream s = await(tls::accept(std::move(far), server()));
            EXPECT_EQ(await(read_some(s)), "from a fiber");
            await(write_text(s, "to a fiber"));
            await(s.shutdown());
        });
        tls::stream s = await(tls::connect(std::move(near), "a.org", client()));
        await(write_text(s, "from a fiber"));
        EXPECT_EQ(await(read_some(s)), "to a fiber");
        EXPECT_EQ(await(read_some(s)), "");
        await(other.get());
    });
}

}  // namespace net_tls_test
