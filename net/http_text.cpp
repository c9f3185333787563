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

/// What a <meta> says of the encoding. A text about charsets is no declaration (WHATWG html 13.2.3.2).
std::string_view declared_by(std::string_view tag) {
    if (tag.find("http-equiv") == tag.npos)
        if (const std::size_t content = tag.find("content"); content != tag.npos)
            if (const std::string_view before = value_after(tag.substr(0, content), "charset"); before.empty()) {
                const std::string_view told = value_after(tag.substr(content), "content");
                const std::size_t end = told.empty() ? content : static_cast<std::size_t>(told.end() - tag.begin());
                return value_after(tag.substr(end), "charset");
            }
    return value_after(tag, "charset");
}

/// From within the page, but not from a comment. One that says utf-16 there is not: else this could not have
/// been read.
std::string declared_in(std::string_view body) {
    const std::string low = lowered(body.substr(0, most_looked_at));
    std::string_view found;
    if (low.starts_with("<?xml"))
        found = value_after(std::string_view(low).substr(0, low.find("?>")), "encoding");
    for (std::size_t at = low.find('<'); found.empty() && at != low.npos; at = low.find('<', at + 1)) {
        const std::string_view rest = std::string_view(low).substr(at);
        if (rest.starts_with("<meta"))
            found = declared_by(rest.substr(0, rest.find('>')));
        else if (rest.starts_with("<!--"))
            at = std::min(low.find("-->", at + 2), low.size() - 1);
    }
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

/// Pages name the small encoding and use its larger sister, which browsers read (WHATWG encoding 4.2); and
/// some names are not iconv's.
std::string_view as_browsers_read(std::string_view name) {
    constexpr std::string_view sisters[][2] = {
        {"ascii", "windows-1252"},
        {"us-ascii", "windows-1252"},
        {"iso-8859-1", "windows-1252"},
        {"iso8859-1", "windows-1252"},
        {"iso_8859-1", "windows-1252"},
        {"latin1", "windows-1252"},
        {"latin-1", "windows-1252"},
        {"x-cp1252", "windows-1252"},
        {"x-cp1250", "windows-1250"},
        {"x-cp1251", "windows-1251"},
        {"iso-8859-9", "windows-1254"},
        {"latin5", "windows-1254"},
        {"iso-8859-11", "cp874"},
        {"tis-620", "cp874"},
        {"windows-874", "cp874"},
        {"gb2312", "gb18030"},
        {"gb_2312-80", "gb18030"},
        {"gbk", "gb18030"},
        {"x-gbk", "gb18030"},
        {"big5", "big5-hkscs"},
        {"x-x-big5", "big5-hkscs"},
        {"shift_jis", "cp932"},
        {"shift-jis", "cp932"},
        {"sjis", "cp932"},
        {"x-sjis", "cp932"},
        {"windows-31j", "cp932"},
        {"euc-kr", "cp949"},
        {"ks_c_5601-1987", "cp949"},
        {"korean", "cp949"},
        {"windows-949", "cp949"},
        {"x-euc-jp", "euc-jp"},
        {"x-mac-roman", "macintosh"},
        {"utf-16", "utf-16le"},
        {"iso-8859-8-i", "iso-8859-8"},
        {"unicode", "utf-16le"},
    };
    for (const auto& [named, used] : sisters)
        if (iequals(name, named))
            return used;
    return name;
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
    // A suffix would change what iconv_open(3) does.
    converter c(std::string(encoding.find('/') != encoding.npos ? "windows-1252" : as_browsers_read(encoding)));
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
