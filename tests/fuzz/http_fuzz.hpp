// Shared by the request and the response fuzzer: reads a stream of messages into one text, so that two
// ways of cutting the same bytes can be compared.
#pragma once

#include <ringlet/net/http_parser.hpp>
#include <ringlet/net/http_writer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

namespace ringlet::fuzz {

inline void require(bool holds) {
    if (!holds)
        std::abort();
}

inline http::limits small_limits() {
    http::limits l;
    l.start_line = 64;
    l.field_line = 96;
    l.fields = 256;
    l.field_count = 6;
    l.body = 64;
    l.chunk_extensions = 16;
    l.interim_responses = 3;
    return l;
}

/// Reads `bytes` in pieces whose sizes are taken round and round from `sizes` (0 counts as all the rest).
inline std::string read(http::reads what, bool small, std::string_view bytes, std::string_view sizes,
                        const std::function<void(http::parser&)>& before,
                        const std::function<void(const http::parser&)>& at_head) {
    http::parser parser(what, small ? small_limits() : http::limits::server());
    before(parser);
    std::string told;
    std::size_t turn = 0;
    while (true) {
        const std::size_t wanted = sizes.empty() ? 0 : static_cast<std::uint8_t>(sizes[turn++ % sizes.size()]) % 32u;
        // The exact size on the heap: the sanitizer sees a byte too far.
        const std::string piece(bytes.substr(0, wanted == 0 ? bytes.size() : wanted));
        bytes.remove_prefix(piece.size());
        std::string_view input = piece;
        while (true) {
            const auto s = parser.try_feed(input);
            require(s.consumed <= input.size());
            input.remove_prefix(s.consumed);
            if (s.kind == http::event::need_more) {
                require(input.empty());
                break;
            }
            if (s.kind == http::event::failed)
                return told + " error " + std::to_string(static_cast<int>(parser.error()));
            if (s.kind == http::event::head) {
                for (const auto [name, value] : parser.head().fields())
                    ((told += name) += '=') += value;
                told += parser.head().keep_alive() ? " keep " : " close ";
                at_head(parser);
            }
            told += s.body_piece;
            if (s.kind == http::event::done) {
                for (const auto [name, value] : parser.trailers())
                    ((told += name) += '=') += value;
                told += " done\n";
                if (parser.head().upgrade())
                    return told;
                parser.reset();
            }
        }
        if (bytes.empty())
            break;
    }
    if (parser.idle())
        return told + " end";
    const auto s = parser.try_finish();
    return told +
           (s.kind == http::event::done ? " closed" : " error " + std::to_string(static_cast<int>(parser.error())));
}

}  // namespace ringlet::fuzz
