#include <ringlet/net/http_router.hpp>

#include <algorithm>
#include <stdexcept>

#include "ascii_private.hpp"

namespace ringlet::http {
namespace {

[[noreturn]] void refuse(std::string_view pattern, const std::string& why) {
    throw std::invalid_argument("http route '" + std::string(pattern) + "': " + why);
}

/// Cuts off what is before the next '/', and that.
std::string_view take_segment(std::string_view& rest, bool& last) {
    const auto slash = rest.find('/');
    last = slash == rest.npos;
    const std::string_view segment = rest.substr(0, slash);
    rest.remove_prefix(last ? rest.size() : slash + 1);
    return segment;
}

bool is_name(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return net::ascii::is_alpha(c) || net::ascii::is_digit(c) || c == '_' || c == '-';
    });
}

/// Keeps a list for Allow in order, without doubles. GET brings HEAD, and every path answers OPTIONS.
void allow(std::string& list, std::string_view method) {
    const auto add = [&list](std::string_view one) {
        fields all{{"allow", list}};
        if (!all.has_token("allow", one))
            list.append(list.empty() ? "" : ", ").append(one);
    };
    if (method.empty())
        return;
    add(method);
    if (method == "GET")
        add("HEAD");
    add("OPTIONS");
}

}  // namespace

void router::put(place& where, std::string_view pattern, entry e) {
    for (const entry& other : where.entries)
        if (other.method == e.method)
            refuse(pattern, "given twice" + (e.method.empty() ? std::string() : " for " + e.method));
    allow(where.allowed, e.method);
    where.entries.push_back(std::move(e));
}

void router::add(std::string_view method, std::string_view pattern, handler h) {
    if (!method.empty() && !net::ascii::is_token(method))
        refuse(pattern, "'" + net::ascii::printable(method) + "' is no method");
    entry e{std::string(method), {}, std::move(h)};
    if (!pattern.starts_with('/'))
        refuse(pattern, "does not begin with '/'");
    node* at = &root_;
    std::string_view rest = pattern.substr(1);
    place* end = nullptr;
    for (bool last = false; !last;) {
        const std::string_view segment = take_segment(rest, last);
        const bool named = segment.starts_with('{') && segment.ends_with('}');
        std::string_view name = named ? segment.substr(1, segment.size() - 2) : std::string_view();
        const bool tail = named && name.ends_with("...");
        if (tail)
            name.remove_suffix(3);
        if (named ? !is_name(name) : segment.find_first_of("{}") != segment.npos)
            refuse(pattern,
                   "'" + net::ascii::printable(segment) + "' is neither a text nor a {name} nor a {name...}");
        if (tail && !last)
            refuse(pattern, "nothing can follow {" + std::string(name) + "...}");
        if (named && std::find(e.names.begin(), e.names.end(), name) != e.names.end())
            refuse(pattern, "has {" + std::string(name) + "} twice");
        if (named && e.names.size() == parameters::most)
            refuse(pattern, "has more than " + std::to_string(parameters::most) + " names");
        if (named)
            e.names.emplace_back(name);
        if (tail) {
            end = &at->below;
            break;
        }
        if (named) {
            if (!at->any)
                at->any = std::make_unique<node>();
            at = at->any.get();
            continue;
        }
        const auto found =
            std::find_if(at->texts.begin(), at->texts.end(), [&](const auto& t) { return t.first == segment; });
        if (found != at->texts.end())
            at = found->second.get();
        else
            at = at->texts.emplace_back(segment, std::make_unique<node>()).second.get();
    }
    put(end != nullptr ? *end : at->here, pattern, std::move(e));
    allow(methods_, method);
}

/// From the most special to the most general; back again where one leads nowhere. A route without the
/// method is no obstacle for a more general one that has it.
struct router::search {
    std::string_view method;
    route_match& found;

    bool take(const place& where) {
        const entry *best = nullptr, *get = nullptr, *all = nullptr;
        for (const entry& e : where.entries) {
            if (e.method == method)
                best = &e;
            else if (e.method.empty())
                all = &e;
            else if (e.method == "GET" && method == "HEAD")
                get = &e;
        }
        best = best != nullptr ? best : get != nullptr ? get : all;
        if (best == nullptr) {
            if (found.allowed.empty())
                found.allowed = where.allowed;
            return false;
        }
        for (std::size_t i = 0; i < best->names.size(); ++i)
            found.parameters.name(i, best->names[i]);
        found.answer = &best->answer;
        return true;
    }

    bool walk(const node& at, std::string_view rest) {
        std::string_view left = rest;
        bool last = false;
        const std::string_view segment = take_segment(left, last);
        for (const auto& [text, next] : at.texts)
            if (percent_decodes_to(segment, text) && (last ? take(next->here) : walk(*next, left)))
                return true;
        if (at.any && !segment.empty()) {
            found.parameters.push(segment);
            if (last ? take(at.any->here) : walk(*at.any, left))
                return true;
            found.parameters.pop();
        }
        if (at.below.entries.empty())
            return false;
        found.parameters.push(rest);
        if (take(at.below))
            return true;
        found.parameters.pop();
        return false;
    }
};

void router::find(std::string_view method, std::string_view path, route_match& found) const {
    found.answer = nullptr;
    found.allowed = {};
    found.parameters.clear();
    if (path.starts_with('/'))
        search{method, found}.walk(root_, path.substr(1));
}

}  // namespace ringlet::http
