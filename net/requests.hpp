#pragma once
// Python's requests, by its own names: each call blocks its fiber (or the main program) until the
// response is there. Connections are kept for the next call to the same server.
//
//     auto r = requests::get("http://example.org/", {.params = {{"q", "ring"}}, .timeout = 5});
//     std::cout << r.status_code << r.headers["content-type"] << r.text();
//
// In a coroutine use http::client, which this is built on.

#include <ringlet/net/requests_types.hpp>

#include <memory>
#include <string>

namespace ringlet::http {
class client;
}

namespace ringlet::requests {

/// Cookies, connections and settings that several calls share. One loop's; not to be copied.
class Session {
public:
    Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    // For each of its calls, unless that says something else.
    Headers headers;
    Pairs params;
    Auth auth;
    CookieJar cookies;
    Verify verify = true;
    Cert cert;
    Pairs proxies;  // as in Options
    bool trust_env = true;  // what the environment says of proxies, when nothing else is said
    unsigned max_redirects = 30;
    /// How often a call is repeated that failed or was answered 429, 502, 503 or 504 (HTTPAdapter's
    /// max_retries); see http::retries.
    unsigned max_retries = 0;

    Response request(const std::string& method, const std::string& url, const Options& options = {});

    Response get(const std::string& url, const Options& options = {}) { return request("GET", url, options); }
    Response options(const std::string& url, const Options& with = {}) { return request("OPTIONS", url, with); }
    Response head(const std::string& url, const Options& options = {}) { return request("HEAD", url, options); }
    Response post(const std::string& url, Data data = {}, Options options = {}) {
        return with_data("POST", url, std::move(data), std::move(options));
    }
    Response put(const std::string& url, Data data = {}, Options options = {}) {
        return with_data("PUT", url, std::move(data), std::move(options));
    }
    Response patch(const std::string& url, Data data = {}, Options options = {}) {
        return with_data("PATCH", url, std::move(data), std::move(options));
    }
    Response delete_(const std::string& url, const Options& options = {}) { return request("DELETE", url, options); }

    /// Closes the connections that wait for another call.
    void close() noexcept;

private:
    Response with_data(const char* method, const std::string& url, Data data, Options options);
    http::client& client_for(const Verify& wanted, const Cert& shown);

    struct kept;
    std::unique_ptr<kept> kept_;
};

/// What each of these shares with the next call is connections, no cookies.
Response request(const std::string& method, const std::string& url, const Options& options = {});

inline Response get(const std::string& url, const Options& options = {}) { return request("GET", url, options); }
inline Response options(const std::string& url, const Options& with = {}) { return request("OPTIONS", url, with); }
inline Response head(const std::string& url, const Options& options = {}) { return request("HEAD", url, options); }
Response post(const std::string& url, Data data = {}, Options options = {});
Response put(const std::string& url, Data data = {}, Options options = {});
Response patch(const std::string& url, Data data = {}, Options options = {});
inline Response delete_(const std::string& url, const Options& options = {}) {
    return request("DELETE", url, options);
}

}  // namespace ringlet::requests
