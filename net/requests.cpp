#include <ringlet/net/requests.hpp>

#include <ringlet/core/await.hpp>
#include <ringlet/core/hub.hpp>
#include <ringlet/net/http_client.hpp>

namespace ringlet::requests {
namespace {

/// A query or a form, as browsers write it (application/x-www-form-urlencoded).
void append_encoded(std::string& out, std::string_view text) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    constexpr std::string_view plain = "*-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (plain.find(c) != plain.npos) {
            out += c;
        } else if (c == ' ') {
            out += '+';
        } else {
            out += '%';
            out += hex[byte >> 4];
            out += hex[byte & 15];
        }
    }
}

std::string encoded(const Pairs& pairs) {
    std::string out;
    for (const auto& [name, value] : pairs) {
        if (!out.empty())
            out += '&';
        append_encoded(out, name);
        out += '=';
        append_encoded(out, value);
    }
    return out;
}

std::string with_params(const std::string& url, const Pairs& params) {
    if (params.empty())
        return url;
    const auto end = std::min(url.find('#'), url.size());
    std::string out = url.substr(0, end);
    out += out.find('?') == out.npos ? '?' : '&';
    return out + encoded(params) + url.substr(end);
}

http::request_options translated(const Options& from) {
    http::request_options to;
    to.fields = from.headers;
    to.body = from.data.bytes();
    if (from.data.is_form() && !to.fields.contains("content-type"))
        to.fields.add("Content-Type", "application/x-www-form-urlencoded");
    http::timeouts t;
    t.connect = t.first_byte = t.between_bytes = seconds(from.timeout);
    to.timeouts = t;
    return to;
}

[[noreturn]] void rethrow(const http::request_error& e) {
    using stage = http::request_error::stage;
    if (e.at() == stage::url)
        throw InvalidURL(e.code(), e.what(), e.url());
    if (e.timed_out() && e.at() == stage::connect)
        throw ConnectTimeout(e.code(), e.what(), e.url());
    if (e.timed_out())
        throw ReadTimeout(e.code(), e.what(), e.url());
    throw ConnectionError(e.code(), e.what(), e.url());
}

}  // namespace

Data::Data(std::initializer_list<Pairs::value_type> form) : Data(Pairs(form)) {}
Data::Data(const Pairs& form) : bytes_(encoded(form)), form_(true) {}

Response request(const std::string& method, const std::string& url, const Options& options) {
    loop& l = hub();
    http::client& client = http::shared_client();
    const time_point start = l.fresh_now();
    try {
        http::incoming in = await(client.open(method, with_params(url, options.params), translated(options)));
        Response r;
        r.elapsed = std::chrono::duration<double>(l.now() - start).count();
        r.status_code = in.status();
        r.ok = r.status_code < 400;
        r.reason = in.head().reason();
        r.headers = Headers(in.fields());
        r.url = in.url();
        r.content = await(in.read_all());
        return r;
    } catch (const http::request_error& e) {
        rethrow(e);
    }
}

void Response::raise_for_status() const {
    if (!ok)
        throw HTTPError(*this);
}

RequestException::RequestException(std::error_code code, const std::string& text, std::string where)
    : std::system_error(code), url(std::move(where)), text_(std::make_shared<const std::string>(text)) {}

HTTPError::HTTPError(const Response& r)
    : RequestException(std::make_error_code(std::errc::protocol_error),
                       std::to_string(r.status_code) + (r.status_code < 500 ? " Client Error: " : " Server Error: ") +
                           r.reason + " for url: " + r.url,
                       r.url),
      response(std::make_shared<const Response>(r)) {}

}  // namespace ringlet::requests
