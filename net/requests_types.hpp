#pragma once
// The words of Python's requests: what a call takes, what it gives, and what it throws. The calls are in
// requests.hpp.

#include <ringlet/net/cookies.hpp>
#include <ringlet/net/http_auth.hpp>
#include <ringlet/net/http_fields.hpp>
#include <ringlet/net/http_incoming.hpp>
#include <ringlet/net/http_request_body.hpp>
#include <ringlet/net/http_request_error.hpp>

#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
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

    /// The value of one name, which can be assigned to: headers["User-Agent"] = "me". Not to be kept, as its name is
    /// not.
    class Value : public std::string_view {
    public:
        Value(const Value&) = default;
        void operator=(std::string_view value) && { of_.set(name_, value); }
        void operator=(const Value& other) && { of_.set(name_, other); }

    private:
        friend class Headers;
        Value(Headers& of, std::string_view name) : std::string_view(of.get_or(name, {})), of_(of), name_(name) {}
        Headers& of_;
        std::string_view name_;
    };
    /// The first value of that name; empty when there is none.
    std::string_view operator[](std::string_view name) const { return get_or(name, {}); }
    Value operator[](std::string_view name) { return {*this, name}; }
    /// Replaces those of the same names.
    void update(const http::fields& others) {
        for (const auto [name, value] : others)
            set(name, value);
    }
};

/// What is sent: bytes as they are, a form (application/x-www-form-urlencoded), or whatever a request_body
/// can be: a file, a stream, a function.
class Data {
public:
    Data() = default;
    Data(std::string bytes) : body_(std::move(bytes)) {}
    Data(const char* bytes) : body_(bytes) {}
    Data(http::request_body body) : body_(std::move(body)) {}
    Data(std::initializer_list<Pairs::value_type> form) : Data(Pairs(form)) {}
    Data(const Pairs& form);

    const http::request_body& body() const noexcept { return body_; }
    bool is_form() const noexcept { return form_; }
    /// Of a form.
    const Pairs& pairs() const noexcept { return pairs_; }

private:
    http::request_body body_;
    Pairs pairs_;
    bool form_ = false;
};

/// A file of a multipart form: from disk, or from memory with the name it shall have.
class File {
public:
    File(std::string path) : path_(std::move(path)) {}
    File(const char* path) : path_(path) {}
    File(std::string filename, std::string content, std::string type = {})
        : filename_(std::move(filename)), content_(std::move(content)), type_(std::move(type)) {}

    const std::string& path() const noexcept { return path_; }
    const std::string& filename() const noexcept { return filename_; }
    const std::string& content() const noexcept { return content_; }
    const std::string& type() const noexcept { return type_; }

private:
    std::string path_, filename_, content_, type_;
};
using Files = std::vector<std::pair<std::string, File>>;

/// {"user", "password"}, or Auth::bearer(token).
class Auth {
public:
    Auth() = default;
    Auth(std::string_view user, std::string_view password) : value_(http::credentials::basic(user, password)) {}
    static Auth bearer(std::string_view token) {
        Auth a;
        a.value_ = http::credentials::bearer(token);
        return a;
    }
    const http::credentials& value() const noexcept { return value_; }
    bool empty() const noexcept { return value_.empty(); }

private:
    http::credentials value_;
};

/// Seconds: to connect, and between two pieces of the answer, which is also how long its first byte may
/// take. One number is for both. What is not more than 0 is no time: std::invalid_argument, when it is used.
class Seconds {
public:
    Seconds(double both) : connect(both), read(both) {}
    Seconds(double to_connect, double to_read) : connect(to_connect), read(to_read) {}
    double connect, read;
};

/// Whether certificates are checked: true, false, or the file with the authorities to be trusted.
class Verify {
public:
    Verify(bool yes) : yes_(yes) {}
    Verify(std::string authorities) : authorities_(std::move(authorities)) {}
    Verify(const char* authorities) : authorities_(authorities) {}

    bool yes() const noexcept { return yes_; }
    const std::string& authorities() const noexcept { return authorities_; }
    friend bool operator==(const Verify&, const Verify&) = default;

private:
    bool yes_ = true;
    std::string authorities_;
};

/// The certificate that is shown to servers that ask, and its key; PEM files, or one with both.
class Cert {
public:
    Cert() = default;
    Cert(std::string both) : chain(std::move(both)) {}
    Cert(const char* both) : chain(both) {}
    Cert(std::string certificate, std::string private_key)
        : chain(std::move(certificate)), key(std::move(private_key)) {}
    std::string chain, key;
    friend bool operator==(const Cert&, const Cert&) = default;
};

/// A handle: copies name the same cookies.
class CookieJar {
public:
    CookieJar() : jar_(std::make_shared<http::cookie_jar>()) {}

    /// The value of one name, which can be assigned to: cookies["a"] = "b", as set() does.
    class Value : public std::string {
    public:
        Value(const Value&) = default;
        void operator=(std::string value) && { of_.set(std::move(name_), std::move(value)); }
        void operator=(const Value& other) && { of_.set(std::move(name_), other); }

    private:
        friend class CookieJar;
        Value(CookieJar& of, std::string_view name) : std::string(of.get(name)), of_(of), name_(name) {}
        CookieJar& of_;
        std::string name_;
    };
    /// The value of that name; empty when there is none.
    std::string operator[](std::string_view name) const { return get(name); }
    Value operator[](std::string_view name) { return {*this, name}; }
    std::string get(std::string_view name, std::string_view otherwise = {}) const {
        return std::string(jar_->get(name).value_or(otherwise));
    }
    /// Without a domain it is sent everywhere. Throws std::invalid_argument for what would start another cookie: a ';',
    /// or a '=' in the name.
    void set(std::string name, std::string value, std::string domain = {}, std::string path = "/");
    Pairs items() const;
    std::size_t size() const noexcept { return jar_->size(); }
    bool empty() const noexcept { return jar_->empty(); }
    void clear() const noexcept { jar_->clear(); }

    const std::shared_ptr<http::cookie_jar>& jar() const noexcept { return jar_; }

private:
    std::shared_ptr<http::cookie_jar> jar_;
};

/// Python's keyword arguments. An aggregate, so that it is written like them; it never meets a
/// co_await, where g++ 12 would destroy it twice.
struct Options {
    Pairs params = {};  // appended to the url as its query
    Headers headers = {};
    Data data = {};
    std::string json = {};  // JSON text, sent as application/json if there is no data
    Files files = {};  // sent with the form in `data` as multipart/form-data
    Pairs cookies = {};  // for this call, besides those of the session; refused are those that CookieJar::set refuses
    Auth auth = {};
    Seconds timeout = 30;
    std::optional<bool> allow_redirects = {};  // true but for head()
    bool stream = false;  // the content is not read yet: iter_content(), iter_lines(), text() do
    /// {{"http", "http://proxy:3128"}, {"https", ...}, {"all", ...}, {"no_proxy", "localhost"}}; those of the
    /// session, or else of the environment, if not given.
    Pairs proxies = {};
    std::optional<Verify> verify = {};
    std::optional<Cert> cert = {};
};

/// What iter_content() and iter_lines() give, for a range-based for; each step may block the fiber.
class Pieces {
public:
    using source = std::function<std::optional<std::string>()>;
    explicit Pieces(source next) : next_(std::move(next)) {}

    class iterator {
    public:
        using value_type = std::string;
        using difference_type = std::ptrdiff_t;
        explicit iterator(source& next) : next_(&next), piece_(next()) {}
        const std::string& operator*() const { return *piece_; }
        iterator& operator++() { return piece_ = (*next_)(), *this; }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return !piece_; }

    private:
        source* next_;
        std::optional<std::string> piece_;
    };
    iterator begin() { return iterator(next_); }
    std::default_sentinel_t end() const { return {}; }

private:
    source next_;
};

class Response {
public:
    int status_code = 0;
    bool ok = false;  // status_code is not one of 400 to 599
    std::string reason;
    Headers headers;
    std::string content;  // of a stream: what was read of it by text()
    std::string url;  // after redirects; with the password, if it has one
    double elapsed = 0;  // seconds until the head had come
    std::vector<Response> history;  // the redirects that led here, oldest first
    CookieJar cookies;  // that this response has set
    std::string encoding;  // of the content; may be changed before text()
    std::string method;  // of the last request

    /// The content as UTF-8. Reads what is left of a stream. Of a stream that was consumed by the following ones nothing
    /// is left: then each of the three throws StreamConsumedError.
    std::string text();
    std::string text() const;
    /// The content in pieces of so many bytes, the last one excepted; of a stream, as many as are there. They
    /// are valid as long as the response.
    Pieces iter_content(std::size_t chunk_size = 64 * 1024) &;
    /// Its lines, without their ends.
    Pieces iter_lines() &;

    bool is_redirect() const;
    bool is_permanent_redirect() const { return is_redirect() && (status_code == 301 || status_code == 308); }
    /// Throws HTTPError for a status of 400 to 599.
    void raise_for_status() const;
    /// What is left of a stream is not read, and its connection closed.
    void close() noexcept { raw.reset(); }

    std::shared_ptr<http::incoming> raw;  // of a stream

private:
    void may_be_consumed();
    std::shared_ptr<bool> consumed_;  // shared with what iterates; null until something does
};

/// What every call here throws when there is no response; what() names the url, without a password in it, and the cause.
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
/// The proxy would not, or could not.
struct ProxyError : ConnectionError {
    ProxyError(std::error_code code, const std::string& text, const std::string& where)
        : RequestException(code, text, where), ConnectionError(code, text, where) {}
};
/// The certificate is wrong, or there is no agreement on how to encrypt.
struct SSLError : ConnectionError {
    SSLError(std::error_code code, const std::string& text, const std::string& where)
        : RequestException(code, text, where), ConnectionError(code, text, where) {}
};
struct TooManyRedirects : virtual RequestException {
    using RequestException::RequestException;
};
/// The body broke off, or was not chunked as it claimed.
struct ChunkedEncodingError : virtual RequestException {
    using RequestException::RequestException;
};
/// The body was not compressed as it claimed, or is larger than allowed.
struct ContentDecodingError : virtual RequestException {
    using RequestException::RequestException;
};
/// The content of a stream is asked for again. In Python that is a RuntimeError of text(), which this is one of, too.
struct StreamConsumedError : virtual RequestException {
    using RequestException::RequestException;
};
/// No url at all, or of a scheme that is not spoken here.
struct InvalidURL : virtual RequestException {
    using RequestException::RequestException;
};
/// It does not begin with http:// or another one.
struct MissingSchema : InvalidURL {
    MissingSchema(std::error_code code, const std::string& text, const std::string& where)
        : RequestException(code, text, where), InvalidURL(code, text, where) {}
};
/// It begins with one that is not spoken here.
struct InvalidSchema : InvalidURL {
    InvalidSchema(std::error_code code, const std::string& text, const std::string& where)
        : RequestException(code, text, where), InvalidURL(code, text, where) {}
};
/// The response says that it failed: "404 Client Error: Not Found for url: http://..."
struct HTTPError : virtual RequestException {
    explicit HTTPError(const Response& r);
    const std::shared_ptr<const Response> response;
};

}  // namespace ringlet::requests
