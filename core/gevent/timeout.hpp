#pragma once
// gevent.Timeout: an exception that a timer throws into the greenlet that started it, at the wait it is
// in then, or at its next one. It is raised once; what catches it goes on. The object thrown is a handle
// of the one that fired, so that nested timeouts can tell whose it is:
//
//     auto timeout = Timeout::start_new(1);
//     try { … } catch (const Timeout& t) { if (t != timeout) throw; }
//
// It is not a std::exception, as gevent's is not an Exception: a handler for errors lets it pass.

#include <ringlet/core/gevent/interval.hpp>
#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/core/report.hpp>

#include <concepts>
#include <exception>
#include <memory>
#include <string>

namespace ringlet::gevent {

class Timeout : public base_exception {
public:
    /// Never fires: Timeout(), Timeout(None).
    Timeout() : Timeout(interval()) {}
    Timeout(interval seconds);
    /// Raises `exception` instead of itself.
    template <class E>
        requires(!std::same_as<E, bool> && !std::convertible_to<E, std::string>)
    Timeout(interval seconds, E exception) : Timeout(seconds, std::make_exception_ptr(std::move(exception))) {}
    Timeout(interval seconds, std::exception_ptr exception);
    Timeout(interval seconds, std::nullopt_t) : Timeout(seconds) {}
    /// `false`: the silent form, which with() swallows.
    Timeout(interval seconds, std::same_as<bool> auto exception) : Timeout(seconds) { set_silent(!exception); }
    /// The text is added to what str() says.
    Timeout(interval seconds, std::string text);

    Timeout(const Timeout&) = default;
    Timeout(Timeout&&) noexcept = default;
    Timeout& operator=(Timeout other) noexcept {
        state_.swap(other.state_);
        return *this;
    }
    ~Timeout() override { let_go(); }

    /// A started one: new, or the one given, which may be pending. It is cancelled when the last handle of it goes.
    template <class... Args>
    [[nodiscard]] static Timeout start_new(Args&&... args) {
        Timeout t(std::forward<Args>(args)...);
        if (!t.pending())
            t.start();
        return t;
    }

    /// Begins to count, for the greenlet that calls. Throws std::logic_error when pending or closed. Started
    /// as a temporary, it needs no handle: `Timeout(5).start();` fires whatever becomes of the handle.
    void start() &;
    void start() &&;

    /// True from start() until it fires or is cancelled.
    bool pending() const noexcept;

    /// Does not fire any more; can be started again.
    void cancel() noexcept;
    /// The same, and cannot be started again.
    void close() noexcept;

    interval seconds() const noexcept;
    bool silent() const noexcept;

    /// "0.1 seconds", "1 second (silent)", "" for one that never fires.
    std::string str() const override;

    /// The same timeout, not an equal one.
    friend bool operator==(const Timeout& a, const Timeout& b) noexcept { return a.state_ == b.state_; }

    struct state;

private:
    struct of {
        std::shared_ptr<state> it;
    };
    explicit Timeout(of s) noexcept : state_(std::move(s.it)) {}
    void set_silent(bool silent) noexcept;
    void let_go() noexcept;

    std::shared_ptr<state> state_;
};

/// Python's `with Timeout(…):` runs `body` under the timeout, and closes it. False when a silent one cut
/// the body short.
template <std::invocable Fn>
bool with(Timeout timeout, Fn body) {
    struct closer {
        Timeout& timeout;
        ~closer() { timeout.close(); }
    };
    if (!timeout.pending())
        timeout.start();
    const closer at_exit{timeout};
    try {
        body();
        return true;
    } catch (const Timeout& fired) {
        if (fired != timeout || !timeout.silent())
            throw;
        return false;
    }
}

/// What fn() returns; throws Timeout when it has not returned after that many seconds.
template <std::invocable Fn>
std::invoke_result_t<Fn&> with_timeout(interval seconds, Fn fn) {
    Timeout timeout = Timeout::start_new(seconds);
    return fn();
}

/// The same, but gives `timeout_value` instead of throwing. Where fn returns nothing: a std::optional
/// that holds `timeout_value` when time ran out.
template <std::invocable Fn, class V>
auto with_timeout(interval seconds, Fn fn, V timeout_value)
    -> std::conditional_t<std::is_void_v<std::invoke_result_t<Fn&>>, std::optional<V>, std::invoke_result_t<Fn&>> {
    Timeout timeout = Timeout::start_new(seconds);
    try {
        if constexpr (std::is_void_v<std::invoke_result_t<Fn&>>) {
            fn();
            return std::nullopt;
        } else {
            return fn();
        }
    } catch (const Timeout& fired) {
        if (fired != timeout)
            throw;
        return timeout_value;
    }
}

}  // namespace ringlet::gevent
