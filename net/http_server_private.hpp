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

#include <memory>
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

/// What keeps a server while one of its connections is served: with a permit of the semaphore that counts those,
/// or without.
class place {
public:
    explicit place(std::shared_ptr<server_core> core, bool counted = true) noexcept
        : core_(std::move(core)), counted_(counted) {}
    place(place&&) noexcept = default;
    ~place() {
        if (core_ && counted_)
            core_->room.release();
    }
    server_core& core() const noexcept { return *core_; }

private:
    std::shared_ptr<server_core> core_;
    bool counted_;
};

using shared_wrapper = std::shared_ptr<const connection_wrapper>;

/// One connection while its greenlet serves it. Most of them are idle most of the time: what a request needs is in
/// frames that are not there meanwhile.
class server_connection : public hook {
public:
    /// Awaitable: until the connection has ended. `secure` is null for a stream that came from elsewhere and may be
    /// encrypted already, and may be empty.
    static task<> serve(place where, io::any_stream stream, shared_wrapper secure);

    void end_if_idle() noexcept {
        scope* const waiting = busy_ != nullptr ? busy_->stops.waiting : idle_;
        if (waiting != nullptr)
            waiting->cancel();
    }
    void kill() noexcept { greenlet_.kill(); }
    /// Tells of each request that is being answered.
    void report_busy();

private:
    // Enough for the requests of programs. What is longer waits in the socket for a moment.
    static constexpr std::size_t first_size = 128;

    class idle_time;
    class lease;

    server_connection(server_core& core, io::any_stream& stream, const connection_wrapper* secure) noexcept;
    ~server_connection();

    /// Awaitable: encrypts; false when it took too long, or the server stops.
    task<bool> wrap();
    /// Awaitable: answers the request of which so many bytes came, and what came with it. False when no other
    /// follows.
    task<bool> answer(std::size_t count);
    task<> say_goodbye();
    bool is_plain() const noexcept { return secure_ != nullptr && !*secure_; }
    bool may_be_http2() const noexcept;
    /// Awaitable: true when that is what the first bytes begin with; reads more of them if need be.
    task<bool> begins_http2(std::size_t& count);
    /// Awaitable: serves all requests of an HTTP/2 connection that begins with so many first bytes.
    task<> answer_many(std::size_t count);

    server_core& core_;
    io::any_stream& stream_;
    const connection_wrapper* secure_;
    greenlet_base& greenlet_;
    deadline limit_{never};  // of what is done at the moment
    time_point idle_until_ = never;
    scope* idle_ = nullptr;  // while it may be closed at any moment
    exchange* busy_ = nullptr;  // answers a request
    list<stream_answer> busy_streams_;  // the same over HTTP/2
    bool fresh_ = true;  // nothing was read
    bool asked_ = true;  // what was read last was a request; an empty line now and then is not enough
    bool silent_ = false;  // whose answer broke off must not take it for whole, so nobody says it ended
    std::byte first_[first_size];
};

}  // namespace ringlet::http::detail
