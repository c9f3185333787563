#pragma once
// Many requests at once, in the shape of Python's grequests: made first, sent together.
//
//     std::vector<grequests::AsyncRequest> rs;
//     for (auto& u : urls) rs.push_back(grequests::get(u));
//     for (auto& r : grequests::map(rs, {.size = 10})) ...       // in their order; empty where one failed
//     for (auto& r : grequests::imap(rs, {.size = 10})) ...      // as they come, without those that failed

#include <ringlet/net/requests.hpp>

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ringlet::grequests {

using requests::Data;
using requests::Options;
using requests::Response;

/// A request that is still to be sent. With a session it is sent by that, which must outlive it.
class AsyncRequest {
public:
    AsyncRequest(std::string how, std::string where, Options with = {}, requests::Session* by = nullptr)
        : method(std::move(how)), url(std::move(where)), options(std::move(with)), session(by) {}

    std::string method, url;
    Options options;
    requests::Session* session;

    /// Blocks the fiber until the response is there.
    Response send() const {
        return session ? session->request(method, url, options) : requests::request(method, url, options);
    }
};

inline AsyncRequest get(std::string url, Options o = {}) { return {"GET", std::move(url), std::move(o)}; }
inline AsyncRequest options(std::string url, Options o = {}) { return {"OPTIONS", std::move(url), std::move(o)}; }
inline AsyncRequest head(std::string url, Options o = {}) { return {"HEAD", std::move(url), std::move(o)}; }
inline AsyncRequest post(std::string url, Options o = {}) { return {"POST", std::move(url), std::move(o)}; }
inline AsyncRequest put(std::string url, Options o = {}) { return {"PUT", std::move(url), std::move(o)}; }
inline AsyncRequest patch(std::string url, Options o = {}) { return {"PATCH", std::move(url), std::move(o)}; }
inline AsyncRequest delete_(std::string url, Options o = {}) { return {"DELETE", std::move(url), std::move(o)}; }

/// Asked for each request that failed; what it gives stands for the response.
using ExceptionHandler = std::function<std::optional<Response>(const AsyncRequest&, std::exception_ptr)>;

struct MapOptions {
    std::optional<std::size_t> size = {};  // so many at a time; all, if not given or 0
    ExceptionHandler exception_handler = {};
    std::optional<double> gtimeout = {};  // seconds for all of them; those not done by then have no response
};

/// The responses in the order of the requests.
std::vector<std::optional<Response>> map(const std::vector<AsyncRequest>& all, const MapOptions& how = {});

struct ImapOptions {
    std::size_t size = 2;  // so many at a time; all, if 0
    ExceptionHandler exception_handler = {};
};

/// Responses as they come, for a range-based for, which blocks its fiber. It goes no further ahead than
/// `size`; left early, what still runs is killed.
class Responses {
public:
    using source = std::function<std::optional<Response>()>;
    explicit Responses(source next) : next_(std::move(next)) {}

    class iterator {
    public:
        using value_type = Response;
        using difference_type = std::ptrdiff_t;
        explicit iterator(source& next) : next_(&next), now_(next()) {}
        Response& operator*() { return *now_; }
        iterator& operator++() { return now_ = (*next_)(), *this; }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return !now_; }

    private:
        source* next_;
        std::optional<Response> now_;
    };
    iterator begin() { return iterator(next_); }
    std::default_sentinel_t end() const { return {}; }

private:
    source next_;
};

Responses imap(std::vector<AsyncRequest> all, const ImapOptions& how = {});

}  // namespace ringlet::grequests
