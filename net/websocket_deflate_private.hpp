#pragma once
// The two directions of permessage-deflate (RFC 7692 section 7.2). Each holds a zlib stream only while it
// needs one: from the first message on, or, where the context is forgotten, during a message. In a build
// without zlib compression is never agreed on, and both are empty.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace ringlet::http::detail {

/// Whether this build can compress.
bool can_deflate() noexcept;

class message_deflater {
public:
    message_deflater(int window_bits, bool forgets) noexcept;
    ~message_deflater();

    /// The payload of a frame with RSV1 that stands for this message. Throws std::bad_alloc only.
    std::string deflate(std::string_view message);

private:
    struct stream;
    std::unique_ptr<stream> stream_;
    [[maybe_unused]] int bits_;
    [[maybe_unused]] bool forgets_;
};

class message_inflater {
public:
    enum class verdict { whole, malformed, too_large };

    message_inflater(int window_bits, bool forgets) noexcept;
    ~message_inflater();

    /// Writes the message that a payload stands for, up to `most` bytes, into an empty string. After another verdict than `whole`
    /// it can go on no more.
    verdict inflate(std::string_view payload, std::size_t most, std::string& message);

private:
    struct stream;
    std::unique_ptr<stream> stream_;
    [[maybe_unused]] int bits_;
    [[maybe_unused]] bool forgets_;
};

}  // namespace ringlet::http::detail
