#pragma once
// Where the frames of RFC 6455 section 5.2 end. wslay takes all it can get and closes as soon as it sees
// a close, before anybody has answered the messages in front of it; so it is given one frame at a time.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ringlet::http::detail {

class frame_cutter {
public:
    /// How many of these bytes belong to the frame that has begun, or begins here.
    std::size_t cut(std::span<const std::byte> bytes) noexcept {
        std::size_t count = 0;
        while (!in_payload_ && count < bytes.size()) {
            head_[have_++] = bytes[count++];
            broken_ = broken_ || breaks_rules();
            if (have_ == head_size()) {
                left_ = payload_size();
                in_payload_ = true;
            }
        }
        if (!in_payload_)
            return count;
        const std::size_t rest = bytes.size() - count;
        const std::size_t taken = left_ < rest ? static_cast<std::size_t>(left_) : rest;
        left_ -= taken;
        if (left_ == 0) {
            have_ = 0;
            in_payload_ = false;
        }
        return count + taken;
    }

    /// Whether that frame is a control frame, which has 125 bytes of payload at most; and whether it ended.
    bool is_control() const noexcept { return (byte(0) & 0x08) != 0; }
    bool is_over() const noexcept { return have_ == 0; }

    /// A control frame was in fragments or too long, or a close too short (sections 5.5 and 5.5.1), or a length
    /// took more bytes than it needs (5.2). wslay sees that too, but does not say why it closes then; so this
    /// is known as soon as wslay could know it, whatever the cut.
    bool broken() const noexcept { return broken_; }

private:
    bool breaks_rules() const noexcept {
        if (have_ < 2)
            return false;
        if (length_size() > 0 && have_ == 2 + length_size()) {
            const std::uint64_t size = payload_size();
            return size < 126 || (length_size() == 8 && size < 0x10000) || size >> 63 != 0;
        }
        const bool control = is_control(), close = (byte(0) & 0x0f) == 0x08;
        return control && ((byte(0) & 0x80) == 0 || (byte(1) & 0x7f) > 125 || (close && (byte(1) & 0x7f) == 1));
    }
    unsigned byte(std::size_t i) const noexcept { return static_cast<unsigned>(head_[i]); }
    std::size_t length_size() const noexcept { return (byte(1) & 0x7f) == 126 ? 2 : (byte(1) & 0x7f) == 127 ? 8 : 0; }
    std::size_t head_size() const noexcept {
        return have_ < 2 ? 2 : 2 + length_size() + ((byte(1) & 0x80) != 0 ? 4 : 0);
    }
    std::uint64_t payload_size() const noexcept {
        if (length_size() == 0)
            return byte(1) & 0x7f;
        std::uint64_t size = 0;
        for (std::size_t i = 2; i < 2 + length_size(); ++i)
            size = size << 8 | byte(i);
        return size;
    }

    std::array<std::byte, 14> head_{};
    std::size_t have_ = 0;
    std::uint64_t left_ = 0;
    bool in_payload_ = false, broken_ = false;
};

}  // namespace ringlet::http::detail
