#pragma once
// result<T>: a value or the error that was met instead, for callers who expect failure every second.
// `co_await as_result(x)` and `await(as_result(x))` give one. An awaiter with a member await_result()
// gives it without building an exception; for everything else a std::system_error is caught. Whatever
// is not a system_error (a bug, a cancellation) passes through.

#include <ringlet/core/awaitable.hpp>

#include <exception>
#include <optional>
#include <system_error>

namespace ringlet {

/// What went wrong: the code, and a function-free way to get the full exception back.
template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;

    template <class U = T>
        requires std::is_constructible_v<T, U&&>
    result(U&& value) : value_(std::forward<U>(value)) {}
    result(std::error_code error) : error_(error) {}
    result(std::error_code error, std::exception_ptr cause) : error_(error), cause_(std::move(cause)) {}

    explicit operator bool() const noexcept { return value_.has_value(); }
    bool has_value() const noexcept { return value_.has_value(); }

    /// The error; a default-constructed code (no error) when there is a value.
    std::error_code error() const noexcept { return error_; }

    /// The value; throws the error when there is none.
    T& value() & { return throw_if_error(), *value_; }
    const T& value() const& { return throw_if_error(), *value_; }
    T&& value() && { return throw_if_error(), std::move(*value_); }
    T& operator*() & noexcept { return *value_; }
    T&& operator*() && noexcept { return std::move(*value_); }
    const T& operator*() const& noexcept { return *value_; }
    T* operator->() noexcept { return &*value_; }
    const T* operator->() const noexcept { return &*value_; }

private:
    void throw_if_error() const {
        if (value_)
            return;
        if (cause_)
            std::rethrow_exception(cause_);
        throw std::system_error(error_);
    }

    std::optional<T> value_;
    std::error_code error_;
    std::exception_ptr cause_;
};

template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;

    result() = default;
    result(std::error_code error, std::exception_ptr cause = nullptr) : error_(error), cause_(std::move(cause)) {}

    explicit operator bool() const noexcept { return !error_; }
    bool has_value() const noexcept { return !error_; }
    std::error_code error() const noexcept { return error_; }
    void value() const {
        if (cause_)
            std::rethrow_exception(cause_);
        if (error_)
            throw std::system_error(error_);
    }

private:
    std::error_code error_;
    std::exception_ptr cause_;
};

/// Wraps an awaitable so that awaiting it gives a result.
template <class X>
class [[nodiscard]] as_result {
public:
    explicit as_result(X&& x) : source_(std::forward<X>(x)) {}

    class awaiter {
    public:
        explicit awaiter(X& source) : inner_(get_awaiter(std::forward<X>(source))) {}
        bool await_ready() { return inner_.await_ready(); }
        auto await_suspend(std::coroutine_handle<> h) { return inner_.await_suspend(h); }
        result<std::remove_cvref_t<await_result<X>>> await_resume() {
            using T = std::remove_cvref_t<await_result<X>>;
            if constexpr (requires { inner_.await_result(); }) {
                return inner_.await_result();
            } else {
                try {
                    if constexpr (std::is_void_v<T>) {
                        inner_.await_resume();
                        return {};
                    } else {
                        return result<T>(inner_.await_resume());
                    }
                } catch (const std::system_error& e) {
                    return result<T>(e.code(), std::current_exception());
                }
            }
        }

    private:
        decltype(get_awaiter(std::declval<X>())) inner_;
    };

    awaiter operator co_await() && { return awaiter(source_); }

private:
    X source_;  // a reference when the caller's awaitable was an lvalue
};

template <class X>
as_result(X&&) -> as_result<X>;

}  // namespace ringlet
