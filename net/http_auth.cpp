#include <ringlet/net/http_auth.hpp>

#include <ringlet/net/ascii_private.hpp>

#include <algorithm>
#include <stdexcept>

namespace ringlet::http {
namespace {

void refuse_controls(std::string_view what, std::string_view text) {
    if (std::any_of(text.begin(), text.end(), net::ascii::is_control))
        throw std::invalid_argument("credentials: a control character in the " + std::string(what));
}

}  // namespace

std::string base64(std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(3, bytes.size()))) {
        const auto at = [&](std::size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u; };
        const unsigned group = at(0) << 16 | at(1) << 8 | at(2);
        out += digits[group >> 18];
        out += digits[group >> 12 & 63];
        out += bytes.size() > 1 ? digits[group >> 6 & 63] : '=';
        out += bytes.size() > 2 ? digits[group & 63] : '=';
    }
    return out;
}

credentials credentials::basic(std::string_view user, std::string_view password) {
    refuse_controls("user", user);
    refuse_controls("password", password);
    if (user.find(':') != user.npos)
        throw std::invalid_argument("credentials: a colon in the user");
    credentials c;
    c.value_ = "Basic " + base64(std::string(user) + ':' + std::string(password));
    return c;
}

credentials credentials::bearer(std::string_view token) {
    refuse_controls("token", token);
    credentials c;
    c.value_ = "Bearer " + std::string(token);
    return c;
}

}  // namespace ringlet::http
