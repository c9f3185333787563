#pragma once
// Python's requests, by its own names: each call blocks its fiber (or the main program) until the
// response is there. Connections are kept for the next call to the same server.
//
//     auto r = requests::get("http://example.org/", {.params = {{"q", "ring"}}, .timeout = 5});
//     std::cout << r.status_code << r.headers["content-type"] << r.text();
//
// In a coroutine use http::client, which this is built on.

#include <ringlet/net/http_fields.hpp>
#include <ringlet/net/http_request_error.hpp>

#include <initializer_list>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace ringlet::requests {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// Header fields; names are compared without regard to case.
class Headers : public http::fields {
public:
    using http::fields::fields;
    explicit Headers(const http::fields& f) : http::fields(f) {}
    using http::fields::operator[];
    /// The first value of that name; empty when there is none.
    std::string_view operator[](std::string_view name) const { return get_or(name, {}); }
    std::string_view operator[](const char* name) const { return get_or(name, {}); }
};

/// What is sent: bytes as they are, or a form (application/x-www-form-urlencoded).
class Data {
public:
    Data() = default;
    Data(std::string bytes) : bytes_(std::move(bytes)) {}
    Data(const char* bytes) : bytes_(bytes) {}
    Data(std::initializer_list<Pairs::value_type> form);
    Data(const Pairs& form);

    const std::string& bytes() const noexcept { return bytes_; }
    bool is_form() const noexcept { return form_; }

private:
    std::string bytes_;
    bool form_ = false;
};

/// Python's keyword arguments. An aggregate, so that it is written like them; it never meets a
/// co_await, where g++ 12 would destroy it twice.
struct Options {
    Pairs params = {};    // appended to the url as its query
    Headers headers = {};
    Data data = {};
    /// Seconds to connect, and between two pieces of the answer; also of the wait for its first byte.
    double timeout = 30;
};

class Response {
public:
    int status_code = 0;
    bool ok = false;  // status_code is less than 400
    std::string reason;
    Headers headers;
    std::string content;
    std::string url;
    double elapsed = 0;  // seconds until the head had come

    /// The content; it is taken to be UTF-8.
    const std::string& text() const noexcept { return content; }

    /// Throws HTTPError for a status of 400 or more.
    void raise_for_status() const;
};

/// What every call here throws when there is no response; what() names the url and the cause.
class RequestException : public std::system_error {
public:
    RequestException(std::error_code code, const std::string& text, std::string url);
    const char* what() const noexcept override { return text_->c_str(); }
    const std::string url;

private:
    std::shared_ptr<const std::string> text_;
};

struct ConnectionError : virtual RequestException {
    using RequestException::RequestException;
};
struct Timeout : virtual RequestException {
    using RequestException::RequestException;
};
struct ConnectTimeout : ConnectionError, Timeout {
    ConnectTimeout(std::error_code code, const std::string& text, const std::string& where)
        : RequestException(code, text, where), ConnectionError(code, text, where), Timeout(code, text, where) {}
};
struct ReadTimeout : Timeout {
    ReadTimeout(std::error_code code, const std::string& text, const std::string& where)
        : RequestException(code, text, where), Timeout(code, text, where) {}
};
/// No url at all, or of a scheme that is not spoken here.
struct InvalidURL : virtual RequestException {
    using RequestException::RequestException;
};
/// The response says that it failed: "404 Client Error: Not Found for url: http://..."
struct HTTPError : virtual RequestException {
    explicit HTTPError(const Response& r);
    const std::shared_ptr<const Response> response;
};

Response request(const std::string& method, const std::string& url, const Options& options = {});

inline Response get(const std::string& url, const Options& options = {}) { return request("GET", url, options); }
inline Response head(const std::string& url, const Options& options = {}) { return request("HEAD", url, options); }
inline Response post(const std::string& url, Data data = {}, Options options = {}) {
    options.data = std::move(data);
    return request("POST", url, options);
}

}  // namespace ringlet::requests
