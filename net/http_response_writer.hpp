#pragma once
// How a handler answers when returning a response is not enough: piece by piece, with back-pressure,
// or without any allocation. It belongs to the connection and is valid until the handler has returned.

#include <ringlet/core/scope.hpp>
#include <ringlet/core/task.hpp>
#include <ringlet/io/stream.hpp>
#include <ringlet/net/http_fields.hpp>
#include <ringlet/net/http_response.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringlet::http {

class response_writer;

namespace detail {
class exchange;
struct stop_sign;
stop_sign* stop_sign_of(response_writer& out) noexcept;
}  // namespace detail

/// Status and fields first, then either send() or answer() or any number of write(). A handler that returns
/// without either has sent an empty body.
class response_writer {
public:
    response_writer(const response_writer&) = delete;
    response_writer& operator=(const response_writer&) = delete;

    response_writer& status(int code, std::string_view reason = {});
    http::fields& fields() noexcept { return fields_; }
    response_writer& set(std::string_view name, std::string_view value) {
        fields_.set(name, value);
        return *this;
    }
    /// How long the pieces will be together. Without it they go out as chunks.
    response_writer& length(std::uint64_t bytes) noexcept;

    /// The whole answer. It leaves when the handler returns, in one piece if it is small; nothing waits.
    void send(std::string_view body);
    /// The fields set here go with those of `whole`, which win.
    void answer(response whole);

    /// Awaitable: sends a piece, the head before the first. Done when the peer's side has taken it.
    task<> write(std::string_view piece);

    /// What follows the last piece, if it comes in chunks.
    http::fields& trailers() noexcept { return trailers_; }

    /// Awaitable: the end of the pieces. A handler that returns has it said for it.
    task<> end();

    /// Awaitable: answers 101 Switching Protocols, with the fields set here. From then on the connection
    /// is the handler's, until it returns; then it is closed. Throws std::logic_error when the request
    /// asked for no upgrade or has a body that was not read.
    task<io::any_stream> upgrade(std::string_view protocol);

    /// As it was sent, or would be now.
    int status() const noexcept { return status_; }

    /// The head can no longer be changed.
    bool begun() const noexcept { return begun_; }

private:
    friend class detail::exchange;
    friend detail::stop_sign* detail::stop_sign_of(response_writer& out) noexcept;
    explicit response_writer(detail::exchange& e) noexcept : exchange_(e) {}
    void reset() noexcept;
    void begin();
    void finish();

    detail::exchange& exchange_;
    int status_ = 200;
    bool begun_ = false, ended_ = false, chunked_ = false;
    std::optional<std::uint64_t> length_;
    std::uint64_t written_ = 0;
    std::string reason_;
    http::fields fields_, trailers_;
};

}  // namespace ringlet::http
