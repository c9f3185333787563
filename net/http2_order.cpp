#include <ringlet/net/http2_order_private.hpp>

#include <nghttp2/nghttp2.h>

#include <algorithm>

namespace ringlet::http::detail {
namespace {

constexpr std::size_t head_size = 9;
constexpr std::size_t priority_size = 5;
constexpr std::uint32_t stream_bits = 0x7fffffff;

// What came before these is not looked at: it may have been reset by us.
constexpr std::size_t most_remembered = 256;

}  // namespace

std::size_t http2_order::check(std::span<const std::byte> bytes) {
    std::size_t begin = 0;  // of the frame
    for (std::size_t at = 0; at < bytes.size();) {
        if (left_ > 0) {
            const std::size_t skipped = std::min(left_, bytes.size() - at);
            left_ -= skipped;
            at += skipped;
            continue;
        }
        if (have_ == 0)
            begin = at;
        frame_[have_++] = bytes[at++];
        if (!frame_is_complete())
            continue;
        if (!is_in_order())
            return begin;
        left_ = (number(0) >> 8) + head_size - have_;
        have_ = 0;
    }
    return bytes.size();
}

std::uint32_t http2_order::number(std::size_t at) const noexcept {
    std::uint32_t n = 0;
    for (std::size_t i = at; i < at + 4; ++i)
        n = n << 8 | std::to_integer<std::uint32_t>(frame_[i]);
    return n;
}

/// As far as we want to see it.
bool http2_order::frame_is_complete() const noexcept {
    if (have_ < head_size)
        return false;
    const bool says_more = std::to_integer<int>(frame_[3]) == NGHTTP2_PRIORITY && number(0) >> 8 == priority_size;
    return !says_more || have_ == head_size + priority_size;
}

/// RFC 9113 sections 5.1 and 6.3, and RFC 7540 section 5.3.1.
bool http2_order::is_in_order() {
    const int type = std::to_integer<int>(frame_[3]), flags = std::to_integer<int>(frame_[4]);
    const std::uint32_t stream = number(5) & stream_bits;
    if (type == NGHTTP2_PRIORITY) {
        if (stream == 0)
            return fails(NGHTTP2_PROTOCOL_ERROR, "the connection was given a priority");
        if (have_ > head_size && (number(head_size) & stream_bits) == stream)
            return fails(NGHTTP2_PROTOCOL_ERROR, "a stream was said to depend on itself");
    }
    const bool opens = type == NGHTTP2_HEADERS;
    if ((!opens && type != NGHTTP2_DATA && type != NGHTTP2_RST_STREAM) || stream % 2 == 0)
        return true;
    const bool ends = type == NGHTTP2_RST_STREAM || (flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (asked_.empty() || stream > asked_.back().stream) {
        if (!opens)
            return true;  // nghttp2 knows that it is idle
        if (asked_.size() == most_remembered)
            asked_.pop_front();
        asked_.push_back({stream, ends});
        return true;
    }
    if (asked_.size() == most_remembered && stream < asked_.front().stream)
        return true;
    const auto at = std::lower_bound(asked_.begin(), asked_.end(), stream,
                                     [](const request& r, std::uint32_t s) { return r.stream < s; });
    if (at->stream != stream)
        return fails(NGHTTP2_PROTOCOL_ERROR, "a frame came for a stream that had been passed over");
    if (at->ended && type != NGHTTP2_RST_STREAM)
        return fails(NGHTTP2_STREAM_CLOSED, "more came for a stream that its sender had ended");
    at->ended = at->ended || ends;
    return true;
}

bool http2_order::fails(std::uint32_t code, const char* what) noexcept {
    code_ = code;
    what_ = what;
    return false;
}

}  // namespace ringlet::http::detail
