#include <ringlet/core/gevent/kill.hpp>

#include <ringlet/core/hub_task.hpp>

namespace ringlet::gevent {
namespace {

/// Where the killer waits for the turn to be over. It may leave early; the turn comes all the same.
struct killing {
    list<waiter> killer;
    bool over = false;
};

class end_of_killing : public waiter {
public:
    const char* what() const noexcept override { return "a kill"; }
    explicit end_of_killing(killing& k) noexcept : killing_(k) {}
    bool await_ready() const {
        throw_if_canceled();
        return killing_.over;
    }
    void await_suspend(std::coroutine_handle<> h) noexcept {
        park(h);
        killing_.killer.push_back(*this);
    }
    void await_resume() const { throw_if_aborted(); }

private:
    killing& killing_;
};

/// Interrupts a greenlet and, if that ends its wait at once, lets it run now: also one that is ready already,
/// whose turn the exception overtakes.
class raise_now {
public:
    raise_now(greenlet_base& target, const std::exception_ptr& error) noexcept : target_(target), error_(error) {}
    bool await_ready() const noexcept { return target_.dead(); }
    bool await_suspend(std::coroutine_handle<hub_task::promise_type> self) const {
        waiter* const wait = target_.interrupt_now(error_);
        if (wait == nullptr)
            return false;  // it is shielded, or was given something, or is in an operation that must end by itself
        self.promise().post();
        loop::current().run_first(self.promise());
        loop::current().run_first(*wait);
        return true;
    }
    void await_resume() const noexcept {}

private:
    greenlet_base& target_;
    const std::exception_ptr& error_;
};

hub_task raise_in_all(std::vector<AnyGreenlet> greenlets, std::exception_ptr error,
                      std::shared_ptr<killing> killing) {
    for (const AnyGreenlet& g : greenlets)
        co_await raise_now(g.state(), error);
    killing->over = true;
    if (!killing->killer.empty())
        co_await hub_task::hand_over(killing->killer.front());
}

}  // namespace

std::vector<AnyGreenlet> raise_in(std::vector<AnyGreenlet> greenlets, const std::exception_ptr& exception,
                                  bool block) {
    std::erase_if(greenlets, [&](const AnyGreenlet& g) { return g.dead() || g.state().end_before_start(exception); });
    if (greenlets.empty())
        return greenlets;
    const auto k = std::make_shared<killing>();
    raise_in_all(greenlets, exception, k).detach();
    if (block)
        await(end_of_killing(*k));
    return greenlets;
}

}  // namespace ringlet::gevent
