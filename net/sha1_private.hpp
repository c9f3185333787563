#pragma once
// SHA-1 (FIPS 180-4), which the handshake of RFC 6455 uses to show that a server understood it, and for
// nothing else: it protects nobody.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ringlet::net {

namespace detail {

inline void sha1_block(std::array<std::uint32_t, 5>& h, std::string_view block) {
    std::array<std::uint32_t, 80> w{};
    for (std::size_t i = 0; i < 64; ++i)
        w[i / 4] = w[i / 4] << 8 | static_cast<unsigned char>(block[i]);
    for (std::size_t i = 16; i < 80; ++i)
        w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    auto [a, b, c, d, e] = h;
    for (std::size_t i = 0; i < 80; ++i) {
        const std::uint32_t f = i < 20              ? (b & c) | (~b & d)
                                : i < 40 || i >= 60 ? b ^ c ^ d
                                                    : (b & c) | (b & d) | (c & d);
        const std::uint32_t k = i < 20 ? 0x5a827999U : i < 40 ? 0x6ed9eba1U : i < 60 ? 0x8f1bbcdcU : 0xca62c1d6U;
        const std::uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
        e = d;
        d = c;
        c = std::rotl(b, 30);
        b = a;
        a = next;
    }
    h = {h[0] + a, h[1] + b, h[2] + c, h[3] + d, h[4] + e};
}

}  // namespace detail

/// The 20 bytes.
inline std::string sha1(std::string_view text) {
    std::array<std::uint32_t, 5> h{0x67452301U, 0xefcdab89U, 0x98badcfeU, 0x10325476U, 0xc3d2e1f0U};
    std::string padded(text);
    padded += '\x80';
    padded.append((120 - padded.size() % 64) % 64, '\0');
    for (int shift = 56; shift >= 0; shift -= 8)
        padded += static_cast<char>(std::uint64_t{text.size()} * 8 >> shift);
    for (std::size_t at = 0; at < padded.size(); at += 64)
        detail::sha1_block(h, std::string_view(padded).substr(at, 64));
    std::string out;
    for (const std::uint32_t word : h)
        for (int shift = 24; shift >= 0; shift -= 8)
            out += static_cast<char>(word >> shift);
    return out;
}

}  // namespace ringlet::net
