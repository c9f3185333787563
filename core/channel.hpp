#pragma once
// channel<T>: a rendezvous. A value goes from a putter to a getter when both are there; both wait for
// that, first come, first served. select (select.hpp) waits at several channels.

#include <ringlet/core/channel_party.hpp>
#include <ringlet/core/queue.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace ringlet {

/// Who goes on when a putter and a getter have met: whoever came second (none), or always one of them;
/// the other goes on later. These are Stackless's preferences 0, -1 and 1.
enum class prefer : std::uint8_t { none, getter, putter };

template <class T>
class channel {
public:
    explicit channel(prefer preference = prefer::none) noexcept : preference_(preference) {}

    class put_case;
    class get_case;
    class put_awaiter;
    class get_awaiter;
    class next_awaiter;

    /// Awaitable: gives the value to a getter. Throws queue_closed.
    put_awaiter put(T value) { return put_awaiter(*this, std::move(value)); }
    /// Awaitable: a value from a putter. Throws queue_closed.
    get_awaiter get() { return get_awaiter(*this); }
    /// Awaitable: the same as a std::optional, empty when the channel is closed.
    next_awaiter next() { return next_awaiter(*this); }

    /// The same as choices for select.
    put_case on_put(T value) { return put_case(*this, std::move(value)); }
    get_case on_get() { return get_case(*this); }

    /// Putters who wait, or minus the getters who do.
    std::ptrdiff_t balance() const noexcept {
        std::ptrdiff_t n = 0;
        putters_.for_each([&](const auto&) { ++n; });
        getters_.for_each([&](const auto&) { --n; });
        return n;
    }

    prefer preference() const noexcept { return preference_; }
    void set_preference(prefer p) noexcept { preference_ = p; }

    bool closed() const noexcept { return closed_; }
    /// Who waits, and who comes, is told.
    void close() noexcept {
        closed_ = true;
        while (!putters_.empty())
            putters_.front().serve();
        while (!getters_.empty())
            getters_.front().serve();
    }

private:
    list<put_case> putters_;
    list<get_case> getters_;
    prefer preference_;
    bool closed_ = false;
};

/// A value to put. `value` was moved from if `done`; else the channel was closed.
template <class T>
class channel<T>::put_case : public channel_place {
public:
    put_case(channel& c, T v) : value(std::move(v)), channel_(c) {}

    bool try_now() override {
        if (channel_.closed_)
            throw queue_closed();
        if (channel_.getters_.empty())
            return false;
        get_case& getter = channel_.getters_.front();
        getter.value.emplace(std::move(value));
        done = true;
        met = &getter.party();
        getter.serve();
        return true;
    }
    void join() noexcept override { channel_.putters_.push_back(*this); }
    void check_served() const override {
        if (!done)
            throw queue_closed();
    }
    bool steps_aside() const noexcept override { return channel_.preference_ == prefer::getter; }

    T value;
    bool done = false;

private:
    channel& channel_;
};

/// Room for a value. None has come if the channel was closed.
template <class T>
class channel<T>::get_case : public channel_place {
public:
    explicit get_case(channel& c) : channel_(c) {}

    bool try_now() override {
        value.reset();
        met = nullptr;
        if (channel_.putters_.empty())
            return channel_.closed_;
        put_case& putter = channel_.putters_.front();
        value.emplace(std::move(putter.value));
        putter.done = true;
        met = &putter.party();
        putter.serve();
        return true;
    }
    void join() noexcept override { channel_.getters_.push_back(*this); }
    bool steps_aside() const noexcept override { return channel_.preference_ == prefer::putter; }

    std::optional<T> value;

private:
    channel& channel_;
};

template <class T>
class [[nodiscard]] channel<T>::put_awaiter : public channel_wait<put_case> {
public:
    put_awaiter(channel& c, T value) : channel_wait<put_case>("a getter at a channel", c, std::move(value)) {}
    void await_resume() { this->finish(); }
};

template <class T>
class [[nodiscard]] channel<T>::next_awaiter : public channel_wait<get_case> {
public:
    explicit next_awaiter(channel& c) : channel_wait<get_case>("a putter at a channel", c) {}
    std::optional<T> await_resume() {
        this->finish();
        return std::move(this->place_.value);
    }
};

template <class T>
class [[nodiscard]] channel<T>::get_awaiter : public next_awaiter {
public:
    using next_awaiter::next_awaiter;
    T await_resume() {
        std::optional<T> value = next_awaiter::await_resume();
        if (!value)
            throw queue_closed();
        return std::move(*value);
    }
};

}  // namespace ringlet
