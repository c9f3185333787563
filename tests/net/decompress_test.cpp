// Compressed bodies: the same bytes whole, one at a time and split at every position; what is malformed,
// what ends early, and what is much larger than it looks.

#include <ringlet/net/decompress.hpp>
#include <ringlet/net/http_error.hpp>

#include <gmock/gmock.h>

namespace net_decompress_test {

using namespace ringlet;

std::string unhex(std::string_view hex) {
    std::string bytes;
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
    return bytes;
}

// "hello hello hello hello\n" by gzip(1), zlib, raw deflate, brotli(1) and zstd(1).
const std::string plain = "hello hello hello hello\n";
const std::string in_gzip = unhex("1f8b0800000000000203cb48cdc9c957c84027b9000088590b18000000");
const std::string in_zlib = unhex("789ccb48cdc9c957c84027b90070be08bb");
const std::string in_raw = unhex("cb48cdc9c957c84027b900");
const std::string in_brotli = unhex("1b1700f88d946ede445586d60a206c6f4a1179e280ae16");
const std::string in_zstd = unhex("28b52ffd04586d00003868656c6c6f200a0100994b11a87c2ea8");
const std::string twice_gzip =
    unhex("1f8b080000000000020393efe660000126e6d31e674f9e0c3fe1a0be9381a123925b0228080011b2f66f1d000000");
const std::string bomb = unhex(
    "1f8b080000000000020393efe660000126e6b7070d19818c430bbefae772c42f601805a360148c3860c72cf3ca623903"
    "8300030023f0b4901b040000");

/// What comes out when `bytes` come in pieces of `step` bytes, but cut once more at `cut`.
std::string undone(std::string_view coding, std::string_view bytes, std::size_t step, std::size_t room = 7,
                   std::size_t cut = 0, std::uint64_t most = 1 << 20) {
    auto d = http::decompressor::make(coding, most);
    if (!d)
        return "unknown";
    std::string out;
    std::vector<std::byte> buffer(room);
    try {
        for (std::size_t at = 0; at < bytes.size();) {
            const std::size_t end = std::min(at < cut ? cut : bytes.size(), at + step);
            std::string_view piece = bytes.substr(at, end - at);
            while (const std::size_t count = d->read(piece, buffer))
                out.append(reinterpret_cast<const char*>(buffer.data()), count);
            EXPECT_TRUE(piece.empty());
            at = end;
        }
        d->finish();
    } catch (const http::protocol_error& e) {
        return e.what();
    }
    return out;
}

/// The same however it is cut.
std::string undone_every_way(std::string_view coding, std::string_view bytes) {
    const std::string whole = undone(coding, bytes, bytes.size(), 4096);
    EXPECT_EQ(undone(coding, bytes, 1), whole);
    EXPECT_EQ(undone(coding, bytes, 3, 1), whole);
    for (std::size_t cut = 1; cut < bytes.size(); ++cut)
        EXPECT_EQ(undone(coding, bytes, bytes.size(), 5, cut), whole) << "cut at " << cut;
    return whole;
}

bool can(std::string_view coding) { return http::supported_codings().find(coding) != std::string_view::npos; }

struct sample {
    const char* coding;
    const std::string& bytes;
};
const sample samples[] = {
    {"gzip", in_gzip}, {"deflate", in_zlib}, {"deflate", in_raw}, {"br", in_brotli}, {"zstd", in_zstd}};

TEST(decompress, every_coding_is_undone_however_it_is_cut) {
    for (const auto& [coding, bytes] : samples)
        if (can(coding)) {
            EXPECT_EQ(undone_every_way(coding, bytes), plain) << coding;
        }
}

TEST(decompress, what_ends_early_is_an_error_and_nothing_at_all_is_empty) {
    for (const auto& [coding, bytes] : samples)
        if (can(coding)) {
            EXPECT_EQ(undone(coding, "", 1), "") << coding;
            for (std::size_t size = 1; size < bytes.size(); ++size)
                EXPECT_EQ(undone(coding, bytes.substr(0, size), size),
                          std::string(coding) + " body: the compressed data ends early")
                    << size;
        }
}

TEST(decompress, what_is_malformed_is_an_error) {
    for (const char* coding : {"gzip", "br", "zstd", "deflate"})
        if (can(coding)) {
            EXPECT_EQ(undone_every_way(coding, "\x07this is not compressed at all"),
                      std::string(coding) + " body: the compressed data is malformed");
        }
    if (can("gzip")) {
        std::string wrong_sum = in_gzip;
        wrong_sum[wrong_sum.size() - 5] = static_cast<char>(wrong_sum[wrong_sum.size() - 5] + 1);
        EXPECT_EQ(undone_every_way("gzip", wrong_sum), "gzip body: the compressed data is malformed");
    }
}

TEST(decompress, gzip_may_have_several_members_and_padding) {
    if (!can("gzip"))
        GTEST_SKIP();
    EXPECT_EQ(undone_every_way("gzip", in_gzip + in_gzip), plain + plain);
    EXPECT_EQ(undone_every_way("gzip", in_gzip + std::string(9, '\0')), plain);
    EXPECT_EQ(undone_every_way("gzip", in_gzip + "\x1fxx"), plain);
    EXPECT_EQ(undone("gzip", in_gzip + in_gzip.substr(0, 12), 99), "gzip body: the compressed data ends early");
}

TEST(decompress, what_follows_the_end_is_taken_and_dropped) {
    if (can("br")) {
        EXPECT_EQ(undone_every_way("br", in_brotli + "more"), plain);
        EXPECT_EQ(undone_every_way("br", "\x06\n"), "") << "an empty stream";
    }
    if (can("deflate")) {
        EXPECT_EQ(undone_every_way("deflate", in_zlib + "more"), plain);
        EXPECT_EQ(undone_every_way("deflate", in_raw + "more"), plain);
    }
}

TEST(decompress, codings_may_be_stacked) {
    if (!can("gzip") || !can("deflate"))
        GTEST_SKIP();
    EXPECT_EQ(undone_every_way("gzip, gzip", twice_gzip), plain);
    EXPECT_EQ(undone("identity, gzip ,", in_gzip, 99), plain);
    EXPECT_EQ(undone("X-GZIP", in_gzip, 99), plain);
    EXPECT_THROW((void)http::decompressor::make("gzip,gzip,gzip,gzip,gzip,gzip", 1), http::protocol_error);
}

TEST(decompress, what_is_not_known_is_left_alone) {
    EXPECT_FALSE(http::decompressor::make("", 1));
    EXPECT_FALSE(http::decompressor::make("identity", 1));
    EXPECT_FALSE(http::decompressor::make("rot13", 1));
    EXPECT_FALSE(http::decompressor::make("gzip, rot13", 1));
}

TEST(decompress, a_bomb_is_refused_at_the_limit) {
    for (const auto& [coding, bytes] : samples)
        if (can(coding)) {
            EXPECT_EQ(undone(coding, bytes, 99, 7, 0, plain.size()), plain);
            EXPECT_EQ(
                undone(coding, bytes, 99, 7, 0, plain.size() - 1),
                std::string(coding) + " body, decompressed to more than 23 bytes: the body is larger than the limit");
        }
    if (can("gzip")) {
        // A megabyte of zeros, compressed twice to 52 bytes or so: the inner layer alone is too much.
        EXPECT_EQ(undone("gzip, gzip", bomb, 9999, 4096, 0, 800),
                  "gzip body, decompressed to more than 800 bytes: the body is larger than the limit");
        EXPECT_EQ(undone("gzip, gzip", bomb, 9999, 4096).size(), std::size_t{1} << 20);
    }
}

}  // namespace net_decompress_test
