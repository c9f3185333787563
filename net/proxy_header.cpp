#include <ringlet/net/proxy_header.hpp>

#include "ascii_private.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

namespace ringlet::net {
namespace {

constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t v2_head = 16;
constexpr std::size_t v2_most = 4096;
constexpr std::string_view v1_start = "PROXY ";
constexpr std::size_t v1_least = 15;  // "PROXY UNKNOWN\r\n"
constexpr std::size_t v1_most = 107;

[[noreturn]] void refuse(const char* why) { throw proxy_header_error(why); }

std::size_t byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }
std::size_t two_at(std::string_view text, std::size_t at) { return byte_at(text, at) << 8 | byte_at(text, at + 1); }

// --- version 1 ---------------------------------------------------------------------------------------

std::string_view next_word(std::string_view& line) {
    const std::size_t end = line.find(' ');
    const std::string_view word = line.substr(0, end);
    line = end == line.npos ? std::string_view() : line.substr(end + 1);
    return word;
}

/// Decimal, without signs or leading zeros.
std::uint16_t port_of(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size() || (text.size() > 1 && text[0] == '0'))
        refuse("a port makes no sense");
    return port;
}

proxy_header parse_v1(std::string_view line) {
    proxy_header header;
    line.remove_prefix(v1_start.size());
    const std::string_view family = next_word(line);
    if (family == "UNKNOWN")
        return header;  // whatever follows is to be ignored
    if (family != "TCP4" && family != "TCP6")
        refuse("neither TCP4, TCP6 nor UNKNOWN");
    const std::string_view source = next_word(line), destination = next_word(line);
    const std::string_view source_port = next_word(line), destination_port = line;
    header.source = address::try_ip(source, port_of(source_port));
    header.destination = address::try_ip(destination, port_of(destination_port));
    const int wanted = family == "TCP4" ? AF_INET : AF_INET6;
    if (!header.source || !header.destination || header.source->family() != wanted ||
        header.destination->family() != wanted || source.find('%') != source.npos)
        refuse("an address makes no sense");
    return header;
}

// --- version 2 ---------------------------------------------------------------------------------------

address ip4_at(std::string_view data, std::size_t at, std::size_t port_at) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    std::memcpy(&a.sin_addr, data.data() + at, 4);
    std::memcpy(&a.sin_port, data.data() + port_at, 2);
    return address::from(&a, sizeof a);
}

address ip6_at(std::string_view data, std::size_t at, std::size_t port_at) {
    sockaddr_in6 a{};
    a.sin6_family = AF_INET6;
    std::memcpy(&a.sin6_addr, data.data() + at, 16);
    std::memcpy(&a.sin6_port, data.data() + port_at, 2);
    return address::from(&a, sizeof a);
}

/// 108 bytes, ended by a NUL if there is room; a peer without a name has an empty one.
std::optional<address> unix_at(std::string_view data, std::size_t at) {
    const std::string_view field = data.substr(at, 108);
    if (field[0] == '\0') {
        const std::string_view name = field.substr(1, field.substr(1).find('\0'));
        return name.empty() ? std::optional<address>() : address::unix_abstract(name);
    }
    return address::unix_path(field.substr(0, std::min<std::size_t>(field.find('\0'), 107)));
}

/// RFC 3309, bit by bit: headers are short.
std::uint32_t crc32c(std::string_view text, std::size_t hole) {
    std::uint32_t crc = ~0U;
    for (std::size_t i = 0; i < text.size(); ++i) {
        crc ^= i >= hole && i < hole + 4 ? 0U : static_cast<unsigned char>(text[i]);
        for (int bit = 0; bit < 8; ++bit)
            crc = crc >> 1 ^ (0x82f63b78U & (0U - (crc & 1U)));
    }
    return ~crc;
}

/// Type, length, value, over and over (section 2.2).
void read_extras(std::string_view whole, std::size_t at, proxy_header& header) {
    while (at < whole.size()) {
        if (whole.size() - at < 3 || whole.size() - at - 3 < two_at(whole, at + 1))
            refuse("what follows the addresses is cut short");
        const std::size_t type = byte_at(whole, at), size = two_at(whole, at + 1);
        const std::string_view value = whole.substr(at + 3, size);
        if (type == 1)
            header.alpn = value;
        else if (type == 2)
            header.authority = value;
        else if (type == 3 && (size != 4 || crc32c(whole, at + 3) != (two_at(value, 0) << 16 | two_at(value, 2))))
            refuse("its checksum is wrong");
        at += 3 + size;
    }
}

proxy_header parse_v2(std::string_view whole) {
    proxy_header header;
    const std::size_t command = byte_at(whole, 12) & 15, family = byte_at(whole, 13);
    if (command > 1)
        refuse("neither LOCAL nor PROXY");
    if (command == 0)
        return header;
    constexpr std::array<std::size_t, 4> sizes{0, 12, 36, 216};
    if (family >> 4 >= sizes.size() || (family & 15) > 2)
        refuse("an unknown kind of address");
    const std::size_t size = sizes[family >> 4];
    if (whole.size() < v2_head + size)
        refuse("the addresses are cut short");
    switch (family >> 4) {
        case 1:
            header.source = ip4_at(whole, 16, 24);
            header.destination = ip4_at(whole, 20, 26);
            break;
        case 2:
            header.source = ip6_at(whole, 16, 48);
            header.destination = ip6_at(whole, 32, 50);
            break;
        case 3:
            header.source = unix_at(whole, 16);
            header.destination = unix_at(whole, 124);
            break;
        default: break;
    }
    read_extras(whole, v2_head + size, header);
    return header;
}

}  // namespace

std::size_t proxy_header_needs(std::string_view got) {
    const std::size_t known = std::min(got.size(), signature.size());
    if (got.substr(0, known) == signature.substr(0, known)) {
        if (got.size() < v1_least)  // as many as either version has
            return v1_least - got.size();
        if (got.size() >= 13 && byte_at(got, 12) >> 4 != 2)
            refuse("neither version 1 nor version 2");
        if (got.size() < v2_head)
            return v2_head - got.size();
        const std::size_t size = v2_head + two_at(got, 14);
        if (size > v2_most)
            refuse("it is too long");
        return size - std::min(got.size(), size);
    }
    if (got.substr(0, v1_start.size()) != v1_start.substr(0, got.size()))
        refuse("the connection begins with something else");
    if (got.ends_with("\r\n"))
        return 0;
    if (got.size() >= v1_most)
        refuse("it is too long");
    return got.size() < v1_least ? v1_least - got.size() : 1;
}

proxy_header parse_proxy_header(std::string_view whole) {
    if (whole.empty() || proxy_header_needs(whole) != 0)
        refuse("it is cut short");
    if (whole.starts_with(signature)) {
        if (whole.size() != v2_head + two_at(whole, 14))
            refuse("something follows it");
        return parse_v2(whole);
    }
    const std::string_view line = whole.substr(0, whole.size() - 2);
    if (line.find_first_of("\r\n") != line.npos)
        refuse("something follows it");
    return parse_v1(line);
}

}  // namespace ringlet::net
