#pragma once
// What gevent's events, results and semaphores share: a list of those who want to be told, waiters and
// linked functions alike, and a turn of the hub that tells them. The turn is asked for when the object
// becomes ready, and takes whoever is in the list when it comes; so who released a semaphore can take it
// again before it is handed on. The object takes that turn itself, so that telling needs no memory: a
// release cannot fail half-way. core's own event and semaphore hand over at once and never let anybody
// overtake; programs ported from gevent print in the order that this file makes.

#include <ringlet/core/callback.hpp>
#include <ringlet/core/gevent/wait_within.hpp>
#include <ringlet/core/source.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace ringlet::gevent {

class linkable : public std::enable_shared_from_this<linkable>, private callback {
public:
    linkable(const linkable&) = delete;
    linkable& operator=(const linkable&) = delete;
    ~linkable() override;

    virtual bool ready() const noexcept = 0;

    /// Calls `fn` on the hub, which must not block, once when it is ready. The number is for unlink().
    std::uint64_t add_link(std::function<void()> fn);
    /// The same, but not while the loop ends: what those who are killed then say is for nobody.
    std::uint64_t rawlink(std::function<void()> fn);
    bool unlink(std::uint64_t link) noexcept;
    std::size_t linkcount() const noexcept;

    /// For wait() and iwait().
    void watch(callback& c) noexcept {
        c.watch_in(links_);
        notify_if_ready();
    }

protected:
    /// `notify_all`: one turn tells everybody, even if it is not ready any more by then.
    linkable(const char* what, bool notify_all) noexcept;

    /// Waits to be told; false when `timeout` came first. Blocks even if it is ready.
    bool wait_to_be_told(interval timeout);

    /// Who finds it ready while others are still being told waits behind them.
    void wait_behind_others();

    /// Asks for the turn, if somebody is there to be told.
    void notify_if_ready() noexcept;

private:
    class told;
    class function_link;

    const char* what() const noexcept override { return "its turn"; }
    void take_turn() noexcept override;
    bool hand_over_to_first(list<waiter>& line) noexcept;
    void wait_in(list<waiter>& line);

    enum class step : std::uint8_t { begin, tell, call_up_behind };

    const char* what_;  // those who wait for it say
    bool notify_all_;
    step step_ = step::begin;
    std::size_t waiting_ = 0;
    list<waiter> links_;
    list<waiter> being_told_;
    list<waiter> behind_;
    std::shared_ptr<linkable> notifying_;  // itself, from when the turn is asked for until it is over
    std::vector<std::unique_ptr<function_link>> functions_;
    std::uint64_t functions_added_ = 0;
};

}  // namespace ringlet::gevent
