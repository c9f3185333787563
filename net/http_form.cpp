#include <ringlet/net/http_form.hpp>

#include <algorithm>

namespace ringlet::http {
namespace {

void append_encoded(std::string& out, std::string_view text) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    constexpr std::string_view plain = "*-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (plain.find(c) != plain.npos) {
            out += c;
        } else if (c == ' ') {
            out += '+';
        } else {
            out += '%';
            out += hex[byte >> 4];
            out += hex[byte & 15];
        }
    }
}

}  // namespace

std::string form_encoded(const pairs& all) {
    std::string out;
    for (const auto& [name, value] : all) {
        if (!out.empty())
            out += '&';
        append_encoded(out, name);
        out += '=';
        append_encoded(out, value);
    }
    return out;
}

std::string with_params(std::string_view url, const pairs& params) {
    if (params.empty())
        return std::string(url);
    const std::size_t end = std::min(url.find('#'), url.size());
    std::string out(url.substr(0, end));
    if (out.find('?') == out.npos)
        out += '?';
    else if (!out.ends_with('?') && !out.ends_with('&'))
        out += '&';
    return out.append(form_encoded(params)).append(url.substr(end));
}

}  // namespace ringlet::http
