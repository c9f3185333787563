#pragma once
// What a stream of bytes is. Code that moves bytes (HTTP, TLS, the buffered reader) is written against
// this, so that it runs over TCP, UNIX sockets, pipes, TLS and memory alike: as a template over the
// `stream` concept where every nanosecond counts, or over any_stream, which hides the type.

#include <ringlet/core/awaitable.hpp>
#include <ringlet/core/task.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>

namespace ringlet::io {

/// read gives at least one byte, or 0 at the end; write_all sends everything; shutdown says that no
/// more will be sent (reading goes on); close ends it now, and whoever waits gets an error.
template <class S>
concept stream = requires(S& s, std::span<std::byte> into, std::span<const std::byte> from) {
    { s.read(into) } -> awaitable;
    requires std::convertible_to<await_result<decltype(s.read(into))>, std::size_t>;
    { s.write_all(from) } -> awaitable;
    { s.shutdown() } -> awaitable;
    { s.close() } noexcept;
    { s.name() } -> std::convertible_to<std::string>;
};

/// Any stream, owned, its type hidden. Costs a pooled coroutine frame for each call that is not inline.
class any_stream {
public:
    any_stream() = default;
    template <stream S>
        requires(!std::same_as<S, any_stream>)
    any_stream(S s) : self_(std::make_unique<holder<S>>(std::move(s))) {}

    explicit operator bool() const noexcept { return self_ != nullptr; }

    task<std::size_t> read(std::span<std::byte> into) { return self_->read(into); }
    task<> write_all(std::span<const std::byte> from) { return self_->write_all(from); }
    task<> shutdown() { return self_->shutdown(); }
    void close() noexcept {
        if (self_)
            self_->close();
    }
    std::string name() const { return self_->name(); }

private:
    struct base {
        virtual ~base() = default;
        virtual task<std::size_t> read(std::span<std::byte> into) = 0;
        virtual task<> write_all(std::span<const std::byte> from) = 0;
        virtual task<> shutdown() = 0;
        virtual void close() noexcept = 0;
        virtual std::string name() const = 0;
    };

    template <class S>
    struct holder final : base {
        explicit holder(S s) : held(std::move(s)) {}
        task<std::size_t> read(std::span<std::byte> into) override { co_return co_await held.read(into); }
        task<> write_all(std::span<const std::byte> from) override { co_await held.write_all(from); }
        task<> shutdown() override { co_await held.shutdown(); }
        void close() noexcept override { held.close(); }
        std::string name() const override { return held.name(); }
        S held;
    };

    std::unique_ptr<base> self_;
};

/// The peer finished in the middle of something.
class end_of_stream : public std::system_error {
public:
    explicit end_of_stream(const std::string& act)
        : std::system_error(std::make_error_code(std::errc::connection_reset), act + ": the stream ended early") {}
};

/// Awaitable: fills all of `into`, or throws end_of_stream.
template <stream S>
task<> read_exact(S& s, std::span<std::byte> into) {
    while (!into.empty()) {
        const std::size_t count = co_await s.read(into);
        if (count == 0)
            throw end_of_stream("read from " + s.name());
        into = into.subspan(count);
    }
}

/// A text as bytes, for write_all.
inline std::span<const std::byte> bytes_of(std::string_view text) noexcept {
    return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace ringlet::io
