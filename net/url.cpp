// The URL parser. The standard spells it as a state machine over code points; for our four schemes
// it reads shorter as: clean the text, cut off the scheme, find out what is taken from the base,
// cut the authority, then path, query and fragment. Each step cites the state it stands for.
#include <ringlet/net/url.hpp>

#include <algorithm>
#include <utility>

#include "ascii_private.hpp"
#include "url_host_private.hpp"

namespace ringlet::net {
namespace {

using detail::url_refusal;

constexpr std::size_t longest = 1u << 20;

// The percent-encode sets (section 1.3 of the standard), each built upon the one before.
constexpr std::string_view fragment_set = " \"<>`";
constexpr std::string_view query_set = " \"#<>'";
constexpr std::string_view path_set = " \"#<>?^`{}";
constexpr std::string_view userinfo_set = " \"#<>?^`{}/:;=@[\\]|";

void percent_encode(std::string& out, std::string_view text, std::string_view set) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0x20 && byte < 0x7f && set.find(c) == set.npos) {
            out += c;
        } else {
            out += '%';
            out += "0123456789ABCDEF"[byte >> 4];
            out += "0123456789ABCDEF"[byte & 15];
        }
    }
}

bool is_slash(char c) { return c == '/' || c == '\\'; }

std::string_view skip_slashes(std::string_view text) {
    while (!text.empty() && is_slash(text.front()))
        text.remove_prefix(1);
    return text;
}

/// Removes and returns everything before the first of `stops`.
std::string_view cut(std::string_view& text, std::string_view stops) {
    const auto head = text.substr(0, text.find_first_of(stops));
    text.remove_prefix(head.size());
    return head;
}

std::uint16_t port_of_scheme(std::string_view scheme) { return scheme == "https" || scheme == "wss" ? 443 : 80; }

/// "." and "..", also with their dots percent-encoded; 0 for any other segment.
int dots(std::string_view segment) {
    int count = 0;
    while (!segment.empty() && count < 3) {
        if (segment.front() == '.') {
            segment.remove_prefix(1);
        } else if (ascii::iequals(segment.substr(0, 3), "%2e")) {
            segment.remove_prefix(3);
        } else {
            return 0;
        }
        ++count;
    }
    return count < 3 ? count : 0;
}

/// Without the last segment; "shorten" in the standard.
std::string_view parent(std::string_view path) {
    const auto slash = path.rfind('/');
    return path.substr(0, slash == path.npos ? 0 : slash);
}

/// "path state": appends the segments of `text` to `path`, which ends without a slash.
void append_path(std::string& path, std::string_view text) {
    while (true) {
        const auto segment = cut(text, "/\\");
        const bool last = text.empty();
        switch (dots(segment)) {
            case 2:
                path.resize(parent(path).size());
                if (last)
                    path += '/';
                break;
            case 1:
                if (last)
                    path += '/';
                break;
            default: path += '/'; percent_encode(path, segment, path_set);
        }
        if (last)
            return;
        text.remove_prefix(1);
    }
}

std::string cleaned(std::string_view text) {
    if (text.size() > longest)
        throw url_refusal("longer than 1 MiB");
    const auto control_or_space = [](char c) { return static_cast<unsigned char>(c) <= 0x20; };
    while (!text.empty() && control_or_space(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && control_or_space(text.back()))
        text.remove_suffix(1);
    std::string result(text);
    std::erase_if(result, [](char c) { return c == '\t' || c == '\n' || c == '\r'; });
    return result;
}

/// "scheme start" and "scheme state": the scheme in lower case, removed with its colon; empty if none.
std::string cut_scheme(std::string_view& text) {
    const auto end = text.find_first_of(":/?#\\");
    if (end == text.npos || text[end] != ':' || !ascii::is_alpha(text.front()))
        return {};
    std::string scheme;
    for (const char c : text.substr(0, end)) {
        if (!ascii::is_alpha(c) && !ascii::is_digit(c) && std::string_view("+-.").find(c) == std::string_view::npos)
            return {};
        scheme += ascii::lower(c);
    }
    text.remove_prefix(end + 1);
    if (scheme != "http" && scheme != "https" && scheme != "ws" && scheme != "wss")
        throw url_refusal("scheme '" + ascii::printable(scheme, 20) + "' is not http, https, ws or wss");
    return scheme;
}

}  // namespace

/// Assembles the text of a url from left to right and notes where its parts begin.
class url_builder {
public:
    url build(std::string_view given, const url* base) {
        const auto clean = cleaned(given);
        std::string_view text = clean;
        out().reserve(clean.size() + 1);  // nearly always enough
        auto scheme = cut_scheme(text);
        if (scheme.empty() && base == nullptr)
            throw url_refusal("no scheme; an absolute url starts with http:// or the like");

        // "special relative or authority state" and "relative slash state".
        const bool relative = base != nullptr && (scheme.empty() || scheme == base->scheme());
        const bool two_slashes = text.size() >= 2 && is_slash(text[0]) && is_slash(text[1]);
        if (relative && !two_slashes) {
            if (scheme.empty())
                scheme = base->scheme();
            take_authority(*base);
            relative_path(text, *base);
        } else {
            if (scheme.empty())
                scheme = base->scheme();
            text = skip_slashes(text);
            append_authority(scheme, cut(text, "/\\?#"));
            path_and_query(text);
        }
        append_fragment(text);
        return std::move(result_);
    }

private:
    std::string& out() { return result_.text_; }
    std::uint32_t here() const { return result_.size(); }

    void take_authority(const url& base) {
        result_ = base;
        out().resize(base.path_start_);
    }

    /// "relative state": an empty path keeps the base's, an empty reference also its query.
    void relative_path(std::string_view& text, const url& base) {
        if (!text.empty() && is_slash(text.front()))
            return path_and_query(text);
        const auto path = cut(text, "?#");
        std::string merged(path.empty() ? base.path() : parent(base.path()));
        if (!path.empty())
            append_path(merged, path);
        out() += merged;
        result_.query_start_ = here();
        if (text.starts_with('?')) {
            append_query(text);
        } else if (path.empty()) {
            out() += base.part(base.query_start_, base.fragment_start_);
        }
    }

    /// "authority", "host" and "port state". The last '@' ends the userinfo, whatever is before it.
    void append_authority(std::string_view scheme, std::string_view authority) {
        out() = scheme;
        result_.scheme_end_ = here();
        out() += "://";
        auto host = authority;
        if (const auto at = authority.rfind('@'); at != authority.npos) {
            append_userinfo(authority.substr(0, at));
            host.remove_prefix(at + 1);
        } else {
            result_.username_end_ = here();
        }
        result_.host_start_ = here();

        const auto bracket = host.rfind(']');
        const auto colon = host.find(':', host.starts_with('[') && bracket != host.npos ? bracket : 0);
        out() += detail::parse_url_host(host.substr(0, colon));
        result_.host_end_ = here();
        if (colon != host.npos)
            append_port(scheme, host.substr(colon + 1));
        result_.path_start_ = here();
    }

    void append_userinfo(std::string_view info) {
        const auto colon = info.find(':');
        percent_encode(out(), info.substr(0, colon), userinfo_set);
        result_.username_end_ = here();
        if (colon != info.npos && colon + 1 < info.size()) {
            out() += ':';
            percent_encode(out(), info.substr(colon + 1), userinfo_set);
        }
        if (here() > result_.scheme_end_ + 3)
            out() += '@';
    }

    void append_port(std::string_view scheme, std::string_view digits) {
        unsigned port = 0;
        for (const char c : digits) {
            if (!ascii::is_digit(c))
                throw url_refusal("port '" + ascii::printable(digits) + "' is not a number");
            port = std::min(65536u, port * 10 + static_cast<unsigned>(c - '0'));
        }
        if (port > 65535)
            throw url_refusal("port " + ascii::printable(digits) + " is larger than 65535");
        if (!digits.empty() && port != port_of_scheme(scheme))
            out() += ':' + std::to_string(port);
    }

    void path_and_query(std::string_view& text) {
        auto path = cut(text, "?#");
        if (!path.empty())
            path.remove_prefix(1);
        std::string normal;
        append_path(normal, path);
        out() += normal;
        result_.query_start_ = here();
        if (text.starts_with('?'))
            append_query(text);
    }

    void append_query(std::string_view& text) {
        text.remove_prefix(1);
        out() += '?';
        percent_encode(out(), cut(text, "#"), query_set);
    }

    void append_fragment(std::string_view text) {
        result_.fragment_start_ = here();
        if (!text.starts_with('#'))
            return;
        out() += '#';
        percent_encode(out(), text.substr(1), fragment_set);
    }

    url result_;
};

namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
    throw url_error("url '" + ascii::printable(detail::without_password(text), 200) + "': " + why);
}

std::optional<url> attempt(std::string_view text, const url* base, std::string* reason) {
    try {
        return url_builder().build(text, base);
    } catch (const url_refusal& error) {
        if (reason == nullptr)
            return std::nullopt;
        *reason = error.what();
        // Taken for a host and a port, the beginning of a password would be called a wrong port.
        if (detail::password_in(text).find_first_of("/\\?#") != text.npos)
            *reason = "what seems to be a password has '/', '?' or '#' in it: write %2F, %3F, %23";
        return std::nullopt;
    }
}

}  // namespace

// --- texts that are urls already

namespace {

/// What a host, a path and a query may have in them that means itself.
struct plain_table {
    bool in_host[256]{}, in_path[256]{}, in_query[256]{};
    constexpr plain_table() {
        for (unsigned i = 0x21; i < 0x7f; ++i) {
            const char c = static_cast<char>(i);
            in_host[i] = (c >= 'a' && c <= 'z') || ascii::is_digit(c) || c == '.' || c == '-';
            in_path[i] = c != '\\' && c != '%' && path_set.find(c) == path_set.npos;
            in_query[i] = query_set.find(c) == query_set.npos;
        }
    }
};
constexpr plain_table plain;

std::size_t skip(std::string_view text, std::size_t at, const bool (&what)[256]) {
    while (at < text.size() && what[static_cast<unsigned char>(text[at])])
        ++at;
    return at;
}

/// Takes a number without leading zeros; more than `most` if there is none.
unsigned take_number(std::string_view& text, unsigned most) {
    unsigned value = 0;
    std::size_t size = 0;
    for (; size < text.size() && ascii::is_digit(text[size]) && value <= most; ++size)
        value = value * 10 + static_cast<unsigned>(text[size] - '0');
    const bool sound = size == 1 || (size > 1 && text.front() != '0');
    text.remove_prefix(size);
    return sound ? value : most + 1;
}

bool is_usual_ip4(std::string_view host) {
    for (int dots_left = 3;; --dots_left) {
        if (take_number(host, 255) > 255)
            return false;
        if (dots_left == 0 || !host.starts_with('.'))
            return dots_left == 0 && host.empty();
        host.remove_prefix(1);
    }
}

/// A name whose last label cannot be taken for a number, or an IPv4 address as it is usually written. Labels
/// in Punycode have to be looked at.
bool is_plain_host(std::string_view host) {
    const std::string_view last = host.substr(host.rfind('.') + 1);
    return !last.empty() && (ascii::is_alpha(last.front()) ? host.find("xn--") == host.npos : is_usual_ip4(host));
}

}  // namespace

std::optional<url> url::try_adopt(std::string& text) {
    const std::string_view all = text;
    const bool secure = all.starts_with("https://");
    if (all.size() > longest || !(secure || all.starts_with("http://")))
        return std::nullopt;
    url u;
    u.scheme_end_ = secure ? 5 : 4;
    u.username_end_ = u.host_start_ = u.scheme_end_ + 3;
    std::size_t at = skip(all, u.host_start_, plain.in_host);
    u.host_end_ = static_cast<std::uint32_t>(at);
    if (!is_plain_host(all.substr(u.host_start_, at - u.host_start_)))
        return std::nullopt;
    if (all.substr(at).starts_with(':')) {
        std::string_view rest = all.substr(at + 1);
        const unsigned port = take_number(rest, 65535);
        if (port > 65535 || port == port_of_scheme(all.substr(0, u.scheme_end_)))
            return std::nullopt;
        at = all.size() - rest.size();
    }
    u.path_start_ = static_cast<std::uint32_t>(at);
    if (at == all.size() || all[at] != '/')
        return std::nullopt;
    at = skip(all, at, plain.in_path);
    u.query_start_ = static_cast<std::uint32_t>(at);
    if (all.substr(u.path_start_, at - u.path_start_).find("/.") != all.npos)
        return std::nullopt;
    if (at < all.size() && all[at] == '?')
        at = skip(all, at + 1, plain.in_query);
    u.fragment_start_ = static_cast<std::uint32_t>(at);
    if (at != all.size())
        return std::nullopt;
    u.text_ = std::move(text);
    return u;
}

url url::parse(std::string_view text) {
    std::string reason;
    auto result = attempt(text, nullptr, &reason);
    if (!result)
        refuse(text, reason);
    return std::move(*result);
}

std::optional<url> url::try_parse(std::string_view text, std::string* reason) {
    return attempt(text, nullptr, reason);
}

url url::resolve(std::string_view reference) const {
    std::string reason;
    auto result = attempt(reference, this, &reason);
    if (!result)
        refuse(reference, reason + " (found on " + ascii::printable(detail::without_password(text_), 200) + ")");
    return std::move(*result);
}

std::optional<url> url::try_resolve(std::string_view reference, std::string* reason) const {
    return attempt(reference, this, reason);
}

std::string_view url::password() const {
    const bool has_one = username_end_ < host_start_ && text_[username_end_] == ':';
    return has_one ? part(username_end_ + 1, host_start_ - 1) : std::string_view();
}

std::string_view url::host() const {
    return host_is_ip6() ? part(host_start_ + 1, host_end_ - 1) : part(host_start_, host_end_);
}

std::uint16_t url::port() const {
    if (host_end_ == path_start_)
        return port_of_scheme(scheme());
    unsigned port = 0;
    for (const char c : part(host_end_ + 1, path_start_))
        port = port * 10 + static_cast<unsigned>(c - '0');
    return static_cast<std::uint16_t>(port);
}

std::string url::origin() const {
    std::string result(scheme());
    result += "://";
    result += authority();
    return result;
}

}  // namespace ringlet::net
