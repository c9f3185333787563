// Values that others chose and that we put into something of ours: forms, credentials, multipart names, lines
// of the access log, places of redirects. They come out as they went in, and break out of nothing. The first
// byte chooses which.
#include "http_fuzz.hpp"

#include <ringlet/net/http_access_log.hpp>
#include <ringlet/net/http_auth.hpp>
#include <ringlet/net/http_content_type.hpp>
#include <ringlet/net/http_form.hpp>
#include <ringlet/net/http_parameters.hpp>
#include <ringlet/net/http_redirects_private.hpp>
#include <ringlet/net/url.hpp>

#include <algorithm>
#include <stdexcept>

using namespace ringlet;
using fuzz::require;

namespace {

/// Takes what is in front of the next line feed.
std::string_view next(std::string_view& text) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

void try_form(std::string_view text) {
    http::pairs all;
    while (!text.empty()) {
        const std::string_view name = next(text);
        all.emplace_back(name, next(text));
    }
    const std::string form = http::form_encoded(all);
    for (const auto& [name, value] : all) {
        const auto first = std::find_if(all.begin(), all.end(), [&](const auto& p) { return p.first == name; });
        require(http::form_value(form, name) == first->second);
    }
    require(std::count(form.begin(), form.end(), '=') == static_cast<std::ptrdiff_t>(all.size()));
    const net::url page = net::url::parse("http://h/?a=1#f");
    const net::url asked = net::url::parse(http::with_params(page.to_string(), all));
    require(asked.fragment() == "f" && asked.query() == (all.empty() ? "a=1" : "a=1&" + form));
}

std::string decoded(std::string_view base64) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    unsigned bits = 0, count = 0;
    for (const char c : base64.substr(0, base64.find('='))) {
        require(digits.find(c) != digits.npos);
        bits = bits << 6 | static_cast<unsigned>(digits.find(c));
        if ((count += 6) >= 8)
            out += static_cast<char>(bits >> (count -= 8) & 0xff);
    }
    return out;
}

void try_credentials(std::string_view text) {
    require(http::base64(text).size() % 4 == 0 && decoded(http::base64(text)) == text);
    const std::string_view user = next(text);
    try {
        const auto basic = http::credentials::basic(user, text);
        require(decoded(basic.value().substr(6)) == std::string(user) + ':' + std::string(text));
        http::fields().add("Authorization", http::credentials::bearer(text).value());  // throws what it is not to
    } catch (const std::invalid_argument&) {
        require(user.find(':') != user.npos || (std::string(user) += text).find_first_of("\x7f") != user.npos ||
                std::any_of(user.begin(), user.end(), [](unsigned char c) { return c < 0x20; }) ||
                std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20; }));
    }
}

void try_log(std::string_view text) {
    http::log_entry e{};
    e.method = next(text);
    e.target = next(text);
    e.referer = next(text);
    e.user_agent = text;
    e.peer = "127.0.0.1:1";
    e.status = 200;
    std::string line;
    http::append_log_line(line, e, http::log_format::combined, 1'700'000'000);
    require(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c < 0x7f; }));
    require(std::count(line.begin(), line.end(), '"') == 6);
}

void try_redirect(std::string_view text) {
    static const net::url from = net::url::parse("https://user@h.org:81/a/b?q#f");
    try {
        const net::url to = http::detail::target_after(from, text);
        require(to.has_fragment() && net::url::parse(to.to_string()) == to);
        const net::url plain = from.resolve(text);
        require(to.host() == plain.host() && to.target() == plain.target() && to.port() == plain.port());
    } catch (const net::url_error&) {}
}

void try_type(std::string_view text) {
    const std::string_view type = http::content_type_of(text);
    require(type.find('/') != type.npos);
    require(http::content_type_of("a/b." + std::string(text)) == type || text.find('.') == text.npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 5) {
        case 0: try_form(text); break;
        case 1: try_credentials(text); break;
        case 2: try_log(text); break;
        case 3: try_redirect(text); break;
        default: try_type(text);
    }
    return 0;
}
