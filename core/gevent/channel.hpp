#pragma once
// gevent.queue.Channel: an item goes from a putter to a getter when both are there, and both wait for
// that. A handle: copies name the same channel.

#include <ringlet/core/gevent/queue.hpp>

namespace ringlet::gevent {

template <class T>
class Channel {
    using item = std::optional<T>;  // empty: StopIteration

public:
    using value_type = T;

    Channel() : state_(std::make_shared<state>()) {}

    /// How many more wait to put than to get.
    std::ptrdiff_t balance() const noexcept { return state_->balance(); }
    std::size_t qsize() const noexcept { return 0; }
    bool empty() const noexcept { return true; }
    bool full() const noexcept { return true; }

    /// Waits for a getter. Throws Full when `timeout` came first; if not to `block`, when none is there.
    void put(T value, bool block = true, interval timeout = None) const {
        keep()->put(item(std::move(value)), block ? timeout : interval(0));
    }
    void put(stop_iteration_tag) const { keep()->put(item(), None); }
    void put_nowait(T value) const { put(std::move(value), false); }

    /// Waits for a putter. Throws Empty in the same cases.
    T get() const { return get(true); }
    T get(std::same_as<bool> auto block, interval timeout = None) const {
        item got = keep()->get(block ? timeout : interval(0));
        if (!got)
            throw stop_iteration();
        return std::move(*got);
    }
    T get(interval timeout) const { return get(true, timeout); }
    T get_nowait() const { return get(false); }

    std::optional<T> next() const { return keep()->get(None); }
    drain_iterator<Channel> begin() const { return drain_iterator<Channel>(*this); }
    std::default_sentinel_t end() const noexcept { return {}; }

    /// As the target of a link.
    void operator()(T value) const { put(std::move(value)); }

    friend bool operator==(const Channel&, const Channel&) = default;

private:
    struct putter : place_in_line {
        putter(list<place_in_line>& line, item v) noexcept
            : place_in_line("a getter at a Channel", line), value(std::move(v)) {}
        item value;
    };
    struct getter : place_in_line {
        explicit getter(list<place_in_line>& line) noexcept : place_in_line("a putter at a Channel", line) {}
        putter* from = nullptr;  // where its item is, when it is called up
    };

    struct state {
        void put(item value, interval timeout) {
            putter place(putters, std::move(value));
            if (!getters.empty())
                call_up();
            if (!place.wait(timeout))
                throw Full("nobody gets from the channel");
        }
        item get(interval timeout) {
            getter place(getters);
            if (!putters.empty())
                call_up();
            if (!place.wait(timeout))
                throw Empty();
            return std::move(place.from->value);
        }
        void call_up() {
            if (calling.running())
                return;
            calling = call_them_up();
            calling.start();
        }
        hub_task call_them_up() {
            while (!putters.empty() && !getters.empty()) {
                auto& from = static_cast<putter&>(putters.front());
                auto& to = static_cast<getter&>(getters.front());
                to.from = &from;
                // Out of the line, so that nothing can end its wait before it hears of it.
                list<place_in_line> served;
                from.unlink();
                served.push_back(from);
                co_await hub_task::hand_over(to);
                if (!served.empty())
                    co_await hub_task::hand_over(from);
            }
        }

        /// Those who were called up do not wait any more, although they may not have run yet.
        std::ptrdiff_t balance() const noexcept {
            std::ptrdiff_t n = 0;
            putters.for_each([&](const auto&) { ++n; });
            getters.for_each([&](const auto&) { --n; });
            return n;
        }

        list<place_in_line> getters;
        list<place_in_line> putters;
        hub_task calling;
    };

    std::shared_ptr<state> keep() const {
        hub();
        return state_;
    }

    std::shared_ptr<state> state_;
};

}  // namespace ringlet::gevent
