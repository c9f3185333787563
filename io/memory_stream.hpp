#pragma once
// Two streams in memory, each the peer of the other, with bounded buffers between them: what a
// connection is, without a socket. For tests, where it runs in virtual time, and for joining code that
// speaks a protocol to code of the same process.

#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/io/stream.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace ringlet::io {

class memory_stream {
public:
    class [[nodiscard]] read_awaiter;
    class [[nodiscard]] write_awaiter;
    class [[nodiscard]] shutdown_awaiter;

    memory_stream(memory_stream&&) noexcept = default;
    memory_stream& operator=(memory_stream&& other) noexcept {
        std::swap(half_, other.half_);
        return *this;
    }
    ~memory_stream() {
        if (half_)
            close();
    }

    /// Awaitable: at least one byte into `into`, as many as are there; 0 at the end. A second reader at
    /// the same time is refused with std::logic_error that names both.
    read_awaiter read(std::span<std::byte> into);

    /// Awaitable: until all of `from` is in the buffer. Several writers take turns.
    write_awaiter write_all(std::span<const std::byte> from);

    /// Awaitable, and never waits: the peer reads the end after what was written.
    shutdown_awaiter shutdown() noexcept;

    /// Ends it now: whoever waits on it gets an error that says so. The peer reads what was written and
    /// then the end, or ECONNRESET if something it had written was not read; its writes get EPIPE.
    void close() noexcept;

    /// Ends it as a lost connection does: the peer gets ECONNRESET at once, and loses what was written.
    void reset() noexcept;

    const std::string& name() const noexcept;

private:
    friend std::pair<memory_stream, memory_stream> duplex(std::size_t, std::string);
    struct half;
    explicit memory_stream(std::shared_ptr<half> h) noexcept : half_(std::move(h)) {}

    std::shared_ptr<half> half_;
};

/// A connection. Each direction holds up to `capacity` bytes; then its writer waits. Errors call the
/// ends by `name` and their side: "memory:left", "memory:right".
std::pair<memory_stream, memory_stream> duplex(std::size_t capacity = 64 * 1024, std::string name = "memory");

class memory_stream::read_awaiter : public waiter {
public:
    const char* what() const noexcept override { return "a read from a memory stream"; }
    read_awaiter(std::shared_ptr<half> from, std::span<std::byte> into) noexcept
        : half_(std::move(from)), into_(into) {}

    bool await_ready();
    void await_suspend(std::coroutine_handle<> h);
    std::size_t await_resume() const;
    result<std::size_t> await_result() const;

private:
    friend struct memory_stream::half;
    void abort() noexcept override;

    std::shared_ptr<half> half_;
    std::span<std::byte> into_;
    int outcome_ = 0;  // a count, or a negative errno
};

class memory_stream::write_awaiter : public waiter {
public:
    const char* what() const noexcept override { return "a write to a memory stream"; }
    write_awaiter(std::shared_ptr<half> to, std::span<const std::byte> from) noexcept
        : half_(std::move(to)), from_(from) {}

    bool await_ready();
    void await_suspend(std::coroutine_handle<> h) noexcept;
    void await_resume() const;
    result<void> await_result() const;

private:
    friend struct memory_stream::half;

    std::shared_ptr<half> half_;
    std::span<const std::byte> from_;
    int error_ = 0;
};

class memory_stream::shutdown_awaiter {
public:
    explicit shutdown_awaiter(std::shared_ptr<half> h) noexcept : half_(std::move(h)) {}
    bool await_ready() const {
        throw_if_canceled();
        return true;
    }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    void await_resume() const;

private:
    std::shared_ptr<half> half_;
};

static_assert(stream<memory_stream>);

}  // namespace ringlet::io
