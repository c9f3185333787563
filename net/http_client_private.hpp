#pragma once
// What the parts of the client share: a client's belongings, the place that a url names, one request on
// its way through redirects and retries, and the response that comes of it.

#include <ringlet/core/frame_pool.hpp>
#include <ringlet/net/decompress.hpp>
#include <ringlet/net/http_client.hpp>
#include <ringlet/net/http_pool_private.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace ringlet::http {

namespace detail {

struct client_core {
    explicit client_core(const client_options& o);

    client_options options;
    std::shared_ptr<connection_pool> pool;
    std::string usual_lines;  // of a request that has no fields of its own
    std::string usual_identity;  // the same without asking for compression
    std::vector<std::string> spare_heads;  // memory of requests that are over, a few
};

/// Where a request goes.
class target {
public:
    /// Throws request_error for what is no url, or one of a scheme that is not spoken here.
    static target parse(std::string_view method, std::string text);

    /// What a redirect to `location` leads to; throws net::url_error, request_error.
    target follow(std::string_view method, std::string_view location) const;

    const net::url& url() const noexcept { return url_; }
    /// The path of a UNIX socket; empty for TCP.
    const std::string& socket() const noexcept { return socket_; }
    /// Connections to the same place share this; redirects within it keep credentials.
    std::string origin() const { return socket_.empty() ? url_.origin() : "unix:" + socket_; }
    /// The same without a copy, where it stands in the url as it is; empty otherwise.
    std::string_view origin_in_place() const {
        const std::string& text = url_.to_string();
        const bool plain = socket_.empty() && url_.username().empty() && url_.password().empty();
        return plain ? std::string_view(text).substr(0, static_cast<std::size_t>(url_.path().data() - text.data()))
                     : std::string_view();
    }
    /// "http+unix://%2Ftmp%2Fs/x" for what has a socket.
    std::string text() const&;
    std::string text() && { return socket_.empty() ? std::move(url_).to_string() : std::as_const(*this).text(); }

private:
    target(net::url&& u, std::string socket) : url_(std::move(u)), socket_(std::move(socket)) {}
    net::url url_;
    std::string socket_;
};

/// In a handler for std::system_error: the same as an error of this request.
[[noreturn]] void rethrow_as_request_error(request_error::stage at, std::string_view method, std::string_view url);

/// Awaitable: the stream that a client without a `connect` of its own makes.
task<io::any_stream> connect_to(const net::url& to);

/// How long a Retry-After field asks to wait (RFC 9110 section 10.2.3); empty if it says nothing sound.
std::optional<duration> retry_after(const fields& f, std::time_t now);

}  // namespace detail

struct incoming::state : pooled_frame {
    detail::connection_pool::lease lease;
    std::string method, url;
    std::vector<reply> history;
    duration elapsed{};
    std::optional<decompressor> undo;
    std::uint64_t most = UINT64_MAX;
    std::string_view piece{};
    std::string text{};  // read_line's
    bool ended = false;

    task<std::size_t> read(std::span<std::byte> into);
    task<std::size_t> read_or_explain(std::span<std::byte> into);
    bool take_all(std::string& to, std::uint64_t most_now);
    task<> append_all(std::string& to, std::uint64_t most_now);
};

/// The options of a request that has some. They change on the way: a redirect may take the body away.
struct own_options : pooled_frame {
    explicit own_options(request_options&& o) : options(std::move(o)) {}
    request_options options;
};

/// One request until its final response.
class fetching {
public:
    /// Awaitable: all of it, as an incoming when the head of that response is there, or as a reply with its body.
    template <class Answer>
    static task<Answer> run(std::shared_ptr<detail::client_core> core, std::string method, std::string url,
                            std::unique_ptr<own_options> own);

    fetching(const fetching&) = delete;
    fetching& operator=(const fetching&) = delete;
    ~fetching();

private:
    using lease = detail::connection_pool::lease;

    fetching(std::shared_ptr<detail::client_core> core, std::string&& method, std::string&& url,
             std::unique_ptr<own_options> own);
    static const request_options& nothing_special();
    bool leads_on(const incoming& in) const;
    unsigned most_redirects() const;
    task<> follow(incoming in);
    task<lease> exchange();
    std::string_view place(std::string& room) const;
    task<lease> leased(std::string_view place);
    void choose_proxy();
    bool asks_proxy() const;
    bool may_share() const;
    task<> replace(lease& c, std::string_view place);
    task<> connect(lease& into);
    task<io::any_stream> stream_to_server(bool& http2);
    task<io::any_stream> stream_through_proxy();
    task<> converse(connection& with, class sending_body& body);
    task<> upload(connection& with, class sending_body& body);
    task<> send_all(connection& to, class sending_body& body);
    bool goes_with_head() const;
    std::string_view head_lines(std::string& room);
    void write_head(class sending_body& body);
    bool repeatable() const;
    bool worth_another(const std::system_error& failure);
    bool asks_for_patience(const incoming& in);
    incoming received(lease l, time_point start);
    [[noreturn]] void refuse(request_error::stage at, std::errc code, const std::string& why) const;

    std::shared_ptr<detail::client_core> core_;
    std::unique_ptr<own_options> own_;  // null: nothing is special
    const request_options& options_;
    std::string method_;
    detail::target to_;
    std::optional<net::proxy> via_;
    timeouts times_;
    const retries& retries_;  // the options' or the client's
    unsigned tries_ = 0;
    duration backoff_, wait_{};
    time_point until_;
    credentials auth_;
    bool auth_given_ = false;  // not from the url
    bool decompress_;
    cookie_jar* jar_;
    std::uint64_t most_;
    std::vector<reply> history_;
    std::string head_;
};

}  // namespace ringlet::http
