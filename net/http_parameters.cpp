#include <ringlet/net/http_parameters.hpp>

#include <algorithm>

#include "ascii_private.hpp"
#include "url_host_private.hpp"

namespace ringlet::http {
namespace {

using net::ascii::hex_value;
using net::ascii::is_hex;

/// The byte that `text` begins with, of which `size` characters are taken.
char decoded_front(std::string_view text, std::size_t& size) noexcept {
    size = 1;
    if (text[0] != '%' || text.size() < 3 || !is_hex(text[1]) || !is_hex(text[2]))
        return text[0];
    size = 3;
    return static_cast<char>(hex_value(text[1]) * 16 + hex_value(text[2]));
}

std::string form_decode(std::string_view text) {
    std::string spaced(text);
    std::replace(spaced.begin(), spaced.end(), '+', ' ');
    return percent_decode(spaced);
}

}  // namespace

std::string percent_decode(std::string_view text) { return net::detail::percent_decode(text); }

bool percent_decodes_to(std::string_view encoded, std::string_view plain) noexcept {
    for (std::size_t size = 0; !encoded.empty(); encoded.remove_prefix(size)) {
        if (plain.empty() || decoded_front(encoded, size) != plain.front())
            return false;
        plain.remove_prefix(1);
    }
    return plain.empty();
}

std::optional<std::string> form_value(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const auto equals = std::min(pair.find('='), pair.size());
        if (form_decode(pair.substr(0, equals)) == name)
            return form_decode(pair.substr(std::min(equals + 1, pair.size())));
    }
    return std::nullopt;
}

std::optional<std::string_view> parameters::get(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < size_; ++i)
        if (all_[i].name == name)
            return all_[i].value;
    return std::nullopt;
}

}  // namespace ringlet::http
