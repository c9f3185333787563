#pragma once
// Frames of HTTP/2 as bytes (RFC 9113 section 4), for peers without manners.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace story::h2 {

inline const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum : std::uint8_t {
    data = 0,
    headers = 1,
    priority = 2,
    reset = 3,
    settings = 4,
    ping = 6,
    goaway = 7,
    window = 8,
    continuation = 9
};
enum : std::uint8_t { end_stream = 1, ack = 1, end_headers = 4 };

inline std::string number(std::uint32_t value) {
    std::string bytes;
    for (const int shift : {24, 16, 8, 0})
        bytes += static_cast<char>(value >> shift & 0xff);
    return bytes;
}

inline std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload = {}) {
    std::string bytes = number(static_cast<std::uint32_t>(payload.size())).substr(1);
    bytes += static_cast<char>(type);
    bytes += static_cast<char>(flags);
    return bytes.append(number(stream)).append(payload);
}

/// Fields, none of them compressed; each shorter than 127 bytes.
inline std::string block(const std::vector<std::pair<std::string, std::string>>& fields) {
    std::string bytes;
    for (const auto& [name, value] : fields) {
        bytes += '\0';
        bytes.append(1, static_cast<char>(name.size())).append(name);
        bytes.append(1, static_cast<char>(value.size())).append(value);
    }
    return bytes;
}

inline std::string request(std::uint32_t stream, std::string_view method = "GET", std::string_view path = "/",
                           const std::vector<std::pair<std::string, std::string>>& more = {}, bool ends = true) {
    const std::string head = block(
        {{":method", std::string(method)}, {":scheme", "http"}, {":path", std::string(path)}, {":authority", "h"}});
    return frame(headers, end_headers | (ends ? end_stream : 0), stream, head + block(more));
}

/// What a client says first, and the same of a server.
inline const std::string client_begins = preface + frame(settings, 0, 0) + frame(settings, ack, 0);
inline const std::string server_begins = frame(settings, 0, 0) + frame(settings, ack, 0);

/// A frame that came.
struct received {
    std::uint8_t type, flags;
    std::uint32_t stream;
    std::string payload;
};

/// All whole frames of a text, which is left without them.
inline std::vector<received> take_frames(std::string& text) {
    std::vector<received> all;
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
    while (text.size() >= 9) {
        const std::uint32_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
        if (text.size() < 9 + size)
            break;
        const std::uint32_t stream = (byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8)) & 0x7fffffff;
        all.push_back(
            {static_cast<std::uint8_t>(byte(3)), static_cast<std::uint8_t>(byte(4)), stream, text.substr(9, size)});
        text.erase(0, 9 + size);
    }
    return all;
}

}  // namespace story::h2
