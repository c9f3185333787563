#pragma once
// The inside of an HTTP/2 connection: nghttp2's session, the exchanges that are open, and the two
// movements of bytes. One greenlet reads; what is to be sent leaves by another, which lives as long as
// there is something.

#include <ringlet/core/event.hpp>
#include <ringlet/net/http2.hpp>

#include <nghttp2/nghttp2.h>

#include <exception>
#include <functional>
#include <unordered_map>

namespace ringlet::http2::detail {

/// One stream in the sense of RFC 9113.
struct exchange {
    explicit exchange(std::weak_ptr<connection> of) noexcept : owner(std::move(of)) {}

    std::weak_ptr<connection> owner;
    std::int32_t id = 0;
    std::string method, scheme, authority, target;
    int status = 0;
    http::fields fields, trailers;
    std::size_t head_size = 0;
    std::string in;  // of the body, not read yet
    std::string out;  // of our body
    std::size_t out_sent = 0;
    event progress;  // head, bytes or the end have come
    bool has_head = false;
    bool in_ended = false;
    bool closed = false;  // nothing more comes or goes
    std::uint32_t reset = 0;  // why, when it did not end well
    std::exception_ptr failure;  // of the connection
};

class connection : public std::enable_shared_from_this<connection> {
public:
    connection(io::any_stream stream, const options& how, bool server);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection();

    /// Says what we allow. To be called once, first.
    void greet();

    /// Awaitable: reads until the end, and tells everybody of it.
    static task<> receive(std::shared_ptr<connection> self);

    /// A new exchange of a client's.
    std::shared_ptr<exchange> request(std::string method, std::string scheme, std::string authority,
                                      std::string target, const http::fields& fields, std::string body);
    void respond(exchange& e, http::response answer, bool head_only);
    void give_up(exchange& e, std::uint32_t code);
    /// Bytes of the body were taken by whoever reads it: as many may come.
    void consumed(exchange& e, std::size_t count);

    void close() noexcept;
    bool usable() const noexcept;
    std::string act() const { return "http/2 with " + stream_.name(); }

    /// A server's: a request has its head; and an exchange is over.
    std::function<void(const std::shared_ptr<exchange>&)> on_request;
    std::function<void(std::int32_t)> on_over;

private:
    friend struct told;
    static task<> flush(std::shared_ptr<connection> self) noexcept;
    void start_flush();
    task<> receive_all();
    void take(std::span<const std::byte> bytes);
    bool waits_for_peer() const noexcept;
    void fail(std::exception_ptr why) noexcept;
    std::shared_ptr<exchange> find(std::int32_t id) const;

    io::any_stream stream_;
    options options_;
    nghttp2_session* session_ = nullptr;
    std::unordered_map<std::int32_t, std::shared_ptr<exchange>> open_;
    event flushed_;
    std::exception_ptr thrown_;  // by a callback
    std::exception_ptr failure_;  // of the connection
    std::uint64_t resets_ = 0;  // by the peer
    std::uint64_t ended_well_ = 0;
    bool server_;
    bool flushing_ = false;
    bool closed_ = false;
    bool goaway_ = false;  // the peer takes no more
};

/// Gives nghttp2 the body of the exchange that `source` points to.
ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t size, std::uint32_t* flags,
                  nghttp2_data_source* source, void*) noexcept;

/// A session that tells `of` what it sees.
nghttp2_session* make_session(connection& of, bool server);

/// "REFUSED_STREAM"
std::string name_of(std::uint32_t wire_code);

}  // namespace ringlet::http2::detail
