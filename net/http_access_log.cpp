#include <ringlet/net/http_access_log.hpp>

#include <charconv>
#include <cstdio>
#include <utility>

namespace ringlet::http {
namespace {

void append_escaped(std::string& out, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\')
            out += c;
        else
            out.append("\\x").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
    }
}

void append_quoted(std::string& out, std::string_view text) {
    out += " \"";
    append_escaped(out, text.empty() ? "-" : text);
    out += '"';
}

void append_number(std::string& out, std::uint64_t number) {
    char digits[20];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

/// Not strftime: the names of months must not depend on setlocale.
void append_time(std::string& out, std::time_t when) {
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm t{};
    gmtime_r(&when, &t);
    char text[64];
    const int size = std::snprintf(text, sizeof text, "[%02d/%s/%d:%02d:%02d:%02d +0000]", t.tm_mday,
                                   months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    out.append(text, static_cast<std::size_t>(size));
}

std::string_view without_port(std::string_view peer) {
    const auto colon = peer.rfind(':');
    const std::string_view host = peer.substr(0, colon);
    return host.size() > 2 && host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

}  // namespace

void append_log_line(std::string& out, const log_entry& e, log_format format, std::time_t when) {
    append_escaped(out, e.peer.empty() ? "-" : without_port(e.peer));
    out += " - - ";
    append_time(out, when);
    if (e.method.empty()) {
        append_quoted(out, {});
    } else {
        out += " \"";
        append_escaped(out, e.method);
        out += ' ';
        append_escaped(out, e.target);
        out.append(e.version == 20 ? " HTTP/2.0\"" : e.version == 10 ? " HTTP/1.0\"" : " HTTP/1.1\"");
    }
    out += ' ';
    append_number(out, static_cast<std::uint64_t>(e.status));
    out += ' ';
    append_number(out, e.body_bytes);
    if (format == log_format::common)
        return;
    append_quoted(out, e.referer);
    append_quoted(out, e.user_agent);
}

access_log log_lines(std::function<void(std::string_view)> sink, log_format format) {
    return [sink = std::move(sink), format, line = std::string()](const log_entry& e) mutable {
        line.clear();
        append_log_line(line, e, format, std::time(nullptr));
        sink(line);
    };
}

}  // namespace ringlet::http
