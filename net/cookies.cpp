#include <ringlet/net/cookies.hpp>

#include <ringlet/net/ascii_private.hpp>
#include <ringlet/net/public_suffix_private.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace ringlet::http {
namespace {

using net::ascii::iequals;
using net::ascii::trim;

constexpr std::size_t longest_pair = 4096, longest_attribute = 1024;
constexpr std::time_t furthest = 400 * 86400;  // no cookie lives longer from its last setting

std::string lowered(std::string_view text) {
    std::string low(text);
    for (char& c : low)
        c = net::ascii::lower(c);
    return low;
}

bool is_address(const net::url& u) {
    const std::string_view host = u.host();
    return u.host_is_ip6() || (!host.empty() && host.find_first_not_of("0123456789.") == host.npos);
}

/// RFC 6265 section 5.1.3.
bool domain_matches(std::string_view host, std::string_view domain) {
    if (host == domain)
        return true;
    return host.size() > domain.size() && host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.';
}

/// RFC 6265 section 5.1.4.
bool path_matches(std::string_view asked, std::string_view path) {
    if (!asked.starts_with(path))
        return false;
    return asked.size() == path.size() || path.ends_with('/') || asked[path.size()] == '/';
}

std::string default_path(const net::url& from) {
    const std::string_view path = from.path();
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == path.npos ? "/" : std::string(path.substr(0, slash));
}

std::string_view cut(std::string_view& text, char stop) {
    const std::size_t end = std::min(text.find(stop), text.size());
    const std::string_view head = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return head;
}

/// What the attributes say, before it is judged.
struct attributes {
    std::optional<std::time_t> expires, max_age;
    std::string domain, path;

    void take(std::string_view name, std::string_view value, cookie& into, std::time_t now) {
        if (iequals(name, "expires")) {
            if (const auto when = parse_cookie_date(value))
                expires = when;
        } else if (iequals(name, "max-age")) {
            take_age(value, now);
        } else if (iequals(name, "domain")) {
            if (value.empty())
                return;
            if (value.starts_with('.'))
                value.remove_prefix(1);
            domain = lowered(value);
        } else if (iequals(name, "path")) {
            path = value.starts_with('/') ? std::string(value) : std::string();
        } else if (iequals(name, "secure")) {
            into.secure = true;
        } else if (iequals(name, "httponly")) {
            into.http_only = true;
        } else if (iequals(name, "samesite")) {
            using enum cookie::same_site;
            into.site = iequals(value, "none")     ? none
                        : iequals(value, "lax")    ? lax
                        : iequals(value, "strict") ? strict
                                                   : unset;
        }
    }

    void take_age(std::string_view value, std::time_t now) {
        const bool negative = value.starts_with('-');
        const std::string_view digits = value.substr(negative ? 1 : 0);
        if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos)
            return;
        std::int64_t age = 0;
        const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), age);
        if (end.ec != std::errc())
            age = furthest;
        max_age = negative || age == 0 ? std::numeric_limits<std::time_t>::min()
                                       : now + std::min<std::time_t>(age, furthest);
    }
};

/// True unless the cookie claims a domain that is not the sender's to claim.
bool settle_domain(cookie& c, const std::string& claimed, const net::url& from) {
    const std::string_view host = from.host();
    c.domain = host;
    c.host_only = claimed.empty() || is_address(from) || net::detail::is_public_suffix(claimed);
    if (claimed.empty() || claimed == host)
        return true;
    if (is_address(from) || !domain_matches(host, claimed) || net::detail::is_public_suffix(claimed))
        return false;
    c.domain = claimed;
    return true;
}

/// Section 5.7 of the revision: what a name promises must hold.
bool keeps_its_prefix(const cookie& c, bool path_given) {
    const auto starts = [&](std::string_view prefix) {
        return iequals(std::string_view(c.name).substr(0, prefix.size()), prefix);
    };
    if (!starts("__Secure-") && !starts("__Host-"))
        return true;
    if (!c.secure)
        return false;
    return !starts("__Host-") || (c.host_only && path_given && c.path == "/");
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) { return net::ascii::is_control(c) && c != '\t'; });
}

}  // namespace

std::optional<cookie> parse_set_cookie(std::string_view line, const net::url& from, std::time_t now) {
    if (has_control(line))
        return std::nullopt;
    std::string_view pair = cut(line, ';');
    if (pair.find('=') == pair.npos)  // browsers take that for a value without a name, RFC 6265 does not
        return std::nullopt;
    cookie c;
    c.name = trim(cut(pair, '='));
    c.value = trim(pair);
    if (c.name.empty() || c.name.size() + c.value.size() > longest_pair)
        return std::nullopt;

    attributes said;
    while (!line.empty()) {
        std::string_view value = cut(line, ';');
        const std::string_view name = trim(cut(value, '='));
        if (value.size() <= longest_attribute)
            said.take(name, trim(value), c, now);
    }
    if (said.max_age)
        c.expires = *said.max_age;
    else if (said.expires)
        c.expires = std::min(*said.expires, now + furthest);
    c.path = said.path.empty() ? default_path(from) : said.path;
    if (!settle_domain(c, said.domain, from) || (c.secure && !from.is_secure()) ||
        !keeps_its_prefix(c, !said.path.empty()))
        return std::nullopt;
    return c;
}

void cookie_jar::take(const fields& from_response, const net::url& from, std::time_t now) {
    for (const auto [name, value] : from_response) {
        if (!iequals(name, "set-cookie"))
            continue;
        auto c = parse_set_cookie(value, from, now);
        if (!c)
            continue;
        if (from.is_secure() || !shadows_secure(*c))
            set(std::move(*c), now);
    }
}

/// Whether this one would replace, or be sent beside, one of that name that was set over https: not for
/// somebody on the way of plain http to do.
bool cookie_jar::shadows_secure(const cookie& c) const {
    const auto is_hidden = [&](const cookie& other) {
        return other.secure && other.name == c.name && path_matches(c.path, other.path);
    };
    return std::ranges::any_of(by_domain_, [&](const auto& bin) {
        const auto& [domain, cookies] = bin;
        return (domain_matches(domain, c.domain) || domain_matches(c.domain, domain)) &&
               std::ranges::any_of(cookies, is_hidden);
    });
}

void cookie_jar::set(cookie c, std::time_t now) {
    const auto refuse = [&](const char* why) {
        throw std::invalid_argument("cookie '" + net::ascii::printable(c.name) + "': " + why);
    };
    if (has_control(c.name) || has_control(c.value))
        refuse("a control character in it");
    if (c.name.find(';') != c.name.npos || c.value.find(';') != c.value.npos)
        refuse("a ';' in it, which would begin another one");
    if (c.name.find('=') != c.name.npos)
        refuse("a '=' in its name, which would end it");
    std::vector<cookie>& bin = by_domain_[c.domain];
    const auto same = std::ranges::find_if(bin, [&](const cookie& other) {
        return other.name == c.name && other.path == c.path && other.host_only == c.host_only;
    });
    c.number = same != bin.end() ? same->number : ++set_;
    if (same != bin.end()) {
        bin.erase(same);
        --size_;
    }
    if (c.expires > now) {
        if (bin.size() >= most_per_domain)
            evict(bin, now);
        bin.push_back(std::move(c));
        ++size_;
    }
    if (bin.empty())
        by_domain_.erase(c.domain);
    if (size_ > most_in_all)
        evict_anywhere(now);
}

/// Makes room for one: those that have expired, or else the one that was set first.
void cookie_jar::evict(std::vector<cookie>& bin, std::time_t now) {
    const std::size_t gone = std::erase_if(bin, [&](const cookie& c) { return c.expires <= now; });
    size_ -= gone;
    if (gone > 0 || bin.empty())
        return;
    bin.erase(std::ranges::min_element(bin, {}, &cookie::number));
    --size_;
}

void cookie_jar::evict_anywhere(std::time_t now) {
    auto fullest = std::ranges::max_element(by_domain_, {}, [](const auto& bin) { return bin.second.size(); });
    evict(fullest->second, now);
    if (fullest->second.empty())
        by_domain_.erase(fullest);
}

std::string cookie_jar::line_for(const net::url& to, std::time_t now) const {
    if (size_ == 0)
        return {};
    std::vector<const cookie*> chosen;
    const std::string_view host = to.host();
    for (std::string_view domain = host;;) {
        if (const auto bin = by_domain_.find(std::string(domain)); bin != by_domain_.end())
            for (const cookie& c : bin->second)
                if ((domain == host || domain.empty() || !c.host_only) && (!c.secure || to.is_secure()) &&
                    c.expires > now && path_matches(to.path(), c.path))
                    chosen.push_back(&c);
        if (domain.empty())
            break;
        const std::size_t dot = is_address(to) ? domain.npos : domain.find('.');
        domain.remove_prefix(std::min(dot, domain.size() - 1) + 1);
    }
    // Section 5.4: longer paths come first, then those set earlier.
    std::ranges::sort(chosen, [](const cookie* a, const cookie* b) {
        return a->path.size() != b->path.size() ? a->path.size() > b->path.size() : a->number < b->number;
    });
    std::string line;
    for (const cookie* c : chosen) {
        if (!line.empty())
            line += "; ";
        if (!c->name.empty())
            (line += c->name) += '=';
        line += c->value;
    }
    return line;
}

std::vector<const cookie*> cookie_jar::all() const {
    std::vector<const cookie*> list;
    for (const auto& [domain, bin] : by_domain_)
        for (const cookie& c : bin)
            list.push_back(&c);
    std::ranges::sort(list, {}, &cookie::number);
    return list;
}

std::optional<std::string_view> cookie_jar::get(std::string_view name) const {
    const cookie* first = nullptr;
    for (const auto& [domain, bin] : by_domain_)
        for (const cookie& c : bin)
            if (c.name == name && (first == nullptr || c.number < first->number))
                first = &c;
    return first ? std::optional<std::string_view>(first->value) : std::nullopt;
}

void cookie_jar::clear() noexcept {
    by_domain_.clear();
    size_ = 0;
}

}  // namespace ringlet::http
