#pragma once
// What a `timeout=` argument does in gevent's calls.

#include <ringlet/core/await.hpp>
#include <ringlet/core/callback.hpp>
#include <ringlet/core/gevent/interval.hpp>
#include <ringlet/core/hub.hpp>
#include <ringlet/core/scope.hpp>

#include <concepts>
#include <optional>
#include <utility>

namespace ringlet::gevent {

/// A deadline that is now. Who is ready, and whom they wake, still runs before it: in gevent timers come
/// after callbacks.
class deadline_now {
public:
    deadline_now() { end_.post(); }
    bool ends_here() const noexcept { return scope_.ends_here(); }
    const char* interrupted() const noexcept { return scope_.interrupted(); }

private:
    struct end : callback {
        explicit end(scope& s) noexcept : ends(s) {}
        const char* what() const noexcept override { return "the end of no time"; }
        void take_turn() noexcept override {
            if (std::exchange(last_turn, true))
                ends.cancel();
            else
                post();
        }
        scope& ends;
        bool last_turn = false;
    };

    scope scope_;
    end end_{scope_};
};

template <class Deadline, class Fn>
bool ended_before(Fn& wait, std::same_as<duration> auto... length) {
    {
        const Deadline limit(length...);
        try {
            wait();
            return true;
        } catch (const canceled&) {
            if (!limit.ends_here())
                throw;
            if (limit.interrupted() != nullptr)
                return false;
        }
    }
    throw_if_canceled();  // when its time came the wait had been ended already: who did that was first
    return false;
}

/// Calls wait(), which may block, for at most `limit`. False when time ran out first. Whatever else ends
/// the wait (a kill, a Timeout of the caller's) passes through.
template <class Fn>
bool within(interval limit, Fn wait) {
    hub();
    if (limit.infinite()) {
        wait();
        return true;
    }
    if (limit.length() <= duration::zero())
        return ended_before<deadline_now>(wait);
    return ended_before<deadline>(wait, limit.length());
}

}  // namespace ringlet::gevent
