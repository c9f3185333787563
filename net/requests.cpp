#include <ringlet/net/requests.hpp>

#include <ringlet/core/await.hpp>
#include <ringlet/core/hub.hpp>
#include <ringlet/net/http_client.hpp>
#include <ringlet/net/http_secure_private.hpp>
#include <ringlet/net/multipart.hpp>
#include <ringlet/net/requests_private.hpp>

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace ringlet::requests {
namespace {

/// Takes a form, files or JSON text into the body of a request.
void set_body(http::request_options& to, const Options& from) {
    const auto set_type = [&](const std::string& type) {
        if (!to.fields.contains("content-type"))
            to.fields.add("Content-Type", type);
    };
    if (!from.files.empty()) {
        if (!from.data.is_form() && !from.data.body().empty())
            throw std::invalid_argument("files in a request: the data beside them must be a form");
        http::multipart form;
        for (const auto& [name, value] : from.data.pairs())
            form.add(name, value);
        for (const auto& [name, file] : from.files)
            if (!file.path().empty())
                form.add_file(name, file.path(), file.filename(), file.type());
            else
                form.add_content(name, file.filename(), file.content(), file.type());
        to.fields.remove("content-type");  // only this one names the boundary
        set_type(form.content_type());
        to.body = std::move(form).body();
    } else if (!from.json.empty() && from.data.body().empty()) {
        set_type("application/json");
        to.body = from.json;
    } else {
        to.body = from.data.body();
        if (from.data.is_form())
            set_type("application/x-www-form-urlencoded");
    }
}

/// Methods are compared as they stand; requests lets one write them in small letters.
std::string in_capitals(std::string method) {
    for (char& c : method)
        if (c >= 'a' && c <= 'z')
            c = static_cast<char>(c - 'a' + 'A');
    return method;
}

net::proxy_settings named(const Pairs& proxies) {
    net::proxy_settings s;
    for (const auto& [name, value] : proxies)
        (name == "http" ? s.http : name == "https" ? s.https : name == "no_proxy" ? s.none : s.all) = value;
    return s;
}

/// Those of the session come first, without those whose names the call uses itself.
Pairs merged(Pairs of_session, Pairs of_call) {
    std::erase_if(of_session, [&](const auto& mine) {
        return std::ranges::any_of(of_call, [&](const auto& given) { return given.first == mine.first; });
    });
    std::ranges::move(of_call, std::back_inserter(of_session));
    return of_session;
}

http::request_options translated(const std::string& method, const Options& from) {
    http::request_options to;
    to.fields = from.headers;
    to.params = from.params;
    to.auth = from.auth.value();
    set_body(to, from);
    if (!(from.timeout.connect > 0 && from.timeout.read > 0))
        throw std::invalid_argument("timeout of a request: it must be more than 0 s");
    http::timeouts t;
    t.connect = seconds(from.timeout.connect);
    t.first_byte = t.between_bytes = seconds(from.timeout.read);
    to.timeouts = t;
    if (!from.proxies.empty())
        to.proxies = named(from.proxies);
    if (!from.allow_redirects.value_or(method != "HEAD"))
        to.redirects = 0;
    to.redirected = http::redirect_rule::requests;
    return to;
}

/// A jar of its own for one call: the cookies of the session, if any, and those given with the call.
std::shared_ptr<http::cookie_jar> jar_for(const http::cookie_jar* of_session, const std::string& url,
                                          const Pairs& given) {
    auto jar = of_session ? std::make_shared<http::cookie_jar>(*of_session) : std::make_shared<http::cookie_jar>();
    const auto to = detail::place_of(url);
    for (const auto& [name, value] : given) {
        http::cookie c;
        c.name = name;
        c.value = value;
        c.domain = to ? to->host() : std::string_view();
        jar->set(std::move(c));
    }
    return jar;
}

Response send(http::client& client, const std::string& method, const std::string& url, http::request_options options,
              bool stream) {
    try {
        http::incoming in = await(client.open(method, url, std::move(options)));
        if (stream)
            return detail::streaming(std::move(in), method);
        return detail::whole(await(in.read_reply()), method);
    } catch (const http::request_error& e) {
        detail::rethrow(e);
    }
}

http::client_options with_tls(const Verify& verify, const Cert& cert) {
    http::client_options o;
    if (verify != Verify(true) || cert != Cert())
        o.tls = http::detail::make_tls_context(verify.yes(), verify.authorities(), cert.chain, cert.key);
    return o;
}

Options with_data_in(Data data, Options options) {
    options.data = std::move(data);
    return options;
}

}  // namespace

// --- a session ---------------------------------------------------------------------------------------

struct Session::kept {
    Verify verify = true;
    Cert cert;
    std::unique_ptr<http::client> client;
};

Session::Session() : kept_(std::make_unique<kept>()) {}
Session::~Session() = default;

http::client& Session::client_for(const Verify& wanted, const Cert& shown) {
    hub();
    if (!kept_->client || kept_->verify != wanted || kept_->cert != shown) {
        http::client_options o = with_tls(wanted, shown);
        o.cookies = cookies.jar();
        kept_->client = std::make_unique<http::client>(o);
        kept_->verify = wanted;
        kept_->cert = shown;
    }
    return *kept_->client;
}

Response Session::request(const std::string& how, const std::string& url, const Options& given) {
    const std::string method = in_capitals(how);
    http::request_options o = translated(method, given);
    for (const auto [name, value] : headers)
        if (!o.fields.contains(name))
            o.fields.add(name, value);
    o.params = merged(params, std::move(o.params));
    if (o.auth.empty())
        o.auth = auth.value();
    if (!o.redirects)
        o.redirects = max_redirects;
    o.retries = http::retries(max_retries);
    if (!o.proxies)
        o.proxies = !proxies.empty() ? named(proxies)
                    : trust_env      ? net::proxy_settings::from_environment()
                                     : net::proxy_settings();
    http::client& client = client_for(given.verify.value_or(verify), given.cert.value_or(cert));
    o.cookies = cookies.jar();
    if (given.cookies.empty())
        return send(client, method, url, std::move(o), given.stream);

    o.cookies = jar_for(cookies.jar().get(), url, given.cookies);
    Response r = send(client, method, url, std::move(o), given.stream);
    for (const Response& step : r.history)
        detail::take_cookies(*cookies.jar(), step);
    detail::take_cookies(*cookies.jar(), r);
    return r;
}

Response Session::with_data(const char* method, const std::string& url, Data data, Options options) {
    return request(method, url, with_data_in(std::move(data), std::move(options)));
}

void Session::close() noexcept {
    if (kept_->client)
        kept_->client->close_idle();
}

// --- without one -------------------------------------------------------------------------------------

Response request(const std::string& how, const std::string& url, const Options& options) {
    hub();
    const std::string method = in_capitals(how);
    http::request_options o = translated(method, options);
    o.cookies = jar_for(nullptr, url, options.cookies);
    const Verify verify = options.verify.value_or(true);
    const Cert cert = options.cert.value_or(Cert());
    if (verify == Verify(true) && cert == Cert())
        return send(http::shared_client(), method, url, std::move(o), options.stream);
    // Its connections are not to be taken for those of somebody who trusts others.
    if (!o.proxies)
        o.proxies = net::proxy_settings::from_environment();
    http::client once(with_tls(verify, cert));
    return send(once, method, url, std::move(o), options.stream);
}

Response post(const std::string& url, Data data, Options options) {
    return request("POST", url, with_data_in(std::move(data), std::move(options)));
}
Response put(const std::string& url, Data data, Options options) {
    return request("PUT", url, with_data_in(std::move(data), std::move(options)));
}
Response patch(const std::string& url, Data data, Options options) {
    return request("PATCH", url, with_data_in(std::move(data), std::move(options)));
}

}  // namespace ringlet::requests
