#pragma once
// How somebody waits at one or several channels: a party has a place at each. The first place to be
// served takes the party out of all the others at once, so that exactly one exchange is made.

#include <ringlet/core/greenlet_base.hpp>

#include <array>
#include <cstddef>
#include <span>

namespace ringlet {

class channel_party;

class channel_place : public hook {
public:
    channel_place() = default;
    channel_place(channel_place&&) noexcept {}
    virtual ~channel_place() = default;

    /// Makes the exchange if that needs no waiting.
    virtual bool try_now() = 0;
    /// Waits in line to be served. leave() ends that.
    virtual void join() noexcept = 0;
    virtual void leave() noexcept { unlink(); }
    /// Throws when being served meant that the channel was closed.
    virtual void check_served() const {}
    /// True when the other one goes on first after an exchange at once.
    virtual bool steps_aside() const noexcept { return false; }

    channel_party& party() const noexcept { return *party_; }
    void serve() noexcept;

    waiter* met = nullptr;  // the other one of an exchange at once

private:
    friend channel_party;
    channel_party* party_ = nullptr;
};

class channel_party : public waiter {
public:
    const char* what() const noexcept override { return what_; }

    /// The place that was served.
    const channel_place* served() const noexcept { return served_; }

protected:
    explicit channel_party(const char* what) noexcept : what_(what) {}
    channel_party(channel_party&& other) noexcept : waiter(std::move(other)), what_(other.what_) {}
    ~channel_party() override = default;

    /// Waits at all of them, which must stay until the end of the wait.
    void join_all(std::coroutine_handle<> h, std::span<channel_place* const> places) noexcept {
        park(h);
        served_ = nullptr;  // an awaiter may be awaited again
        places_ = places;
        for (channel_place* place : places_) {
            place->party_ = this;
            place->join();
        }
    }

private:
    friend channel_place;

    void leave_all() noexcept {
        for (channel_place* place : places_)
            place->leave();
    }
    void abort() noexcept override {
        leave_all();
        wake(*this);
    }

    const char* what_;
    std::span<channel_place* const> places_;
    const channel_place* served_ = nullptr;
};

inline void channel_place::serve() noexcept {
    party_->served_ = this;
    party_->leave_all();
    wake(*party_);
}

/// The party that waits at one place.
template <class Place>
class channel_wait : public channel_party {
public:
    template <class... Args>
    explicit channel_wait(const char* what, Args&&... args)
        : channel_party(what), place_(std::forward<Args>(args)...) {}

    bool await_ready() {
        throw_if_canceled();
        return !place_.steps_aside() && place_.try_now();
    }
    bool await_suspend(std::coroutine_handle<> h) {
        if (!place_.steps_aside() || !place_.try_now()) {
            only_[0] = &place_;
            join_all(h, only_);
            return true;
        }
        if (place_.met == nullptr)
            return false;
        park_ready(h);
        loop::current().run_first(*place_.met);
        return true;
    }

protected:
    void finish() const {
        if (this->served() == &place_)
            place_.check_served();
        else
            throw_if_aborted();
    }

    Place place_;

private:
    std::array<channel_place*, 1> only_{};
};

}  // namespace ringlet
