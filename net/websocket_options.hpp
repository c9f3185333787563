#pragma once
// What an end of a websocket may be told before it begins.

#include <ringlet/core/time.hpp>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace ringlet::http {

/// How messages are compressed, and what that may cost. As it is, a connection that has compressed in both
/// directions holds 50 KiB while it is idle: 39 for what is sent and 11 for what comes, which become 39 too
/// for a peer that cannot be asked to keep within 4 KiB.
class message_compression {
public:
    message_compression() = default;
    /// How far back a repetition is found: 9 (512 bytes) to 15 (32 KiB), in both directions, as far as the
    /// peer can be asked. Each step doubles the memory, else std::invalid_argument.
    message_compression& window_bits(int bits) {
        if (bits < 9 || bits > 15)
            throw std::invalid_argument("compress websocket messages: a window has 9 to 15 bits, not " +
                                        std::to_string(bits));
        window_bits_ = bits;
        return *this;
    }
    /// Whether a message may point at those before it. Without, small messages hardly shrink, and nothing
    /// is held between two messages.
    message_compression& keep_context(bool yes) {
        keep_context_ = yes;
        return *this;
    }
    /// Bytes; what is shorter is sent as it is.
    message_compression& smallest(std::size_t bytes) {
        smallest_ = bytes;
        return *this;
    }

    int window_bits() const noexcept { return window_bits_; }
    bool keep_context() const noexcept { return keep_context_; }
    std::size_t smallest() const noexcept { return smallest_; }

private:
    int window_bits_ = 12;
    bool keep_context_ = true;
    std::size_t smallest_ = 256;
};

/// The outcome of a handshake (RFC 7692 section 7.1): the windows as powers of two, and which side forgets
/// its context after each message.
struct agreed_compression {
    int sent_bits = 15, received_bits = 15;
    bool sender_forgets = false, receiver_forgets = false;
};

class websocket_options {
public:
    websocket_options() = default;
    /// Bytes, after decompression too; a peer that sends more is told so (1009) and left.
    websocket_options& largest_message(std::size_t bytes) {
        largest_ = bytes;
        return *this;
    }
    /// A peer that is silent so long is pinged; who does not answer in the same time again is gone.
    websocket_options& ping_after(any_duration d) {
        ping_after_ = d;
        return *this;
    }
    /// For the peer to take each 256 KiB of what is sent, and to answer a close.
    websocket_options& patience(any_duration d) {
        patience_ = d;
        return *this;
    }
    /// Names of protocols spoken inside, the preferred ones first (RFC 6455 section 1.9).
    websocket_options& protocols(std::vector<std::string> names) {
        protocols_ = std::move(names);
        return *this;
    }
    /// Servers: pages of these origins ("https://example.org") may connect; "*" stands for all. Without
    /// a word, pages of this host only, because browsers ask nobody before they connect. Programs that
    /// are no browsers send no origin, and are let in.
    websocket_options& origins(std::vector<std::string> names) {
        origins_ = std::move(names);
        return *this;
    }

    /// Compresses messages when the peer agrees (permessage-deflate, RFC 7692). Off without a word: it costs
    /// memory and time on both sides, and where a message holds both a secret and what a stranger wrote, the
    /// length of what is sent tells of the secret. Does nothing in a build without zlib.
    websocket_options& compress(const message_compression& how = {}) {
        compression_ = how;
        return *this;
    }

    std::size_t largest_message() const noexcept { return largest_; }
    duration ping_after() const noexcept { return ping_after_; }
    duration patience() const noexcept { return patience_; }
    const std::vector<std::string>& protocols() const noexcept { return protocols_; }
    const std::vector<std::string>& origins() const noexcept { return origins_; }
    const std::optional<message_compression>& compression() const noexcept { return compression_; }

private:
    std::size_t largest_ = 1024 * 1024;
    duration ping_after_ = 30s, patience_ = 30s;
    std::vector<std::string> protocols_, origins_;
    std::optional<message_compression> compression_;
};

}  // namespace ringlet::http
