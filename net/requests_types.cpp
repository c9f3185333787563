#include <ringlet/net/requests_types.hpp>

#include <ringlet/core/await.hpp>
#include <ringlet/net/ascii_private.hpp>
#include <ringlet/net/http_client_private.hpp>
#include <ringlet/net/http_error.hpp>
#include <ringlet/net/http_form.hpp>
#include <ringlet/net/http_redirects_private.hpp>
#include <ringlet/net/http_text.hpp>
#include <ringlet/net/requests_private.hpp>
#include <ringlet/net/url_host_private.hpp>

#include <algorithm>

namespace ringlet::requests {

Data::Data(const Pairs& form) : body_(http::form_encoded(form)), pairs_(form), form_(true) {}

void CookieJar::set(std::string name, std::string value, std::string domain, std::string path) {
    http::cookie c;
    c.name = std::move(name);
    c.value = std::move(value);
    c.host_only = !domain.starts_with('.');
    c.domain = domain.substr(c.host_only ? 0 : 1);
    c.path = std::move(path);
    jar_->set(std::move(c));
}

Pairs CookieJar::items() const {
    Pairs list;
    for (const http::cookie* c : jar_->all())
        list.emplace_back(c->name, c->value);
    return list;
}

// --- a response --------------------------------------------------------------------------------------

namespace detail {
namespace {

void fill(Response& r, int status, std::string_view reason, const http::fields& fields, const std::string& url,
          duration elapsed, const std::string& method) {
    r.status_code = status;
    r.ok = status < 400 || status >= 600;
    r.reason = reason;
    r.headers = Headers(fields);
    r.url = url;
    r.elapsed = std::chrono::duration<double>(elapsed).count();
    r.method = method;
    take_cookies(*r.cookies.jar(), r);
}

/// The redirects of a request; `method` is that of the first, and then that of the last.
std::vector<Response> converted(const std::vector<http::reply>& history, std::string& method) {
    std::vector<Response> list;
    for (const http::reply& step : history) {
        list.push_back(whole(step, method));
        method = http::detail::method_after(step.status, method, http::redirect_rule::requests);
    }
    return list;
}

}  // namespace

std::optional<net::url> place_of(const std::string& url) {
    try {
        return http::detail::target::parse({}, url).url();
    } catch (const http::request_error&) {
        return std::nullopt;
    }
}

void take_cookies(http::cookie_jar& into, const Response& from) {
    if (const auto place = place_of(from.url))
        into.take(from.headers, *place);
}

Response whole(http::reply from, std::string method) {
    Response r;
    r.history = converted(from.history, method);
    fill(r, from.status, from.reason, from.fields, from.url, from.elapsed, method);
    r.encoding = from.encoding();
    r.content = std::move(from.body);
    return r;
}

Response streaming(http::incoming from, std::string method) {
    Response r;
    r.history = converted(from.history(), method);
    fill(r, from.status(), from.reason(), from.fields(), from.url(), from.elapsed(), method);
    r.encoding = http::charset_of(from.fields().get_or("content-type", {}));
    r.raw = std::make_shared<http::incoming>(std::move(from));
    return r;
}

namespace {

[[noreturn]] void rethrow_of_url(const http::request_error& e) {
    const std::string_view url = e.url();
    const std::size_t end = std::min(url.find_first_of(":/?#"), url.size());
    if (!url.substr(end).starts_with(':'))
        throw MissingSchema(e.code(), e.what(), e.url());
    const std::string_view scheme = url.substr(0, end);
    for (const char* spoken : {"http", "https", "http+unix"})
        if (net::ascii::iequals(scheme, spoken))
            throw InvalidURL(e.code(), e.what(), e.url());
    throw InvalidSchema(e.code(), e.what(), e.url());
}

}  // namespace

void rethrow(const http::request_error& e) {
    using stage = http::request_error::stage;
    const auto is = [&](http::errc code) { return e.code() == code; };
    if (e.at() == stage::url)
        rethrow_of_url(e);
    if (e.at() == stage::redirects)
        throw TooManyRedirects(e.code(), e.what(), e.url());
    if (e.timed_out() && e.at() == stage::connect)
        throw ConnectTimeout(e.code(), e.what(), e.url());
    if (e.timed_out())
        throw ReadTimeout(e.code(), e.what(), e.url());
    if (std::string_view(e.code().category().name()) == "tls")
        throw SSLError(e.code(), e.what(), e.url());
    if (is(http::errc::closed_in_body) || is(http::errc::bad_chunk))
        throw ChunkedEncodingError(e.code(), e.what(), e.url());
    if (is(http::errc::bad_compression) || is(http::errc::compression_cut_short) || is(http::errc::body_too_large))
        throw ContentDecodingError(e.code(), e.what(), e.url());
    throw ConnectionError(e.code(), e.what(), e.url());
}

}  // namespace detail

namespace {

/// What `fn` gives, its errors in the words of requests.
template <class Fn>
auto translated(Fn fn) {
    try {
        return fn();
    } catch (const http::request_error& e) {
        detail::rethrow(e);
    }
}

}  // namespace

void Response::may_be_consumed() {
    if (!consumed_)
        consumed_ = std::make_shared<bool>(false);
    if (*consumed_)
        throw StreamConsumedError(std::make_error_code(std::errc::operation_not_permitted),
                                  net::detail::without_password(url) + ": the content was consumed already", url);
}

std::string Response::text() {
    if (raw) {
        may_be_consumed();
        content += translated([&] { return await(raw->read_all()); });
        raw.reset();
        if (encoding.empty())
            encoding = http::encoding_of(headers, content);
    }
    return std::as_const(*this).text();
}

std::string Response::text() const {
    return http::to_utf8(content, encoding.empty() ? http::encoding_of(headers, content) : encoding);
}

Pieces Response::iter_content(std::size_t chunk_size) & {
    check(chunk_size > 0, "pieces have one byte at least");
    if (!raw)
        return Pieces([this, chunk_size, at = std::size_t{0}]() mutable -> std::optional<std::string> {
            if (at >= content.size())
                return std::nullopt;
            std::string piece = content.substr(at, chunk_size);
            at += piece.size();
            return piece;
        });
    may_be_consumed();
    return Pieces([from = raw, chunk_size, consumed = consumed_]() -> std::optional<std::string> {
        std::string piece(chunk_size, '\0');
        const auto room = std::as_writable_bytes(std::span(piece));
        piece.resize(translated([&] { return await(from->read(room)); }));
        *consumed = piece.empty();
        return *consumed ? std::nullopt : std::optional(std::move(piece));
    });
}

Pieces Response::iter_lines() & {
    if (raw) {
        may_be_consumed();
        return Pieces([from = raw, consumed = consumed_] {
            auto line = translated([&] { return await(from->read_line()); });
            *consumed = !line;
            return line;
        });
    }
    return Pieces([this, at = std::size_t{0}]() mutable -> std::optional<std::string> {
        if (at >= content.size())
            return std::nullopt;
        const std::size_t end = std::min(content.find('\n', at), content.size());
        std::string line = content.substr(at, end - at);
        at = end + 1;
        if (line.ends_with('\r'))
            line.pop_back();
        return line;
    });
}

bool Response::is_redirect() const {
    return headers.contains("location") && (status_code == 301 || status_code == 302 || status_code == 303 ||
                                            status_code == 307 || status_code == 308);
}

void Response::raise_for_status() const {
    if (!ok)
        throw HTTPError(*this);
}

// --- errors ------------------------------------------------------------------------------------------

RequestException::RequestException(std::error_code code, const std::string& text, std::string where)
    : std::system_error(code), url(std::move(where)), text_(std::make_shared<const std::string>(text)) {}

HTTPError::HTTPError(const Response& r)
    : RequestException(std::make_error_code(std::errc::protocol_error),
                       http::status_error(r.status_code, r.reason, r.url).what(), r.url),
      response(std::make_shared<const Response>(r)) {}

}  // namespace ringlet::requests
