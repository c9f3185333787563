#pragma once
// What a client gets: a whole response, and how it came about.

#include <ringlet/core/time.hpp>
#include <ringlet/net/http_response.hpp>

#include <string>
#include <system_error>
#include <vector>

namespace ringlet::http {

/// A response that says that the request failed: "404 Client Error: Not Found for url: http://..."
class status_error : public std::system_error {
public:
    status_error(int status, std::string_view reason, std::string_view url);
    const char* what() const noexcept override { return text_.c_str(); }
    int status() const noexcept { return status_; }

private:
    int status_;
    std::string text_;
};

class reply : public response {
public:
    std::string url;  // after all redirects; with the password, if it has one
    std::vector<reply> history;  // the redirects that led here, oldest first
    int version = 11;  // 10, 11, or 20 for HTTP/2
    duration elapsed{};  // from the (last) request until its head had come

    bool ok() const noexcept { return status < 400; }
    /// Throws status_error for a status of 400 or more.
    void raise_for_status() const;

    /// From the Content-Type, or from what the body itself says (http_text.hpp).
    std::string encoding() const;
    /// The body as UTF-8.
    std::string text() const;
};

}  // namespace ringlet::http
