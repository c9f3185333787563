// See the header. Lines come without their terminator, and without CR, LF or NUL inside.
#include "http_lines_private.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

#include "ascii_private.hpp"

namespace ringlet::http::detail {
namespace {

using net::ascii::iequals;
using net::ascii::is_digit;
using net::ascii::is_token;
using net::ascii::trim;

constexpr bool is_printable(char c) { return c > 0x20 && c < 0x7f; }

/// "HTTP/1.0" or "HTTP/1.1"; another digit pair is a version, anything else is no HTTP at all.
errc split_version(std::string_view text, errc otherwise, int& minor) {
    if (text.size() != 8 || !text.starts_with("HTTP/") || !is_digit(text[5]) || text[6] != '.' || !is_digit(text[7]))
        return otherwise;
    if (text[5] != '1' || text[7] > '1')
        return errc::unsupported_version;
    minor = text[7] - '0';
    return fine;
}

/// Empty, or 1 to 65535: nobody can be reached at another.
bool is_port(std::string_view digits) {
    unsigned value = 0;
    for (const char c : digits)
        value = is_digit(c) && value < 65536 ? value * 10 + static_cast<unsigned>(c - '0') : 65536;
    return digits.empty() || (value > 0 && value < 65536);
}

/// The characters of a host, by one look-up: every request asks it for each byte of its Host.
struct host_table {
    bool is[256]{};
    constexpr host_table() {
        for (unsigned i = 0; i < 128; ++i) {
            const char c = static_cast<char>(i);
            is[i] = net::ascii::is_alpha(c) || is_digit(c) ||
                    std::string_view("-._~%!$&'()*+;=").find(c) != std::string_view::npos;
        }
    }
};
constexpr host_table host_chars;

/// host [":" port] of RFC 3986, less the comma: two hosts in one field must not pass as one. Nor is a name
/// empty where http is spoken (RFC 9110 section 4.2.1).
bool is_authority(std::string_view text) {
    auto host = text;
    if (const auto bracket = text.find(']'); text.starts_with('[') && bracket != text.npos) {
        host = text.substr(0, bracket + 1);
        const auto inside = text.substr(1, bracket - 1);
        if (inside.empty() || inside.find_first_not_of("0123456789abcdefABCDEF:.") != inside.npos)
            return false;
        const auto rest = text.substr(bracket + 1);
        return rest.empty() || (rest.starts_with(':') && is_port(rest.substr(1)));
    }
    if (const auto colon = text.find(':'); colon != text.npos) {
        host = text.substr(0, colon);
        if (!is_port(text.substr(colon + 1)))
            return false;
    }
    return !host.empty() &&
           std::all_of(host.begin(), host.end(), [](char c) { return host_chars.is[static_cast<unsigned char>(c)]; });
}

/// The four forms of RFC 9112 section 3.2. A fragment is never sent, so '#' is refused; nor is userinfo, which
/// only serves to deceive (RFC 9110 section 4.2.4).
bool is_target(std::string_view method, std::string_view target) {
    if (method == "CONNECT")
        return !target.ends_with(':') && target.find(':') != target.npos && is_authority(target);
    if (target == "*")
        return method == "OPTIONS";
    if (target.find('#') != target.npos)
        return false;
    return target.starts_with('/') || is_authority(authority_of(target));
}

/// "Transfer_Encoding" means Transfer-Encoding to programs behind a CGI-like gateway.
bool is_disguised(std::string_view name) {
    if (name.find('_') == name.npos)
        return false;
    std::string dashed(name);
    std::replace(dashed.begin(), dashed.end(), '_', '-');
    return is_framing_field(dashed);
}

/// *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )
bool is_chunk_extension(std::string_view text) {
    const auto skip_blanks = [&] { text = text.substr(std::min(text.find_first_not_of(" \t"), text.size())); };
    const auto take_token = [&] {
        std::size_t n = 0;
        while (n < text.size() && net::ascii::is_token_char(text[n]))
            ++n;
        text.remove_prefix(n);
        return n > 0;
    };
    const auto take_quoted = [&] {
        for (std::size_t i = 1; i < text.size(); ++i) {
            if (text[i] == '\\' && i + 1 < text.size()) {
                ++i;
            } else if (text[i] == '"') {
                text.remove_prefix(i + 1);
                return true;
            }
            if (net::ascii::is_control(text[i]) && text[i] != '\t')
                return false;
        }
        return false;
    };
    while (!text.empty()) {
        skip_blanks();
        if (!text.starts_with(';'))
            return false;
        text.remove_prefix(1);
        skip_blanks();
        if (!take_token())
            return false;
        const auto rest = trim(text);
        if (!rest.starts_with('='))
            continue;
        text = rest.substr(1);
        skip_blanks();
        if (!(text.starts_with('"') ? take_quoted() : take_token()))
            return false;
    }
    return true;
}

std::optional<std::uint64_t> length_of(std::string_view digits) {
    std::uint64_t value = 0;
    const auto* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (digits.empty() || error != std::errc{} || stop != end)
        return std::nullopt;
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return std::nullopt;
    return value;
}

/// Calls `each` with the trimmed members of a list until it returns false.
template <typename Fn>
bool every_member(std::string_view list, Fn each) {
    while (true) {
        const auto comma = list.find(',');
        if (!each(trim(list.substr(0, comma))))
            return false;
        if (comma == list.npos)
            return true;
        list.remove_prefix(comma + 1);
    }
}

errc judge_codings(const fields& f, strictness how, bool& chunked) {
    bool others = false, last_is_chunked = false, sane = true;
    int lines = 0, chunkeds = 0;
    for (const auto [name, value] : f) {
        if (!iequals(name, "transfer-encoding"))
            continue;
        ++lines;
        every_member(value, [&](std::string_view coding) {
            // "identity" was dropped from the standard; old servers still send it, and it says nothing.
            if (how == strictness::response && (coding.empty() || iequals(coding, "identity")))
                return true;
            last_is_chunked = iequals(coding, "chunked");
            chunkeds += last_is_chunked;
            others = others || !last_is_chunked;
            sane = sane && is_token(coding) && !iequals(coding, "identity");
            return true;
        });
    }
    chunked = chunkeds == 1 && last_is_chunked && !others;
    if (how == strictness::request && lines > 1)
        return errc::ambiguous_length;
    if (chunked || (how == strictness::response && chunkeds == 0 && !others))
        return fine;
    // Codings before one final "chunked" are proper HTTP that we do not implement; all else is a trick.
    return sane && chunkeds <= 1 && (last_is_chunked || how == strictness::response) ? errc::unsupported_coding
                                                                                     : errc::ambiguous_length;
}

errc judge_length(const fields& f, const names_in_head& there, strictness how, std::optional<std::uint64_t>& length) {
    if (there.length == 1)  // nearly always, and nearly always it is a number
        if ((length = length_of(there.length_value)))
            return fine;
    errc verdict = fine;
    const auto member = [&](std::string_view digits) {
        const auto value = length_of(digits);
        if (!value) {
            verdict = errc::bad_content_length;
        } else if (length && (how == strictness::request || *length != *value)) {
            verdict = errc::ambiguous_length;
        }
        length = value;
        return verdict == fine;
    };
    for (const auto [name, value] : f) {
        if (!iequals(name, "content-length"))
            continue;
        // Responses may repeat the same number (RFC 9112 section 6.3, item 5); a request that does is odd.
        if (how == strictness::request ? !member(value) : !every_member(value, member))
            return verdict;
    }
    return fine;
}

// --- plain lines

/// What a byte may be part of.
enum : unsigned char { in_name = 1, in_target = 2, in_method = 4 };

struct plain_table {
    unsigned char is[256]{};
    constexpr plain_table() {
        for (unsigned i = 0; i < 256; ++i) {
            const char c = static_cast<char>(i);
            if (net::ascii::is_token_char(c) && c != '_')  // see is_disguised
                is[i] |= in_name;
            if (is_printable(c) && c != '#')
                is[i] |= in_target;
            if (c >= 'A' && c <= 'Z')
                is[i] |= in_method;
        }
    }
};
constexpr plain_table plain;

/// Where, from `at` on, the first byte is that is no part of `what`.
std::size_t skip(std::string_view input, std::size_t at, unsigned char what) {
    const char* const end = input.data() + input.size();
    const char* next = input.data() + std::min(at, input.size());
    while (next != end && (plain.is[static_cast<unsigned char>(*next)] & what) != 0)
        ++next;
    return static_cast<std::size_t>(next - input.data());
}

std::size_t skip_value(std::string_view input, std::size_t at) {
    for (;; ++at) {
        at = net::ascii::find_control(input, at);
        if (at == input.size() || input[at] != '\t')
            return at;
    }
}

bool ends_line(std::string_view input, std::size_t at) { return input.substr(at, 2) == "\r\n"; }

bool is_common(std::string_view method) {
    switch (method.size()) {
        case 3: return method == "GET" || method == "PUT";
        case 4: return method == "POST" || method == "HEAD";
        case 5: return method == "PATCH";
        case 6: return method == "DELETE";
        case 7: return method == "OPTIONS";
        default: return false;
    }
}

}  // namespace

std::size_t plain_field(std::string_view input, field& out) {
    const std::size_t colon = skip(input, 0, in_name);
    if (colon == 0 || colon == input.size() || input[colon] != ':')
        return 0;
    const std::size_t end = skip_value(input, colon + 1);
    if (end >= input.size() || !ends_line(input, end))
        return 0;
    out.name = input.substr(0, colon);
    out.value = trim(input.substr(colon + 1, end - colon - 1));
    return end + 2;
}

std::size_t plain_request_line(std::string_view input, request_line& out) {
    const std::size_t space = skip(input, 0, in_method);
    const std::size_t end = skip(input, space + 1, in_target);
    if (end + 11 > input.size() || input[space] != ' ' || input[space + 1] != '/')
        return 0;
    const std::string_view version = input.substr(end, 9);
    out.method = input.substr(0, space);
    out.target = input.substr(space + 1, end - space - 1);
    out.minor = version.back() - '0';
    const bool known = version == " HTTP/1.1" || version == " HTTP/1.0";
    return known && ends_line(input, end + 9) && is_common(out.method) ? end + 11 : 0;
}

std::size_t plain_status_line(std::string_view input, status_line& out) {
    if (input.size() < 15 || !input.starts_with("HTTP/1.1 ") || input[9] < '1' || !is_digit(input[9]) ||
        !is_digit(input[10]) || !is_digit(input[11]) || input[12] != ' ')
        return 0;
    const std::size_t end = skip_value(input, 13);
    if (!ends_line(input, end))
        return 0;
    out.status = (input[9] - '0') * 100 + (input[10] - '0') * 10 + (input[11] - '0');
    out.minor = 1;
    out.reason = trim(input.substr(13, end - 13));
    return end + 2;
}

std::string_view authority_of(std::string_view target) {
    if (target.starts_with('/'))
        return {};  // nearly always
    for (const std::string_view scheme : {"http://", "https://"})
        if (iequals(target.substr(0, scheme.size()), scheme)) {
            target.remove_prefix(scheme.size());
            return target.substr(0, target.find_first_of("/?"));
        }
    return {};
}

errc split_request_line(std::string_view line, request_line& out) {
    const auto first = line.find(' ');
    const auto second = first == line.npos ? first : line.find(' ', first + 1);
    if (second == line.npos || line.find(' ', second + 1) != line.npos)
        return errc::bad_request_line;
    out.method = line.substr(0, first);
    out.target = line.substr(first + 1, second - first - 1);
    if (!is_token(out.method))
        return errc::bad_request_line;
    if (const auto e = split_version(line.substr(second + 1), errc::bad_request_line, out.minor); e != fine)
        return e;
    if (out.method == "PRI")
        return errc::unknown_method;  // the preface of HTTP/2, and never a method
    if (out.target.empty() || !std::all_of(out.target.begin(), out.target.end(), is_printable))
        return errc::bad_target;
    return is_target(out.method, out.target) ? fine : errc::bad_target;
}

errc split_status_line(std::string_view line, status_line& out) {
    if (const auto e = split_version(line.substr(0, 8), errc::bad_status_line, out.minor); e != fine)
        return e;
    const auto rest = line.substr(8);
    if (rest.size() < 4 || rest[0] != ' ' || !std::all_of(rest.begin() + 1, rest.begin() + 4, is_digit))
        return errc::bad_status_line;
    out.status = (rest[1] - '0') * 100 + (rest[2] - '0') * 10 + (rest[3] - '0');
    if (out.status < 100 || (rest.size() > 4 && rest[4] != ' '))
        return errc::bad_status_line;
    out.reason = trim(rest.substr(4));
    return fine;
}

errc split_field(std::string_view line, strictness how, field& out) {
    const auto colon = line.find(':');
    if (colon == line.npos || colon == 0)
        return errc::bad_field;
    out.name = line.substr(0, colon);
    out.value = trim(line.substr(colon + 1));
    if (net::ascii::is_blank(out.name.back())) {
        // Some parsers strip it, some take it as part of the name: harmless only where nothing hangs on it.
        out.name = trim(out.name);
        if (how == strictness::request || is_framing_field(out.name))
            return errc::space_before_colon;
    }
    if (how == strictness::response) {
        if (!is_token(out.name))
            out.name = {};
        return fine;
    }
    const auto is_plain = [](char c) { return !net::ascii::is_control(c) || c == '\t'; };
    if (!is_token(out.name) || is_disguised(out.name) || !std::all_of(out.value.begin(), out.value.end(), is_plain))
        return errc::bad_field;
    return fine;
}

errc split_chunk_line(std::string_view line, strictness how, chunk_line& out) {
    std::size_t n = 0;
    while (n < line.size() && net::ascii::is_hex(line[n]))
        ++n;
    if (n == 0 || n > 16)
        return errc::bad_chunk;
    out.digits = line.substr(0, n);
    const auto rest = line.substr(n);
    out.extension_bytes = rest.size();
    if (how == strictness::request)
        return is_chunk_extension(rest) ? fine : errc::bad_chunk;
    // Old servers pad the size with spaces.
    const auto extension = trim(rest);
    return extension.empty() || extension.front() == ';' ? fine : errc::bad_chunk;
}

names_in_head::names_in_head(const fields& f) {
    for (const auto [name, value] : f) {
        switch (name.size()) {
            case 4:
                if (iequals(name, "host"))
                    ++host, host_value = value;
                break;
            case 6: expect += iequals(name, "expect"); break;
            case 7: upgrade += iequals(name, "upgrade"); break;
            case 10: connection += iequals(name, "connection"); break;
            case 14:
                if (iequals(name, "content-length"))
                    ++length, length_value = value;
                break;
            case 17: coding += iequals(name, "transfer-encoding"); break;
            default: break;
        }
    }
}

errc judge_framing(const fields& f, const names_in_head& there, int minor, strictness how, framing& out) {
    const bool has_coding = there.coding > 0;
    const bool has_length = there.length > 0;
    // Section 6.1: HTTP/1.0 knows no Transfer-Encoding, so an old hop may have framed by something else.
    if (how == strictness::request && has_coding && (has_length || minor == 0))
        return errc::ambiguous_length;
    if (has_coding)
        if (const auto e = judge_codings(f, how, out.chunked); e != fine)
            return e;
    // Transfer-Encoding overrides the length, whatever it says.
    if (out.chunked) {
        out.both = has_length;
        return fine;
    }
    return has_length ? judge_length(f, there, how, out.length) : fine;
}

errc judge_host(const names_in_head& there, int minor) {
    switch (there.host) {
        case 0: return minor == 0 ? fine : errc::missing_host;
        case 1: return is_authority(there.host_value) ? fine : errc::bad_host;
        default: return errc::duplicate_host;
    }
}

bool is_framing_field(std::string_view name) {
    return iequals(name, "transfer-encoding") || iequals(name, "content-length") || iequals(name, "host");
}

}  // namespace ringlet::http::detail
