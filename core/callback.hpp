#pragma once
// callback: a function with a place among waiters. It suspends nobody: when its turn comes in the ready
// list, the loop calls it between two greenlets. Links, waits for several things at once and timers
// that must keep their place are made of it.

#include <ringlet/core/loop.hpp>

namespace ringlet {

class callback : public waiter {
public:
    /// Runs on the loop's hub; must neither wait nor throw. It may destroy the callback.
    using function = void (*)(callback&) noexcept;

    callback(const char* what, function on_turn) noexcept : waiter(what, &call), on_turn_(on_turn) {}
    ~callback() { stand_down(); }

    /// Waits in `line` until somebody wakes it; then comes its turn.
    void watch_in(list<waiter>& line) noexcept {
        stand_by();
        line.push_back(*this);
    }

    /// Goes to the end of the ready list.
    using waiter::post;

    /// Leaves wherever it is; its turn will not come.
    void cancel() noexcept { stand_down(); }

private:
    static void call(waiter& w) noexcept {
        auto& self = static_cast<callback&>(w);
        self.on_turn_(self);
    }

    function on_turn_;
};

}  // namespace ringlet
