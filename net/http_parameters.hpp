#pragma once
// Names and values in the target of a request: what the names of a route's pattern stand for, and what
// is behind the '?'; and the percent-decoding of both.

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ringlet::http {

/// "a%20b" is "a b". A '%' that begins no encoded byte stays as it is (WHATWG url, percent-decode).
std::string percent_decode(std::string_view text);

/// Whether `encoded` means `plain`. Allocates nothing.
bool percent_decodes_to(std::string_view encoded, std::string_view plain) noexcept;

/// The first value of a name in "a=1&b=2", with '+' as a space, as forms are sent
/// (application/x-www-form-urlencoded); empty for "a", none when the name is not there.
std::optional<std::string> form_value(std::string_view query, std::string_view name);

/// What the names in a route's pattern stand for, still percent-encoded.
class parameters {
public:
    static constexpr std::size_t most = 8;
    struct parameter {
        std::string_view name, value;
    };

    std::size_t size() const noexcept { return size_; }
    const parameter& operator[](std::size_t i) const noexcept { return all_[i]; }
    std::optional<std::string_view> get(std::string_view name) const noexcept;

    void push(std::string_view value) noexcept { all_[size_++] = {{}, value}; }
    void pop() noexcept { --size_; }
    void name(std::size_t i, std::string_view name) noexcept { all_[i].name = name; }
    void clear() noexcept { size_ = 0; }

private:
    std::array<parameter, most> all_;
    std::size_t size_ = 0;
};

}  // namespace ringlet::http
