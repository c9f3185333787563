#pragma once
// What a server tells of each request that it has answered, and the two formats that every tool for
// access logs reads. The text goes wherever the application wants it.
//
//     options.access_log = http::log_lines([](std::string_view line) { std::cout << line << '\n'; });

#include <ringlet/core/time.hpp>

#include <cstdint>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>

namespace ringlet::http {

/// One answered request. The views are valid during the call only, and hold what the client sent.
struct log_entry {
    std::string_view peer;  // "10.0.0.1:51234"
    std::string_view method, target;  // empty when the request could not be read so far
    int version = 11;  // 10, 11, or 20 for HTTP/2
    int status = 0;
    std::uint64_t body_bytes = 0;  // of the answer, as far as it was made
    duration took{};  // from the end of the request's head to the end of the answer
    std::string_view referer, user_agent;
};

using access_log = std::function<void(const log_entry&)>;

enum class log_format { common, combined };

/// `10.0.0.1 - - [06/Nov/1994:08:49:37 +0000] "GET / HTTP/1.1" 200 13`, and for `combined` also
/// ` "https://referer/" "user agent"`. Quotes, controls and non-ASCII are escaped as \xNN, so that no
/// client can forge a line. Without a line break at the end.
void append_log_line(std::string& out, const log_entry& e, log_format format, std::time_t when);

/// An access log that makes lines, with the time of now.
access_log log_lines(std::function<void(std::string_view line)> sink, log_format format = log_format::combined);

}  // namespace ringlet::http
