#pragma once
// result<T>: a value or the error that was met instead, for callers who expect failure every second.
// `co_await as_result(x)` and `await(as_result(x))` give one. An awaiter with a member await_result()
// gives it without building an exception; for everything else a std::system_error is caught. Whatever
// is not a system_error (a bug, a cancellation) passes through.

#include <ringlet/core/awaitable.hpp>

#include <exception>
#include <optional>
#include <system_error>
#include <variant>

namespace ringlet {

namespace detail {

/// What went wrong: the code, and the whole exception if there was one.
class failure {
public:
    explicit failure(std::error_code error, std::exception_ptr cause = nullptr) noexcept
        : code_(error), cause_(std::move(cause)) {}
    std::error_code code() const noexcept { return code_; }
    [[noreturn]] void raise() const {
        if (cause_)
            std::rethrow_exception(cause_);
        throw std::system_error(code_);
    }

private:
    std::error_code code_;
    std::exception_ptr cause_;
};

}  // namespace detail

template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;

    template <class U = T>
        requires(std::is_constructible_v<T, U &&> && !std::is_same_v<std::remove_cvref_t<U>, result>)
    result(U&& value) : outcome_(std::in_place_index<0>, std::forward<U>(value)) {}
    result(std::error_code error, std::exception_ptr cause = nullptr)
        : outcome_(std::in_place_index<1>, error, std::move(cause)) {}

    explicit operator bool() const noexcept { return has_value(); }
    bool has_value() const noexcept { return outcome_.index() == 0; }

    /// The error; a default-constructed code (no error) when there is a value.
    std::error_code error() const noexcept {
        const detail::failure* failed = std::get_if<1>(&outcome_);
        return failed != nullptr ? failed->code() : std::error_code();
    }

    /// The value; throws the error when there is none.
    T& value() & { return throw_if_error(), std::get<0>(outcome_); }
    const T& value() const& { return throw_if_error(), std::get<0>(outcome_); }
    T&& value() && { return throw_if_error(), std::get<0>(std::move(outcome_)); }
    T& operator*() & noexcept { return *std::get_if<0>(&outcome_); }
    T&& operator*() && noexcept { return std::move(*std::get_if<0>(&outcome_)); }
    const T& operator*() const& noexcept { return *std::get_if<0>(&outcome_); }
    T* operator->() noexcept { return std::get_if<0>(&outcome_); }
    const T* operator->() const noexcept { return std::get_if<0>(&outcome_); }

private:
    void throw_if_error() const {
        if (const detail::failure* failed = std::get_if<1>(&outcome_))
            failed->raise();
    }

    std::variant<T, detail::failure> outcome_;
};

template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;

    result() = default;
    result(std::error_code error, std::exception_ptr cause = nullptr) {
        if (error || cause)
            failed_.emplace(error, std::move(cause));
    }

    explicit operator bool() const noexcept { return has_value(); }
    bool has_value() const noexcept { return !failed_; }
    std::error_code error() const noexcept { return failed_ ? failed_->code() : std::error_code(); }
    void value() const {
        if (failed_)
            failed_->raise();
    }

private:
    std::optional<detail::failure> failed_;
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
