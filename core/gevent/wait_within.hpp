#pragma once
// What a `timeout=` argument does in gevent's calls.

#include <ringlet/core/await.hpp>
#include <ringlet/core/callback.hpp>
#include <ringlet/core/gevent/interval.hpp>
#include <ringlet/core/hub.hpp>
#include <ringlet/core/scope.hpp>

namespace ringlet::gevent {

/// Who is ready when its time has come, or due at the same moment, still runs before it, as in gevent. When it
/// is due at once, so do those whom they wake.
class limit {
public:
    explicit limit(duration from_now) : end_(scope_, from_now) {}
    bool ends_here() const noexcept { return scope_.ends_here(); }
    /// It found the wait under way.
    bool ended_the_wait() const noexcept { return scope_.interrupted() != nullptr; }

private:
    struct end : callback, private timer {
        end(scope& s, duration from_now) : timer(&fire), ends(s), turns(from_now > duration::zero() ? 1 : 2) {
            if (turns == 1)
                loop::current().timers().arm(*this, after(hub().fresh_now(), from_now));
            else
                post();
        }
        ~end() override { loop::current().timers().disarm(*this); }
        const char* what() const noexcept override { return "the end of a limit"; }
        static void fire(timer& t) noexcept { static_cast<end&>(t).post(); }
        void take_turn() noexcept override {
            if (--turns == 0)
                ends.cancel();
            else
                post();
        }
        scope& ends;
        int turns;
    };

    scope scope_;
    end end_;
};

/// Calls wait(), which may block, for at most `length`. False when time ran out first. Whatever else ends
/// the wait (a kill, a Timeout of the caller's) passes through.
template <class Fn>
bool within(interval length, Fn wait) {
    hub();
    if (length.infinite()) {
        wait();
        return true;
    }
    {
        const limit end(length.length());
        try {
            wait();
            return true;
        } catch (const canceled&) {
            if (!end.ends_here())
                throw;
            if (end.ended_the_wait())
                return false;
        }
    }
    throw_if_canceled();  // when its time came the wait had been ended already: who did that was first
    return false;
}

}  // namespace ringlet::gevent
