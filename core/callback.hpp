#pragma once
// callback: a function with a place among waiters. It suspends nobody: when its turn comes in the ready
// list, the loop calls it between two greenlets. Links, waits for several things at once and timers
// that must keep their place are made of it.

#include <ringlet/core/loop.hpp>

namespace ringlet {

class callback : public waiter {
public:
    ~callback() override { stand_down(); }

    /// Waits in `line` until somebody wakes it; then comes its turn.
    void watch_in(list<waiter>& line) noexcept {
        stand_by();
        line.push_back(*this);
    }

    /// Goes to the end of the ready list.
    using waiter::post;

    /// Leaves wherever it is; its turn will not come.
    void cancel() noexcept { stand_down(); }

protected:
    /// Runs on the loop's hub; must neither wait nor throw. It may destroy the callback.
    void take_turn() noexcept override = 0;
};

}  // namespace ringlet
