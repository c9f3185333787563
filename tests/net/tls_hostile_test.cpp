// Bytes that come in every size, peers that lie, and greenlets that die at every moment.

#include "support/sweep.hpp"
#include "support/tls_world.hpp"

#include <ringlet/net/tls_openssl_private.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace net_tls_hostile_test {

using namespace story;
using testing::AnyOf;
using testing::HasSubstr;

const tls::context& client() {
    static const tls::context the(trusting().sessions(0));
    return the;
}
const tls::context& server() {
    static const tls::context the(serving());
    return the;
}

/// A stream that gives at most so many bytes at a time, the first `whole` ones excepted, which come in
/// one piece; and that turns over one byte on request.
class meddled {
public:
    explicit meddled(ringlet::io::memory_stream s) : inner_(std::move(s)) {}
    std::size_t at_most = 1 << 20;
    std::size_t first = 1 << 20;  ///< then the first read ends here
    std::size_t flips = SIZE_MAX;  ///< the byte that is read wrong
    std::size_t ends = SIZE_MAX;  ///< what comes later is lost, with the connection
    std::size_t count = 0;

    task<std::size_t> read(std::span<std::byte> into) {
        if (count >= ends)
            co_return 0;
        const std::size_t before = std::min(first, ends) > count ? std::min(first, ends) - count : ends - count;
        const std::size_t most = std::min({into.size(), at_most, before});
        const std::size_t got = co_await inner_.read(into.first(most));
        if (flips >= count && flips < count + got)
            into[flips - count] ^= std::byte(1);
        count += got;
        co_return got;
    }
    auto write_all(std::span<const std::byte> from) { return inner_.write_all(from); }
    auto shutdown() { return inner_.shutdown(); }
    void close() noexcept { inner_.close(); }
    std::string name() const { return inner_.name(); }

private:
    ringlet::io::memory_stream inner_;
};

/// A whole conversation; what each end got, or the first error at each.
struct talk_outcome {
    std::string client_got, server_got, client_error, server_error;
    std::size_t bytes = 0;  // that the client read
};

task<> client_side(meddled below, talk_outcome* out) {
    try {
        auto asked = tls::connect(std::move(below), "a.org", client());
        tls::stream s = co_await std::move(asked);
        co_await write_text(s, "question");
        co_await s.shutdown();
        co_await read_to_end(s, out->client_got);
    } catch (const std::system_error& e) {
        out->client_error = e.what();
    }
    EXPECT_EQ(errors_left_behind(), 0u);
}

task<> server_side(ringlet::io::memory_stream below, talk_outcome* out) {
    try {
        auto waited = tls::accept(std::move(below), server());
        tls::stream s = co_await std::move(waited);
        co_await read_to_end(s, out->server_got);
        co_await write_text(s, "answer");
        co_await s.shutdown();
    } catch (const std::system_error& e) {
        out->server_error = e.what();
    }
    EXPECT_EQ(errors_left_behind(), 0u);
}

template <class Meddle>
talk_outcome talk(Meddle meddle, std::size_t capacity = 64 * 1024) {
    talk_outcome out;
    in_virtual_time([&]() -> task<> {
        auto [near, far] = ringlet::io::duplex(capacity);
        meddled below(std::move(near));
        meddle(below);
        auto together = ringlet::all(client_side(std::move(below), &out), server_side(std::move(far), &out));
        co_await std::move(together);
    });
    return out;
}

void expect_good(const talk_outcome& out) {
    EXPECT_EQ(out.client_error + out.server_error, "");
    EXPECT_EQ(out.client_got, "answer");
    EXPECT_EQ(out.server_got, "question");
}

/// What the server sends in a whole conversation, more or less (signatures have one length: Ed25519).
constexpr std::size_t bytes_of_a_talk = 1700;

TEST(tls_hostile, bytes_may_come_one_at_a_time) {
    expect_good(talk([](meddled& m) { m.at_most = 1; }));
    for (const std::size_t capacity : {1U, 2U, 3U, 5U, 7U, 100U})
        expect_good(talk([](meddled&) {}, capacity));
}

TEST(tls_hostile, the_bytes_may_be_split_anywhere) {
    for (std::size_t at = 1; at < bytes_of_a_talk && !testing::Test::HasFailure(); ++at)
        expect_good(talk([&](meddled& m) { m.first = at; }));
}

TEST(tls_hostile, a_stream_that_is_cut_off_anywhere_is_never_taken_for_whole) {
    for (std::size_t at = 0; at < bytes_of_a_talk; at += at < 200 ? 1 : 3) {
        const talk_outcome out = talk([&](meddled& m) { m.ends = at; });
        if (out.client_error.empty()) {
            expect_good(out);  // nothing of it was missing
            EXPECT_GT(at, 900u);
            return;
        }
        EXPECT_THAT(out.client_error, AnyOf(HasSubstr("closed the connection during the handshake"),
                                            HasSubstr("it ended without a close_notify")));
    }
}

TEST(tls_hostile, a_byte_that_was_changed_anywhere_is_noticed) {
    std::size_t unnoticed = 0;
    for (std::size_t at = 0; at < 900; at += at < 100 ? 1 : 7) {
        const talk_outcome out = talk([&](meddled& m) { m.flips = at; });
        if (out.client_error.empty()) {
            expect_good(out);
            ++unnoticed;
        } else {
            EXPECT_EQ(out.client_got, "");
        }
        if (testing::Test::HasFailure())
            return;
    }
    EXPECT_LE(unnoticed, 3u) << "only the old version in the header of a plain record means nothing";
}

std::string refused_bytes(std::string bytes) {
    std::string said;
    in_virtual_time([&]() -> task<> {
        auto [peer, here] = ringlet::io::duplex(1 << 20, "peer");
        co_await write_text(peer, bytes);
        auto waited = tls::accept(std::move(here), server());
        said = co_await error_from(std::move(waited));
        EXPECT_EQ(errors_left_behind(), 0u);
    });
    return said;
}

TEST(tls_hostile, garbage_is_refused_at_once) {
    const std::string act = "tls handshake with peer:right: ";
    EXPECT_EQ(refused_bytes(std::string(100'000, 'x')), act + "the peer does not speak TLS");
    EXPECT_EQ(refused_bytes(std::string(100'000, '\0')), act + "the peer does not speak TLS");
    EXPECT_EQ(refused_bytes(numbered_bytes(50'000)), act + "the peer does not speak TLS");
    // A record that says it is larger than any may be.
    EXPECT_THAT(refused_bytes(std::string("\x16\x03\x01\xff\xff", 5) + std::string(70'000, 'x')),
                HasSubstr("packet length too long"));
    // A hello that says it has 16 MiB.
    EXPECT_THAT(refused_bytes(std::string("\x16\x03\x01\x00\x09\x01\xff\xff\xff\x03\x03\x00\x00\x00", 14)),
                HasSubstr("excessive message size"));
    EXPECT_THAT(refused_bytes(std::string("\x17\x03\x03\x00\x01\x00", 6)),
                HasSubstr("tls handshake with peer:right: "));
}

TEST(tls_hostile, a_killed_handshake_leaves_nothing_behind) {
    const std::size_t moments = sweep([]() -> task<> {
        auto [near, far] = ringlet::io::duplex(500);
        tls_pair both = co_await tls_over(std::move(near), std::move(far), client(), server());
        co_await write_text(*both.client, "hello");
        EXPECT_EQ(co_await read_count(*both.server, 5), "hello");
        co_await both.client->shutdown();
        EXPECT_EQ(co_await read_some(*both.server), "");
    });
    EXPECT_GT(moments, 3u);
    EXPECT_EQ(errors_left_behind(), 0u);
}

/// A peer of OpenSSL's own, in memory: for what our side never does.
class plain_peer {
public:
    explicit plain_peer(long options = 0) : ctx_(SSL_CTX_new(TLS_client_method())) {
        SSL_CTX_set_max_proto_version(ctx_.get(), TLS1_2_VERSION);
        SSL_CTX_set_options(ctx_.get(), static_cast<std::uint64_t>(options));
        ssl_.reset(SSL_new(ctx_.get()));
        SSL_set_bio(ssl_.get(), in_ = BIO_new(BIO_s_mem()), out_ = BIO_new(BIO_s_mem()));
        SSL_set_connect_state(ssl_.get());
    }
    SSL* ssl() const { return ssl_.get(); }

    /// Sends what it has to say, and takes what has come.
    task<> exchange(ringlet::io::memory_stream& with) {
        char* data = nullptr;
        const auto size = static_cast<std::size_t>(BIO_get_mem_data(out_, &data));
        const std::string text(data, size);
        (void)BIO_reset(out_);
        if (!text.empty())
            co_await write_text(with, text);
        co_await settle();
        const auto got =
            co_await as_result(ringlet::with_timeout(std::chrono::milliseconds(1), read_some(with, 20'000)));
        if (got)
            BIO_write(in_, got->data(), static_cast<int>(got->size()));
    }

private:
    ringlet::tls::detail::ctx_ptr ctx_;
    ringlet::tls::detail::ssl_ptr ssl_;
    BIO* in_ = nullptr;
    BIO* out_ = nullptr;
};

TEST(tls_hostile, renegotiation_is_refused_and_the_connection_goes_on) {
    in_virtual_time([]() -> task<> {
        auto [peer, here] = ringlet::io::duplex();
        plain_peer raw;
        const auto other = spawn([&here]() -> task<> {
            auto waited = tls::accept(std::move(here), server());
            tls::stream s = co_await std::move(waited);
            EXPECT_EQ(co_await read_some(s), "before");
            EXPECT_EQ(co_await read_some(s), "after");
        });
        for (int i = 0; i < 5 && SSL_do_handshake(raw.ssl()) != 1; ++i)
            co_await raw.exchange(peer);
        EXPECT_EQ(SSL_write(raw.ssl(), "before", 6), 6);
        co_await raw.exchange(peer);
        EXPECT_EQ(SSL_renegotiate(raw.ssl()), 1);
        EXPECT_NE(SSL_do_handshake(raw.ssl()), 1);
        co_await raw.exchange(peer);
        char none = 0;
        EXPECT_LE(SSL_read(raw.ssl(), &none, 1), 0);  // a warning: no renegotiation
        EXPECT_EQ(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
        errors_left_behind();
        other.kill();
        co_await other.join();
    });
}

}  // namespace net_tls_hostile_test
