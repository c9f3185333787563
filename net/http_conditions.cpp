#include <ringlet/net/http_conditions.hpp>

#include <ringlet/net/http_date.hpp>

#include <algorithm>

#include "ascii_private.hpp"

namespace ringlet::http {
namespace {

bool is_weak(std::string_view tag) { return tag.starts_with("W/"); }
std::string_view opaque(std::string_view tag) { return is_weak(tag) ? tag.substr(2) : tag; }

/// Whether a list of tags has this one, or is "*". A comma may stand inside the quotes.
bool lists(const fields& asked, std::string_view name, std::string_view tag, bool weakly) {
    for (std::string_view list : asked.get_all(name)) {
        if (net::ascii::trim(list) == "*")
            return true;
        while (!list.empty()) {
            const auto open = list.find('"');
            const auto close = open == list.npos ? open : list.find('"', open + 1);
            if (close == list.npos)
                break;
            const bool weak = open >= 2 && list.substr(open - 2, 2) == "W/";
            const bool same = list.substr(open, close + 1 - open) == opaque(tag);
            if (!tag.empty() && same && (weakly || (!weak && !is_weak(tag))))
                return true;
            list.remove_prefix(close + 1);
        }
    }
    return false;
}

std::optional<std::time_t> date_in(const fields& asked, std::string_view name) {
    const auto text = asked.get(name);
    return text ? parse_date(*text) : std::nullopt;
}

}  // namespace

condition judge_conditions(std::string_view method, const fields& asked, const validators& now) {
    const bool reads = method == "GET" || method == "HEAD";
    if (asked.contains("if-match")) {
        if (!lists(asked, "if-match", now.etag, false))
            return condition::failed;
    } else if (const auto when = date_in(asked, "if-unmodified-since"); when && now.modified != -1) {
        if (now.modified > *when)
            return condition::failed;
    }
    if (asked.contains("if-none-match")) {
        if (lists(asked, "if-none-match", now.etag, true))
            return reads ? condition::not_modified : condition::failed;
    } else if (const auto when = date_in(asked, "if-modified-since"); when && reads && now.modified != -1) {
        // A time that has not come yet is nobody's knowledge: a clock is wrong there.
        if (now.modified <= *when && *when <= std::time(nullptr))
            return condition::not_modified;
    }
    return condition::holds;
}

bool range_counts(const fields& asked, const validators& now) {
    const auto given = asked.get("if-range");
    if (!given)
        return true;
    if (given->find('"') != given->npos)
        return *given == now.etag && !is_weak(now.etag);
    const auto when = parse_date(*given);
    return when && now.modified == *when;
}

}  // namespace ringlet::http
