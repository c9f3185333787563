// Lines of fields are few (a dozen), so every search is a walk over the table.
#include <ringlet/net/http_fields.hpp>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "ascii_private.hpp"

namespace ringlet::http {
namespace {

using net::ascii::iequals;
using net::ascii::printable;

void check(std::string_view name, std::string_view value) {
    if (!net::ascii::is_token(name))
        throw std::invalid_argument("header field '" + printable(name) + "': the name is not a token");
    const auto bad = value.find_first_of(std::string_view("\r\n\0", 3));
    if (bad != value.npos)
        throw std::invalid_argument("header field '" + printable(name) + "': the value has a " +
                                    (value[bad] == '\0' ? "NUL byte" : "line break") + " at position " +
                                    std::to_string(bad));
}

}  // namespace

fields::fields(std::initializer_list<std::pair<std::string_view, std::string_view>> list) {
    for (const auto& [name, value] : list)
        add(name, value);
}

void fields::add(std::string_view name, std::string_view value) {
    check(name, value);
    append(name, net::ascii::trim(value));
}

void fields::append(std::string_view name, std::string_view value) {
    const auto start = text_.size();
    if (start + name.size() + value.size() > std::numeric_limits<std::uint32_t>::max() / 2)
        throw std::length_error("header fields: more than 2 GiB");
    // A caller may pass views into ourselves; appending could move what they look at.
    if (text_.capacity() - start < name.size() + value.size()) {
        std::string grown;
        grown.reserve(std::max(text_.capacity() * 2, start + name.size() + value.size()));
        grown.append(text_).append(name).append(value);
        text_.swap(grown);
    } else {
        text_.append(name).append(value);
    }
    entries_.push_back({static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(name.size()),
                        static_cast<std::uint32_t>(value.size())});
}

/// The continuation of a folded line: joined by one space (RFC 9112 section 5.2).
void fields::extend_last(std::string_view more) {
    auto& last = entries_.back();
    if (more.empty())
        return;
    if (last.value_size > 0)
        text_ += ' ', ++last.value_size;
    text_ += more;
    last.value_size += static_cast<std::uint32_t>(more.size());
}

void fields::set(std::string_view name, std::string_view value) {
    check(name, value);
    if (!contains(name)) {
        append(name, net::ascii::trim(value));
        return;
    }
    const std::string kept_name(name), kept_value(net::ascii::trim(value));  // may be views into ourselves
    bool found = false;
    for (std::size_t i = 0; i < entries_.size();) {
        if (!iequals(name_of(entries_[i]), kept_name)) {
            ++i;
        } else if (!found) {
            replace_value(i++, kept_value);
            found = true;
        } else {
            erase(i);
        }
    }
}

void fields::replace_value(std::size_t i, std::string_view value) {
    const auto start = entries_[i].start;
    const auto by = static_cast<std::ptrdiff_t>(value.size()) - static_cast<std::ptrdiff_t>(entries_[i].value_size);
    text_.replace(start + entries_[i].name_size, entries_[i].value_size, value);
    entries_[i].value_size = static_cast<std::uint32_t>(value.size());
    shift_behind(start, by);
}

void fields::erase(std::size_t i) {
    const auto gone = entries_[i];
    text_.erase(gone.start, gone.name_size + gone.value_size);
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
    shift_behind(gone.start, -static_cast<std::ptrdiff_t>(gone.name_size + gone.value_size));
}

void fields::shift_behind(std::uint32_t start, std::ptrdiff_t by) {
    for (auto& e : entries_)
        if (e.start > start)
            e.start = static_cast<std::uint32_t>(e.start + by);
}

std::size_t fields::remove(std::string_view name) {
    const std::string kept(name);
    const auto before = entries_.size();
    for (std::size_t i = entries_.size(); i-- > 0;)
        if (iequals(name_of(entries_[i]), kept))
            erase(i);
    return before - entries_.size();
}

void fields::clear() noexcept {
    text_.clear();
    entries_.clear();
}

std::optional<std::string_view> fields::get(std::string_view name) const {
    for (const auto& e : entries_)
        if (iequals(name_of(e), name))
            return value_of(e);
    return std::nullopt;
}

std::vector<std::string_view> fields::get_all(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const auto& e : entries_)
        if (iequals(name_of(e), name))
            values.push_back(value_of(e));
    return values;
}

std::size_t fields::count(std::string_view name) const {
    return static_cast<std::size_t>(
        std::count_if(entries_.begin(), entries_.end(), [&](const entry& e) { return iequals(name_of(e), name); }));
}

bool fields::has_token(std::string_view name, std::string_view token) const {
    for (const auto& e : entries_) {
        if (!iequals(name_of(e), name))
            continue;
        auto rest = value_of(e);
        while (true) {
            const auto comma = rest.find(',');
            if (iequals(net::ascii::trim(rest.substr(0, comma)), token))
                return true;
            if (comma == rest.npos)
                break;
            rest.remove_prefix(comma + 1);
        }
    }
    return false;
}

bool operator==(const fields& a, const fields& b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

std::string_view reason_of(int status) noexcept {
    switch (status) {
        case 100: return "Continue";
        case 101: return "Switching Protocols";
        case 102: return "Processing";
        case 103: return "Early Hints";
        case 200: return "OK";
        case 201: return "Created";
        case 202: return "Accepted";
        case 203: return "Non-Authoritative Information";
        case 204: return "No Content";
        case 205: return "Reset Content";
        case 206: return "Partial Content";
        case 207: return "Multi-Status";
        case 208: return "Already Reported";
        case 226: return "IM Used";
        case 300: return "Multiple Choices";
        case 301: return "Moved Permanently";
        case 302: return "Found";
        case 303: return "See Other";
        case 304: return "Not Modified";
        case 305: return "Use Proxy";
        case 307: return "Temporary Redirect";
        case 308: return "Permanent Redirect";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 402: return "Payment Required";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 406: return "Not Acceptable";
        case 407: return "Proxy Authentication Required";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 410: return "Gone";
        case 411: return "Length Required";
        case 412: return "Precondition Failed";
        case 413: return "Content Too Large";
        case 414: return "URI Too Long";
        case 415: return "Unsupported Media Type";
        case 416: return "Range Not Satisfiable";
        case 417: return "Expectation Failed";
        case 421: return "Misdirected Request";
        case 422: return "Unprocessable Content";
        case 423: return "Locked";
        case 424: return "Failed Dependency";
        case 425: return "Too Early";
        case 426: return "Upgrade Required";
        case 428: return "Precondition Required";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 451: return "Unavailable For Legal Reasons";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        case 505: return "HTTP Version Not Supported";
        case 506: return "Variant Also Negotiates";
        case 507: return "Insufficient Storage";
        case 508: return "Loop Detected";
        case 510: return "Not Extended";
        case 511: return "Network Authentication Required";
        default: return {};
    }
}

bool is_idempotent(std::string_view method) noexcept {
    return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS" ||
           method == "TRACE";
}

bool expects_body(std::string_view method) noexcept {
    return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace ringlet::http
