#pragma once
// Content codings undone as the bytes come (RFC 9110 section 8.4.1): gzip, deflate, br and zstd, as far as
// this build has their libraries, and up to five of them one upon the other. What comes out is limited: a
// few kilobytes can claim to be gigabytes.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringlet::http {

namespace detail {
class coder;
}

/// "gzip, deflate, br, zstd": what this build can undo; empty if nothing.
std::string_view supported_codings() noexcept;

/// One body. Input goes in by pieces of any size, and the verdict does not depend on the cut.
class decompressor {
public:
    /// For the value of a Content-Encoding field. Empty when there is nothing to undo, or when a coding is
    /// not known here: such a body is delivered as it came. Throws protocol_error for more than five.
    static std::optional<decompressor> make(std::string_view content_encoding, std::uint64_t most);

    decompressor(decompressor&&) noexcept;
    decompressor& operator=(decompressor&&) noexcept;
    ~decompressor();

    /// Takes from `in` what it needs, and gives how many bytes it wrote; 0 when all input was taken and
    /// nothing is left to write. Throws protocol_error for malformed data, and for more than `most` bytes.
    std::size_t read(std::string_view& in, std::span<std::byte> out);

    /// The input is complete; throws protocol_error when the compressed data is not. No data at all is
    /// an empty body, whatever its coding.
    void finish() const;

private:
    struct stage;
    explicit decompressor(std::vector<stage> stages, std::uint64_t most);
    std::size_t pull(std::size_t which, std::string_view& in, std::span<std::byte> out);

    std::vector<stage> stages_;  // the coding that was applied last comes first
    std::uint64_t most_;
};

}  // namespace ringlet::http
