#pragma once
// A request that got no response: "GET http://example.org/: connect 192.0.2.1:80: Connection refused". A password in
// the url is shown as ***.

#include <string>
#include <string_view>
#include <system_error>

namespace ringlet::http {

/// code() is that of the cause: std::errc::timed_out, std::errc::connection_refused, an http::errc ...
class request_error : public std::system_error {
public:
    /// How far it came.
    enum class stage { url, connect, exchange, redirects };

    request_error(stage s, std::string_view method, std::string_view url, std::error_code code,
                  std::string_view cause);

    const char* what() const noexcept override { return text_.c_str(); }
    stage at() const noexcept { return stage_; }
    /// As it was, with the password if there is one; what() has none.
    const std::string& url() const noexcept { return url_; }
    bool timed_out() const noexcept { return code() == std::errc::timed_out; }

private:
    stage stage_;
    std::string url_;
    std::string text_;
};

}  // namespace ringlet::http
