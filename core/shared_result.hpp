#pragma once
// What one thread will give and greenlets of any loop wait for: the state behind futures.hpp and
// remote.hpp. It is shared by all who hold a handle, so a waiter who gives up simply leaves.

#include <ringlet/core/outside.hpp>
#include <ringlet/core/report.hpp>

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

namespace ringlet {

/// What a call gave: its value, or the exception that it ended with.
template <class T>
class kept_result {
public:
    template <class Fn>
    void keep(Fn&& fn) noexcept {
        try {
            if constexpr (std::is_void_v<T>)
                fn();
            else if constexpr (std::is_reference_v<T>)
                value_.emplace(std::addressof(fn()));
            else
                value_.emplace(fn());
        } catch (...) {
            error_ = std::current_exception();
        }
    }
    void keep_error(std::exception_ptr e) noexcept { error_ = std::move(e); }
    const std::exception_ptr& error() const noexcept { return error_; }

    /// Once.
    T take() {
        if (error_)
            std::rethrow_exception(error_);
        if constexpr (std::is_reference_v<T>)
            return static_cast<T>(**value_);
        else if constexpr (!std::is_void_v<T>)
            return std::move(*value_);
    }

    /// As often as one likes, unless T cannot be copied.
    T get() {
        if constexpr (!std::is_void_v<T> && !std::is_reference_v<T>)
            if constexpr (std::is_copy_constructible_v<T>)
                if (!error_)
                    return std::as_const(*value_);
        return take();
    }

private:
    using stored = std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*,
                                      std::conditional_t<std::is_void_v<T>, char, T>>;
    std::optional<stored> value_;
    std::exception_ptr error_;
};

class shared_result_base : public std::enable_shared_from_this<shared_result_base> {
public:
    enum class phase : std::uint8_t { pending, running, over, canceled };

    shared_result_base() = default;
    shared_result_base(const shared_result_base&) = delete;
    shared_result_base& operator=(const shared_result_base&) = delete;

    bool running() const noexcept { return phase_.load(std::memory_order_acquire) == phase::running; }
    bool was_canceled() const noexcept { return phase_.load(std::memory_order_acquire) == phase::canceled; }
    bool done() const noexcept { return phase_.load(std::memory_order_acquire) >= phase::over; }

    /// pending -> running. False: it was cancelled before.
    bool begin() noexcept { return change(phase::pending, phase::running); }

    /// pending -> canceled. False: it has begun.
    bool cancel() {
        if (!change(phase::pending, phase::canceled))
            return false;
        tell_all();
        return true;
    }

    /// The end, once, on the thread that did the work; the result was kept before.
    void end(phase how) {
        phase_.store(how, std::memory_order_release);
        tell_all();
    }

    /// Calls fn() when it is done, on the thread that ended it; at once if it is done. What fn() throws is
    /// reported.
    void on_end(std::function<void()> fn) {
        {
            const std::lock_guard lock(mutex_);
            if (!done()) {
                observers_.push_back(std::move(fn));
                return;
            }
        }
        call(fn);
    }

protected:
    ~shared_result_base() = default;

private:
    friend class shared_wait;

    bool change(phase from, phase to) noexcept {
        return phase_.compare_exchange_strong(from, to, std::memory_order_acq_rel);
    }

    void tell_all() {
        std::vector<std::function<void()>> observers;
        {
            outside_batch woken;
            const std::lock_guard lock(mutex_);
            while (!waiting_.empty())
                woken.add(waiting_.front());
            observers.swap(observers_);
        }
        for (const auto& tell : observers)
            call(tell);
    }

    static void call(const std::function<void()>& fn) noexcept {
        try {
            fn();
        } catch (...) {
            report("a function called at the end of a future failed: " + describe(std::current_exception()));
        }
    }

    std::mutex mutex_;
    std::atomic<phase> phase_{phase::pending};
    list<outside_waiter> waiting_;
    std::vector<std::function<void()>> observers_;
};

template <class T>
class shared_result : public shared_result_base {
public:
    kept_result<T> kept;
};

/// Awaitable: until it is done. Who is killed leaves at once; the work goes on.
class [[nodiscard]] shared_wait : public outside_waiter {
public:
    shared_wait(const char* what, std::shared_ptr<shared_result_base> on, clock c = clock::runs) noexcept
        : outside_waiter(&on->mutex_, c), what_(what), on_(std::move(on)) {}
    shared_wait(shared_wait&& other) noexcept
        : outside_waiter(std::move(other)), what_(other.what_), on_(other.on_) {}
    const char* what() const noexcept override { return what_; }

    bool await_ready() const {
        throw_if_canceled();
        return on_->done();
    }
    bool await_suspend(std::coroutine_handle<> h) noexcept {
        const std::lock_guard lock(on_->mutex_);
        if (on_->done())
            return false;
        park(h);
        on_->waiting_.push_back(*this);
        return true;
    }
    void await_resume() const { throw_if_aborted(); }

private:
    const char* what_;
    std::shared_ptr<shared_result_base> on_;
};

}  // namespace ringlet
