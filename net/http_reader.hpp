#pragma once
// A parser together with the bytes that were read for it. It does not read itself: server and client
// wait with different deadlines, and ask for bytes only when none are left. The buffer exists only
// while there is a message to read, so that an idle connection holds none. Or there is none: the bytes stay
// where they were received.

#include <ringlet/core/frame_pool.hpp>
#include <ringlet/io/received.hpp>
#include <ringlet/net/http_parser.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace ringlet::http {

class message_reader {
public:
    // As large as what one receive can bring (io/receive_buffers.hpp).
    static constexpr std::size_t buffer_size = 16 * 1024;
    // So large that a socket receives into it without a detour (socket::direct_size).
    static constexpr std::size_t long_size = 64 * 1024;

    message_reader(reads what, const limits& most) : parser_(what, most) {}
    message_reader(const message_reader&) = delete;
    message_reader& operator=(const message_reader&) = delete;
    ~message_reader() { drop_room(); }

    /// The next event among the bytes that are here. A body piece is valid until others are asked for.
    step next() {
        const step found = parser_.try_feed(unread());
        start_ += found.consumed;
        return found;
    }

    /// Where to read more into; only after next() has taken everything.
    std::span<std::byte> room() {
        if (!buffer_ || size_ != wanted_) {
            drop_room();
            bytes_ = buffer_ = static_cast<char*>(allocate_frame(wanted_));
            size_ = wanted_;
        }
        start_ = end_ = 0;
        return std::as_writable_bytes(std::span(buffer_, size_));
    }
    /// Gives back the memory, of which no byte is wanted any more.
    void drop_room() noexcept {
        if (buffer_ != nullptr)
            free_frame(std::exchange(buffer_, nullptr), size_);
        lent_ = {};
        bytes_ = nullptr;
        start_ = end_ = 0;
    }
    /// The next bytes, which stay where they are.
    void take_over(io::received bytes) noexcept {
        drop_room();
        lent_ = std::move(bytes);
        bytes_ = reinterpret_cast<const char*>(lent_.bytes().data());
        end_ = lent_.size();
    }
    void filled(std::size_t count) noexcept { end_ += count; }

    /// How much the next room() has: `long_size` where long messages come, else `buffer_size`.
    void set_room(std::size_t size) noexcept { wanted_ = size; }
    std::size_t room_size() const noexcept { return wanted_; }

    /// Copies bytes that were read elsewhere, at most buffer_size of them, into its room.
    void put(std::span<const std::byte> bytes) {
        if (bytes.empty())
            return;
        check(bytes.size() <= wanted_, "a stream gave more at once than a reader has room for");
        std::memcpy(room().data(), bytes.data(), bytes.size());
        filled(bytes.size());
    }

    /// Takes bytes that are no message: after an upgrade.
    std::size_t take(std::span<std::byte> into) noexcept {
        const std::size_t count = std::min(into.size(), end_ - start_);
        if (count > 0)
            std::memcpy(into.data(), bytes_ + start_, count);
        start_ += count;
        return count;
    }

    std::string_view unread() const noexcept { return {bytes_ + start_, end_ - start_}; }
    bool empty() const noexcept { return start_ == end_; }

    /// As new, but for the memory that it keeps.
    void clear() {
        parser_.reset();
        start_ = end_ = 0;
    }

    http::parser& parser() noexcept { return parser_; }
    const http::parser& parser() const noexcept { return parser_; }

private:
    http::parser parser_;
    io::received lent_;
    char* buffer_ = nullptr;  // pooled: the one that was given back last is in the cache
    const char* bytes_ = nullptr;  // in either of them
    std::size_t size_ = 0, wanted_ = buffer_size;
    std::size_t start_ = 0, end_ = 0;
};

}  // namespace ringlet::http
