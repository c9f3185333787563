#include <ringlet/net/http_text.hpp>

#include <ringlet/net/ascii_private.hpp>

#include <iconv.h>

#include <algorithm>
#include <cerrno>

namespace ringlet::http {
namespace {

using net::ascii::iequals;
using net::ascii::trim;

constexpr std::size_t most_looked_at = 1024;
constexpr std::string_view replacement = "\xef\xbf\xbd";

std::string lowered(std::string_view text) {
    std::string low(text);
    std::ranges::transform(low, low.begin(), net::ascii::lower);
    return low;
}

/// The value that follows `name =` at the first place where it does, with or without quotes.
std::string_view value_after(std::string_view low, std::string_view name) {
    for (std::size_t at = low.find(name); at != low.npos; at = low.find(name, at + 1)) {
        std::string_view rest = low.substr(at + name.size());
        const auto skip_blanks = [&] {
            rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n\f"), rest.size()));
        };
        skip_blanks();
        if (!rest.starts_with('='))
            continue;
        rest.remove_prefix(1);
        skip_blanks();
        const bool quoted = rest.starts_with('"') || rest.starts_with('\'');
        const std::string_view stops = !quoted ? std::string_view(" \t\r\n\f;>\"'/?") : rest.substr(0, 1);
        if (quoted)
            rest.remove_prefix(1);
        return trim(rest.substr(0, rest.find_first_of(stops)));
    }
    return {};
}

std::string_view mark_of(std::string_view body) {
    if (body.starts_with("\xef\xbb\xbf"))
        return "utf-8";
    if (body.starts_with("\xff\xfe"))
        return "utf-16le";
    return body.starts_with("\xfe\xff") ? "utf-16be" : "";
}

/// From within the page. One that says utf-16 there is not: else this could not have been read.
std::string declared_in(std::string_view body) {
    const std::string low = lowered(body.substr(0, most_looked_at));
    std::string_view found;
    if (low.starts_with("<?xml"))
        found = value_after(std::string_view(low).substr(0, low.find("?>")), "encoding");
    for (std::size_t at = low.find("<meta"); found.empty() && at != low.npos; at = low.find("<meta", at + 1))
        found = value_after(std::string_view(low).substr(at, low.find('>', at) - at), "charset");
    return found.starts_with("utf-16") ? "utf-8" : std::string(found);
}

/// How long the UTF-8 sequence is that `text` begins with; 0 if it begins with none (RFC 3629).
std::size_t sequence_at(std::string_view text) noexcept {
    const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const auto tail = [&](std::size_t i) { return (at(i) & 0xc0u) == 0x80u; };
    const unsigned a = at(0), b = at(1);
    if (a < 0x80)
        return 1;
    if (a >= 0xc2 && a <= 0xdf)
        return tail(1) ? 2 : 0;
    if (a >= 0xe0 && a <= 0xef)
        return tail(1) && tail(2) && !(a == 0xe0 && b < 0xa0) && !(a == 0xed && b >= 0xa0) ? 3 : 0;
    if (a >= 0xf0 && a <= 0xf4)
        return tail(1) && tail(2) && tail(3) && !(a == 0xf0 && b < 0x90) && !(a == 0xf4 && b >= 0x90) ? 4 : 0;
    return 0;
}

std::string repaired(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t size = sequence_at(text);
        if (size == 0)
            out += replacement;
        else
            out += text.substr(0, size);
        text.remove_prefix(std::max<std::size_t>(1, size));
    }
    return out;
}

class converter {
public:
    explicit converter(const std::string& from) : cd_(iconv_open("UTF-8", from.c_str())) {}
    converter(const converter&) = delete;
    converter& operator=(const converter&) = delete;
    ~converter() {
        if (known())
            iconv_close(cd_);
    }
    bool known() const noexcept { return cd_ != iconv_t(-1); }

    std::string convert(std::string_view bytes) {
        std::string out;
        char buffer[4096];
        char* in = const_cast<char*>(bytes.data());  // iconv(3) only reads it
        std::size_t left = bytes.size();
        while (left > 0) {
            char* to = buffer;
            std::size_t room = sizeof buffer;
            const bool failed = iconv(cd_, &in, &left, &to, &room) == std::size_t(-1);
            const int error = errno;
            out.append(buffer, to);
            if (!failed || error == E2BIG)
                continue;
            out += replacement;
            if (error == EINVAL)  // the last character is not complete
                break;
            ++in;
            --left;
        }
        return out;
    }

private:
    iconv_t cd_;
};

}  // namespace

std::string charset_of(std::string_view content_type) {
    const std::size_t semicolon = content_type.find(';');
    return semicolon == content_type.npos
               ? ""
               : std::string(value_after(lowered(content_type.substr(semicolon)), "charset"));
}

std::string encoding_of(const fields& of_response, std::string_view body) {
    if (const std::string_view mark = mark_of(body); !mark.empty())
        return std::string(mark);
    if (std::string named = charset_of(of_response.get_or("content-type", {})); !named.empty())
        return named;
    if (std::string declared = declared_in(body); !declared.empty())
        return declared;
    return is_utf8(body) ? "utf-8" : "windows-1252";
}

std::string to_utf8(std::string_view bytes, std::string_view encoding) {
    if (const std::string_view mark = mark_of(bytes); !mark.empty()) {
        encoding = mark;
        bytes.remove_prefix(mark == "utf-8" ? 3 : 2);
    }
    if (encoding.empty() || iequals(encoding, "utf-8") || iequals(encoding, "utf8"))
        return is_utf8(bytes) ? std::string(bytes) : repaired(bytes);
    // Browsers read latin-1 as the larger windows-1252, and so does the url of every old page.
    const bool latin = iequals(encoding, "iso-8859-1") || iequals(encoding, "latin-1") ||
                       iequals(encoding, "us-ascii") || iequals(encoding, "ascii");
    // A suffix would change what iconv_open(3) does.
    std::string name(latin || encoding.find('/') != encoding.npos ? "windows-1252" : encoding);
    converter c(name);
    if (c.known())
        return c.convert(bytes);
    return converter("windows-1252").convert(bytes);
}

bool is_utf8(std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const std::size_t size = sequence_at(bytes);
        if (size == 0)
            return false;
        bytes.remove_prefix(size);
    }
    return true;
}

}  // namespace ringlet::http
