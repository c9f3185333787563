#pragma once
// The order of frames that a client sends. nghttp2 forgets a stream when it is over, and takes what still
// comes for it as on its way when we reset it. Whether it was, the frames before it say.

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>

namespace ringlet::http::detail {

class http2_order {
public:
    /// How many of these bytes, which follow those of the last call, may be taken. When not all, then what
    /// follows breaks the rules, and the connection has to end.
    std::size_t check(std::span<const std::byte> bytes);

    /// Why, of RFC 9113 section 7, and in words.
    std::uint32_t code() const noexcept { return code_; }
    const char* what() const noexcept { return what_; }

private:
    struct request {
        std::uint32_t stream;
        bool ended;  // or reset, by the client
    };

    std::uint32_t number(std::size_t at) const noexcept;
    bool frame_is_complete() const noexcept;
    bool is_in_order();
    bool fails(std::uint32_t code, const char* what) noexcept;

    std::size_t left_ = 24;  // of the preface, and then of each frame
    std::array<std::byte, 14> frame_;  // its head, and what a PRIORITY says
    std::size_t have_ = 0;  // of that
    std::deque<request> asked_;  // the last ones
    std::uint32_t code_ = 0;
    const char* what_ = "";
};

}  // namespace ringlet::http::detail
