#include <ringlet/net/http_range_private.hpp>

#include <ringlet/net/ascii_private.hpp>
#include <ringlet/net/cookies.hpp>

#include <charconv>

namespace ringlet::http::detail {
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

}  // namespace

std::optional<content_range> parse_content_range(std::string_view text) {
    constexpr std::string_view unit = "bytes ";
    if (!net::ascii::iequals(text.substr(0, unit.size()), unit))
        return std::nullopt;
    text = net::ascii::trim(text.substr(unit.size()));
    const std::size_t slash = text.find('/');
    if (slash == text.npos)
        return std::nullopt;
    content_range r;
    const std::string_view range = text.substr(0, slash), total = text.substr(slash + 1);
    if (total != "*" && !(r.total = number(total)))
        return std::nullopt;
    if (range == "*")
        return r.total ? std::optional(r) : std::nullopt;
    const std::size_t dash = range.find('-');
    const auto first = number(range.substr(0, dash));
    const auto last = dash == range.npos ? std::nullopt : number(range.substr(dash + 1));
    if (!first || !last || *first > *last || (r.total && *last >= *r.total))
        return std::nullopt;
    r.satisfied = true;
    r.first = *first;
    r.last = *last;
    return r;
}

std::string strong_validator(const fields& f) {
    if (const auto tag = f.get("etag"); tag && tag->size() >= 2 && tag->starts_with('"') && tag->ends_with('"'))
        return std::string(*tag);
    const auto modified = f.get("last-modified"), date = f.get("date");
    if (!modified || !date)
        return {};
    const auto then = parse_cookie_date(*modified), now = parse_cookie_date(*date);
    return then && now && *now - *then >= 60 ? std::string(*modified) : std::string();
}

}  // namespace ringlet::http::detail
