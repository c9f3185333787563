#pragma once
// select: waits at several channels and takes part in exactly one exchange; the first case that can be
// served is, in the order in which they are written.
//
//     auto job = jobs.on_get();
//     auto answer = answers.on_put(42);
//     expiry late(5s);
//     switch (co_await select(job, answer, late)) {
//     case 0: work(*job.value); break;      // empty when the channel was closed
//     case 1: break;
//     case 2: give_up();
//     }

#include <ringlet/core/channel_party.hpp>

#include <concepts>
#include <optional>
#include <tuple>

namespace ringlet {

/// A case that is served when its time has come. Counts from the start of the select.
class expiry : public channel_place, private timer {
public:
    explicit expiry(any_duration d) noexcept
        : timer([](timer& t) noexcept { static_cast<expiry&>(t).serve(); }), after_(d) {}

    bool try_now() override { return after_ <= duration::zero(); }
    void join() noexcept override {
        loop& l = loop::current();
        l.timers().arm(*this, after(l.fresh_now(), after_));
    }
    void leave() noexcept override { loop::current().timers().disarm(*this); }

private:
    duration after_;
};

template <class... Case>
class [[nodiscard]] select_awaiter : public channel_party {
public:
    explicit select_awaiter(Case&... cases) noexcept : channel_party("one of several channels"), places_{&cases...} {}

    bool await_ready() {
        throw_if_canceled();
        return try_now();
    }
    void await_suspend(std::coroutine_handle<> h) noexcept { join_all(h, places_); }

    /// The number of the case that was served. Throws queue_closed if that is a put to a closed channel.
    std::size_t await_resume() const {
        if (now_)
            return *now_;
        for (std::size_t i = 0; i < places_.size(); ++i)
            if (served() == places_[i]) {
                places_[i]->check_served();
                return i;
            }
        throw_if_aborted();
        return places_.size();
    }

    bool try_now() {
        now_.reset();
        for (std::size_t i = 0; i < places_.size(); ++i)
            if (places_[i]->try_now()) {
                now_ = i;
                return true;
            }
        return false;
    }
    std::optional<std::size_t> now() const noexcept { return now_; }

private:
    std::array<channel_place*, sizeof...(Case)> places_;
    std::optional<std::size_t> now_;
};

/// Awaitable: the number of the case in which it took part. The cases are borrowed until then.
template <std::derived_from<channel_place>... Case>
    requires(sizeof...(Case) > 0)
select_awaiter<Case...> select(Case&... cases) noexcept {
    return select_awaiter<Case...>(cases...);
}

/// The same without waiting: empty when no case could be served.
template <std::derived_from<channel_place>... Case>
    requires(sizeof...(Case) > 0)
std::optional<std::size_t> try_select(Case&... cases) {
    select_awaiter<Case...> s(cases...);
    s.try_now();
    return s.now();
}

}  // namespace ringlet
