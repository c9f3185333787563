#pragma once
// What a stream of bytes is. Code that moves bytes (HTTP, TLS, the buffered reader) is written against
// this, so that it runs over TCP, UNIX sockets, pipes, TLS and memory alike: as a template over the
// `stream` concept where every nanosecond counts, or over any_stream, which hides the type.

#include <ringlet/core/awaitable.hpp>
#include <ringlet/core/task.hpp>
#include <ringlet/io/received.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

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

/// One that can also be waited for without a buffer: readable waits until a read would not have to, and try_read
/// gives what is there, or nothing when there is nothing yet.
template <class S>
concept readable_stream = stream<S> && requires(S& s, std::span<std::byte> into) {
    { s.readable() } -> awaitable;
    { s.try_read(into) } -> std::same_as<std::optional<std::size_t>>;
};

/// One that can give what comes next in the buffer that it came in, of at least one byte; empty at the end. Where it
/// cannot, and has to wait with a buffer, that has `room` bytes.
template <class S>
concept receiving_stream = stream<S> && requires(S& s, std::size_t room) {
    { s.receive(room) } -> awaitable;
    requires std::same_as<await_result<decltype(s.receive(room))>, received>;
};

namespace detail {

/// An awaiter whose type is hidden.
template <class T>
struct hidden_awaiter {
    virtual ~hidden_awaiter() = default;
    virtual bool ready() = 0;
    virtual bool suspend(std::coroutine_handle<> h) = 0;
    virtual T resume() = 0;
};

/// An awaiter of which may outlive what it was made of.
template <class X>
concept makes_awaiters_that_stand_alone = requires { typename X::awaiter_stands_alone; };

/// The awaiter of what `make` gives, and that itself when it is not one.
template <class T, class Fn>
class hides final : public hidden_awaiter<T> {
    using source = std::invoke_result_t<Fn>;
    struct nothing {};

public:
    explicit hides(Fn make)
        requires makes_awaiters_that_stand_alone<source>
        : inner_(get_awaiter(make())) {}
    explicit hides(Fn make) : source_(make()), inner_(get_awaiter(static_cast<source&&>(source_))) {}
    bool ready() override { return inner_.await_ready(); }
    bool suspend(std::coroutine_handle<> h) override {
        if constexpr (std::is_void_v<decltype(inner_.await_suspend(h))>)
            return inner_.await_suspend(h), true;
        else
            return inner_.await_suspend(h);
    }
    T resume() override {
        if constexpr (std::is_void_v<await_result<source>> && !std::is_void_v<T>)
            return inner_.await_resume(), T();
        else
            return inner_.await_resume();
    }

private:
    [[no_unique_address]] std::conditional_t<makes_awaiters_that_stand_alone<source>, nothing, source> source_;
    decltype(get_awaiter(std::declval<source>())) inner_;
};

}  // namespace detail

/// Any stream, owned, its type hidden. Its reads and writes are awaiters that hold those of the stream
/// behind it, so that hiding the type costs neither memory nor a coroutine.
class any_stream {
    struct base;

public:
    any_stream() = default;
    template <stream S>
        requires(!std::same_as<S, any_stream>)
    any_stream(S s) : self_(std::make_unique<holder<S>>(std::move(s))) {}

    explicit operator bool() const noexcept { return self_ != nullptr; }

    template <class T, class Bytes>
    class operation;
    using reading = operation<std::size_t, std::span<std::byte>>;
    using receiving = operation<received, std::size_t>;
    using writing = operation<void, std::span<const std::byte>>;

    /// So large may an awaiter be, with the awaitable that made it if it needs that; what is larger waits in a
    /// coroutine.
    static constexpr std::size_t room_for_awaiters = 88;

    reading read(std::span<std::byte> into);
    /// Whether readable() and try_read() may be called: that of a readable_stream.
    bool is_readable() const noexcept { return self_->is_readable(); }
    /// Gives 0.
    reading readable();
    std::optional<std::size_t> try_read(std::span<std::byte> into) { return self_->try_read(into); }
    /// As that of a receiving_stream; any other waits with a buffer of `size` bytes.
    receiving receive(std::size_t size);
    writing write_all(std::span<const std::byte> from);
    task<> shutdown() { return self_->shutdown(); }
    void close() noexcept {
        if (self_)
            self_->close();
    }
    std::string name() const { return self_->name(); }

private:
    /// Where an awaiter is made.
    class room {
    public:
        room() = default;
        room(const room&) = delete;
        /// What `make` gives; when that is too large, what `in_a_task` gives.
        template <class T, class Fn, class Else>
        detail::hidden_awaiter<T>* put(Fn make, Else in_a_task) {
            using made = detail::hides<T, Fn>;
            if constexpr (sizeof(made) <= sizeof bytes_ && alignof(made) <= alignof(room))
                return ::new (bytes_) made(std::move(make));
            else
                return ::new (bytes_) detail::hides<T, Else>(std::move(in_a_task));
        }

    private:
        alignas(void*) std::byte bytes_[sizeof(void*) + room_for_awaiters];
    };

    struct base {
        virtual ~base() = default;
        virtual detail::hidden_awaiter<std::size_t>* begin_read(room& at, std::span<std::byte> into) = 0;
        virtual detail::hidden_awaiter<void>* begin_write(room& at, std::span<const std::byte> from) = 0;
        virtual bool is_readable() const noexcept = 0;
        virtual detail::hidden_awaiter<std::size_t>* begin_wait(room& at, std::span<std::byte> none) = 0;
        virtual detail::hidden_awaiter<received>* begin_receive(room& at, std::size_t size) = 0;
        virtual std::optional<std::size_t> try_read(std::span<std::byte> into) = 0;
        virtual task<> shutdown() = 0;
        virtual void close() noexcept = 0;
        virtual std::string name() const = 0;
    };

    template <class S>
    struct holder final : base {
        explicit holder(S s) : held(std::move(s)) {}
        detail::hidden_awaiter<std::size_t>* begin_read(room& at, std::span<std::byte> into) override {
            return at.template put<std::size_t>([this, into] { return held.read(into); },
                                                [this, into] { return read(into); });
        }
        detail::hidden_awaiter<void>* begin_write(room& at, std::span<const std::byte> from) override {
            return at.template put<void>([this, from] { return held.write_all(from); },
                                         [this, from] { return write_all(from); });
        }
        bool is_readable() const noexcept override { return readable_stream<S>; }
        detail::hidden_awaiter<std::size_t>* begin_wait(room& at, std::span<std::byte>) override {
            if constexpr (readable_stream<S>)
                return at.template put<std::size_t>([this] { return held.readable(); }, [this] { return wait(); });
            else
                not_readable();
        }
        detail::hidden_awaiter<received>* begin_receive(room& at, std::size_t size) override {
            if constexpr (receiving_stream<S>)
                return at.template put<received>([this, size] { return held.receive(size); },
                                                 [this, size] { return receive(size); });
            else
                return at.template put<received>([this, size] { return receive(size); },
                                                 [this, size] { return receive(size); });
        }
        std::optional<std::size_t> try_read(std::span<std::byte> into) override {
            if constexpr (readable_stream<S>)
                return held.try_read(into);
            else
                not_readable();
        }
        [[noreturn]] void not_readable() const {
            throw std::logic_error("wait for " + held.name() + ": this kind of stream is read with a buffer only");
        }
        task<std::size_t> wait() {
            co_await held.readable();
            co_return 0;
        }
        task<std::size_t> read(std::span<std::byte> into) { co_return co_await held.read(into); }
        task<received> receive(std::size_t size) {
            received own(size);
            const std::size_t count = co_await held.read(own.room());
            own.shrink(count);
            co_return own;
        }
        task<> write_all(std::span<const std::byte> from) { co_await held.write_all(from); }
        task<> shutdown() override { co_await held.shutdown(); }
        void close() noexcept override { held.close(); }
        std::string name() const override { return held.name(); }
        S held;
    };

    std::unique_ptr<base> self_;
};

/// A read or a write of any_stream. It may be moved until it is awaited, and that once; again if the stream could not
/// begin it.
template <class T, class Bytes>
class [[nodiscard]] any_stream::operation {
    using begins = detail::hidden_awaiter<T>* (base::*)(room&, Bytes);

public:
    operation(base& stream, begins how, Bytes bytes) noexcept : asked_{&stream, how, bytes} {}
    operation(operation&& other) noexcept : asked_(other.asked_) {
        check(other.begun_ == nullptr, "an operation of a stream was moved while it was under way");
    }
    ~operation() {
        if (begun_ != nullptr)
            begun_->~hidden_awaiter();
    }

    bool await_ready() {
        check(begun_ == nullptr, "an operation of a stream is awaited once");
        const asked what = asked_;
        try {
            begun_ = (what.stream->*what.how)(room_, what.bytes);
        } catch (...) {
            be_as_before(what);
            throw;
        }
        return begun_->ready();
    }
    bool await_suspend(std::coroutine_handle<> h) { return begun_->suspend(h); }
    T await_resume() { return begun_->resume(); }

private:
    struct asked {
        base* stream;
        begins how;
        Bytes bytes;
    };
    /// It has not begun, and can be awaited again. Apart, so that it costs nothing where it is not called.
    [[gnu::cold, gnu::noinline]] void be_as_before(const asked& what) noexcept { std::construct_at(&asked_, what); }

    detail::hidden_awaiter<T>* begun_ = nullptr;
    union {  // what is no longer needed once it is awaited makes way for the awaiter
        asked asked_;
        room room_;
    };
};

inline any_stream::reading any_stream::read(std::span<std::byte> into) { return {*self_, &base::begin_read, into}; }
inline any_stream::reading any_stream::readable() { return {*self_, &base::begin_wait, {}}; }
inline any_stream::receiving any_stream::receive(std::size_t size) {
    return {*self_, &base::begin_receive, std::max<std::size_t>(size, 1)};
}
inline any_stream::writing any_stream::write_all(std::span<const std::byte> from) {
    return {*self_, &base::begin_write, from};
}

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
