// Lines of fields are few (a dozen), so every search is a walk over the table.
#include <ringlet/net/http_fields.hpp>

#include <ringlet/core/frame_pool.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "ascii_private.hpp"

namespace ringlet::http {
namespace {

using net::ascii::iequals;
using net::ascii::printable;

// What a first block holds: the head of most messages.
constexpr std::size_t first_capacity = 248;

void copy(char* to, std::string_view text) {
    if (!text.empty())
        std::memcpy(to, text.data(), text.size());
}

bool breaks_line(char c) { return c == '\r' || c == '\n' || c == '\0'; }

void check(std::string_view name, std::string_view value) {
    if (!net::ascii::is_token(name))
        throw std::invalid_argument("header field '" + printable(name) + "': the name is not a token");
    const std::size_t suspect = net::ascii::find_control(value);
    const auto bad = std::find_if(value.begin() + static_cast<std::ptrdiff_t>(suspect), value.end(), breaks_line);
    if (bad != value.end())
        throw std::invalid_argument("header field '" + printable(name) + "': the value has a " +
                                    (*bad == '\0' ? "NUL byte" : "line break") + " at position " +
                                    std::to_string(bad - value.begin()));
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

fields::fields(const fields& other) {
    if (!other.empty())
        other.with_room_for(0).swap(*this);
}

fields::~fields() {
    if (block_ != nullptr)
        free_frame(block_, capacity_);
}

/// A copy in a block that has at least so much room.
fields fields::with_room_for(std::size_t more) const {
    const std::size_t wanted = std::max(capacity_ - room() + more, first_capacity);
    if (wanted > std::numeric_limits<std::uint32_t>::max() / 2)
        throw std::length_error("header fields: more than 2 GiB");
    fields f;
    const std::size_t capacity = (wanted + 7) / 16 * 16 + 8;  // a size that the pool has
    f.block_ = static_cast<char*>(allocate_frame(capacity));
    f.capacity_ = static_cast<std::uint32_t>(capacity);
    f.text_size_ = text_size_;
    f.count_ = count_;
    if (count_ > 0) {
        std::memcpy(f.block_, block_, text_size_);
        std::memcpy(&f.at(count_ - 1), &at(count_ - 1), count_ * sizeof(entry));
    }
    return f;
}

void fields::append(std::string_view name, std::string_view value) {
    const std::size_t size = name.size() + value.size();
    if (room() < size + sizeof(entry)) {
        fields larger = with_room_for(std::max<std::size_t>(size + sizeof(entry), capacity_));
        larger.append(name, value);  // which may be views into ourselves
        return swap(larger);
    }
    copy(block_ + text_size_, name);
    copy(block_ + text_size_ + name.size(), value);
    at(count_++) = {text_size_, static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())};
    text_size_ += static_cast<std::uint32_t>(size);
}

/// The continuation of a folded line: joined by one space (RFC 9112 section 5.2).
void fields::extend_last(std::string_view more) {
    if (more.empty())
        return;
    const std::size_t last = count_ - 1, size = at(last).value_size, gap = size > 0 ? 1 : 0;
    resize_value(last, size + gap + more.size());
    char* const end = block_ + text_size_ - more.size();
    if (gap > 0)
        end[-1] = ' ';
    copy(end, more);
}

void fields::set(std::string_view name, std::string_view value) {
    check(name, value);
    if (!contains(name)) {
        append(name, net::ascii::trim(value));
        return;
    }
    const std::string kept_name(name), kept_value(net::ascii::trim(value));  // may be views into ourselves
    bool found = false;
    for (std::size_t i = 0; i < count_;) {
        if (!iequals(name_of(at(i)), kept_name)) {
            ++i;
        } else if (!found) {
            resize_value(i, kept_value.size());
            copy(block_ + at(i).start + at(i).name_size, kept_value);
            found = true;
            ++i;
        } else {
            erase(i);
        }
    }
}

/// The bytes that are new say nothing yet.
void fields::resize_value(std::size_t i, std::size_t size) {
    const std::size_t before = at(i).value_size;
    if (size > before && room() < size - before)
        with_room_for(std::max<std::size_t>(size - before, capacity_)).swap(*this);
    char* const end = block_ + at(i).start + at(i).name_size + before;
    const auto by = static_cast<std::ptrdiff_t>(size) - static_cast<std::ptrdiff_t>(before);
    std::memmove(end + by, end, static_cast<std::size_t>(block_ + text_size_ - end));
    text_size_ = static_cast<std::uint32_t>(text_size_ + by);
    at(i).value_size = static_cast<std::uint32_t>(size);
    for (std::size_t behind = i + 1; behind < count_; ++behind)
        at(behind).start = static_cast<std::uint32_t>(at(behind).start + by);
}

void fields::erase(std::size_t i) {
    resize_value(i, 0);
    const entry gone = at(i);
    std::memmove(block_ + gone.start, block_ + gone.start + gone.name_size, text_size_ - gone.start - gone.name_size);
    text_size_ -= gone.name_size;
    for (std::size_t behind = i + 1; behind < count_; ++behind) {
        at(behind - 1) = at(behind);
        at(behind - 1).start -= gone.name_size;
    }
    --count_;
}

std::size_t fields::remove(std::string_view name) {
    const std::string kept(name);
    const std::size_t before = count_;
    for (std::size_t i = count_; i-- > 0;)
        if (iequals(name_of(at(i)), kept))
            erase(i);
    return before - count_;
}

std::optional<std::string_view> fields::get(std::string_view name) const {
    for (std::size_t i = 0; i < count_; ++i)
        if (iequals(name_of(at(i)), name))
            return value_of(at(i));
    return std::nullopt;
}

std::vector<std::string_view> fields::get_all(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const field f : *this)
        if (iequals(f.name, name))
            values.push_back(f.value);
    return values;
}

std::size_t fields::count(std::string_view name) const {
    std::size_t found = 0;
    for (const field f : *this)
        found += iequals(f.name, name);
    return found;
}

bool fields::has_token(std::string_view name, std::string_view token) const {
    for (const field f : *this) {
        if (!iequals(f.name, name))
            continue;
        std::string_view rest = f.value;
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
