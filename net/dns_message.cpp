#include <ringlet/net/dns_message_private.hpp>

#include <algorithm>
#include <cstdint>

namespace ringlet::net::detail {
namespace {

/// Reads forward; once it has run off the end it gives zeros, and ok() is false.
class reader {
public:
    explicit reader(std::span<const std::byte> bytes) noexcept : rest_(bytes) {}

    bool ok() const noexcept { return ok_; }

    void skip(std::size_t count) noexcept {
        ok_ = ok_ && count <= rest_.size();
        rest_ = ok_ ? rest_.subspan(count) : std::span<const std::byte>();
    }

    std::uint32_t number(std::size_t width) noexcept {
        const std::span<const std::byte> digits = rest_;
        skip(width);
        std::uint32_t value = 0;
        for (std::size_t i = 0; ok_ && i < width; ++i)
            value = value << 8 | std::to_integer<std::uint32_t>(digits[i]);
        return value;
    }

    /// RFC 1035 section 4.1.4: labels, ended by an empty one or by a pointer to the rest, which is not
    /// followed, so that no loop of pointers can hold us.
    void skip_name() noexcept {
        while (ok_) {
            const std::uint32_t length = number(1);
            if (length >= 0xc0)
                return skip(1);
            if (length == 0)
                return;
            skip(length);
        }
    }

private:
    std::span<const std::byte> rest_;
    bool ok_ = true;
};

constexpr std::uint32_t type_soa = 6;
constexpr std::uint32_t longest_ttl = 0x7fffffff;  // more means zero, RFC 2181 section 8

}  // namespace

std::chrono::seconds negative_ttl(std::span<const std::byte> message) noexcept {
    reader in(message);
    in.skip(4);
    const std::uint32_t questions = in.number(2);
    const std::uint32_t answers = in.number(2);
    const std::uint32_t authorities = in.number(2);
    in.skip(2);
    for (std::uint32_t i = 0; i < questions && in.ok(); ++i) {
        in.skip_name();
        in.skip(4);
    }
    for (std::uint32_t i = 0; i < answers + authorities && in.ok(); ++i) {
        in.skip_name();
        const std::uint32_t type = in.number(2);
        in.skip(2);
        const std::uint32_t ttl = in.number(4);
        const std::uint32_t length = in.number(2);
        if (i < answers || type != type_soa) {
            in.skip(length);
            continue;
        }
        in.skip_name();
        in.skip_name();
        in.skip(16);
        const std::uint32_t seconds = std::min(ttl, in.number(4));
        return std::chrono::seconds(in.ok() && seconds <= longest_ttl ? seconds : 0);
    }
    return std::chrono::seconds(0);
}

}  // namespace ringlet::net::detail
