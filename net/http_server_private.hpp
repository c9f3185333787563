#pragma once
// What the connections of a server share: options, routes, exchanges to borrow, and the list of who is
// there, for the end.

#include <ringlet/core/event.hpp>
#include <ringlet/core/scope.hpp>
#include <ringlet/core/semaphore.hpp>
#include <ringlet/net/http_exchange_private.hpp>
#include <ringlet/net/http_middleware.hpp>
#include <ringlet/net/http_server.hpp>
#include <ringlet/net/listener.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ringlet::http::detail {

class server_connection;

/// A greenlet that accepts, as long as it does.
struct acceptor : hook {
    net::listener& listener;
    explicit acceptor(net::listener& l) noexcept : listener(l) {}
    ~acceptor() { unlink(); }
};

class server_core final : public server_side {
public:
    explicit server_core(const server_options& given);

    const handler& find(const request& asked, route_match& found) const override;
    bool stopping() const noexcept override { return stop_asked_.is_set(); }
    ringlet::event& stop_asked() const noexcept override { return stop_asked_; }

    void add(std::string_view method, std::string_view pattern, handler h);
    void add(middleware m) { around_.push_back(std::move(m)); }

    std::unique_ptr<exchange> borrow(io::any_stream& stream);
    void give_back(std::unique_ptr<exchange> e) noexcept;

    /// The text, for which its owner gets the memory of one that is over.
    std::string take_text(std::string& from);
    void give_back(std::string text) noexcept;

    void enter(server_connection& c) noexcept;
    void leave(server_connection& c) noexcept;
    void enter(acceptor& a) noexcept { acceptors_.push_back(a); }
    std::size_t size() const noexcept { return size_; }

    /// No more connections, and no more requests on those that are idle.
    void begin_to_stop() noexcept;
    void kill_all() noexcept;
    void report_busy();
    ringlet::event& empty() noexcept { return empty_; }

    const server_options options;
    semaphore room;  // for connections

private:
    router routes_;
    handler whole_server_;  // "*"
    handler not_found_, not_allowed_, no_tunnel_, options_, through_all_;
    std::vector<middleware> around_;
    std::vector<std::unique_ptr<exchange>> spare_;
    std::vector<std::string> spare_texts_;
    list<server_connection> connections_;
    list<acceptor> acceptors_;
    std::size_t size_ = 0;
    ringlet::event empty_{true};
    mutable ringlet::event stop_asked_;  // handlers wait for it
};

/// A request of an HTTP/2 connection while it is answered.
struct stream_answer : hook {
    server_core& core;
    std::unique_ptr<exchange> work;
    stream_answer(server_core& c, io::any_stream& stream) : core(c), work(c.borrow(stream)) {}
    ~stream_answer() {
        unlink();
        core.give_back(std::move(work));
    }
};

/// What the connections of one listener have in common, or those whose streams come from elsewhere.
struct service {
    std::shared_ptr<server_core> core;
    connection_wrapper secure;  // empty: nothing is done to a stream
    bool from_elsewhere;  // and may be encrypted already; not one of those that `room` counts
};

/// What keeps a server while one of its connections is served: with a permit of the semaphore that counts those,
/// if it is to be counted. The connection itself comes later.
class place {
public:
    explicit place(std::shared_ptr<const service> of) noexcept : service_(std::move(of)) {}
    place(place&&) noexcept = default;
    ~place() {
        if (service_ && !service_->from_elsewhere)
            service_->core->room.release();
    }
    const service& of() const noexcept { return *service_; }
    server_core& core() const noexcept { return *service_->core; }

    io::any_stream stream;

private:
    std::shared_ptr<const service> service_;
};

/// What a connection of HTTP/2 is at.
struct many_answers {
    list<stream_answer> streams;
    scope* waiting = nullptr;  // of the one who reads, while he may be told to look around
};

/// One connection while its greenlet serves it. Most of them are idle most of the time: what a request needs is in
/// frames that are not there meanwhile, and what waits for it is small.
class server_connection : public hook {
public:
    /// Awaitable: until the connection has ended.
    static task<> serve(place where);

    void end_if_idle() noexcept {
        if (scope* const waiting = busy_ != nullptr           ? busy_->stops.waiting
                                   : many_ != nullptr         ? many_->waiting
                                   : stage_ == stage::waiting ? &limit_
                                                              : nullptr)
            waiting->cancel();
    }
    void kill() noexcept { limit_.owner().kill(); }
    /// Tells of each request that is being answered.
    void report_busy();

private:
    // Where what comes cannot be lent. Enough for the requests of programs; what is longer waits for a moment.
    static constexpr std::size_t first_size = 128;

    class arrival;

    explicit server_connection(place& where);
    ~server_connection();

    /// Takes the first bytes of a request, or the end.
    void hear(const io::received& first);
    /// Awaitable: does what is to be done before it waits again.
    task<> go_on();
    /// Awaitable: encrypts, if need be. That fails when it takes too long, or the server stops.
    task<> begin();
    /// Awaitable: answers the request whose first bytes are here, and what came with it.
    task<> answer();
    task<> say_goodbye();
    void give_back() noexcept;
    bool is_plain() const noexcept { return !place_.of().from_elsewhere && !place_.of().secure; }
    bool may_be_http2() const noexcept;
    /// Awaitable: answer(), for bytes that HTTP/2 may begin with. They are copied, which other requests are not.
    task<> answer_either();
    /// Awaitable: true when it does; reads more of them if need be.
    task<bool> begins_http2(std::string& first);
    /// Awaitable: serves all requests of an HTTP/2 connection that begins with these bytes.
    task<> answer_many(std::string_view first);

    enum class stage : std::uint8_t {
        fresh,
        waiting,  // it may be closed at any moment
        asked,
        over,  // but for a goodbye
        closed,
    };

    place& place_;
    deadline limit_;  // of what is done at the moment
    std::unique_ptr<exchange> busy_;  // while there are requests to answer
    many_answers* many_ = nullptr;  // answer those of HTTP/2
    stage stage_ = stage::fresh;
    bool knows_protocol_ = false;
    bool silent_;  // whose answer broke off must not take it for whole, so nobody says it ended
};

}  // namespace ringlet::http::detail
