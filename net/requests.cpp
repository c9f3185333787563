#include <ringlet/net/requests.hpp>

#include <ringlet/core/await.hpp>
#include <ringlet/core/hub.hpp>
#include <ringlet/net/http_client.hpp>

namespace ringlet::requests {
namespace {

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
Data::Data(const Pairs& form) : bytes_(http::form_encoded(form)), form_(true) {}

Response request(const std::string& method, const std::string& url, const Options& options) {
    loop& l = hub();
    http::client& client = http::shared_client();
    const time_point start = l.fresh_now();
    try {
        http::incoming in = await(client.open(method, http::with_params(url, options.params), translated(options)));
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
