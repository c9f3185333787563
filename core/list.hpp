#pragma once
// An intrusive, circular, doubly linked list: FIFO order, O(1) removal from the middle, no
// allocation. A hook that is in no list points at itself, so leaving twice is harmless and a waiter
// can leave a queue without knowing which one it is in.

#include <ringlet/core/check.hpp>

namespace ringlet {

class hook {
public:
    hook() = default;
    hook(const hook&) = delete;
    hook& operator=(const hook&) = delete;
    ~hook() { check(!linked(), "an object was destroyed while it was in a list"); }

    bool linked() const noexcept { return next_ != this; }

    void unlink() noexcept {
        prev_->next_ = next_;
        next_->prev_ = prev_;
        prev_ = next_ = this;
    }

private:
    template <class T>
    friend class list;

    hook* prev_ = this;
    hook* next_ = this;
};

/// A FIFO of objects derived from hook. Owns nothing.
template <class T>
class list {
public:
    bool empty() const noexcept { return !head_.linked(); }

    void push_back(T& item) noexcept { insert_before(head_, item); }
    void push_front(T& item) noexcept { insert_before(*head_.next_, item); }

    T& front() noexcept { return *static_cast<T*>(head_.next_); }

    T& pop_front() noexcept {
        hook* first = head_.next_;
        first->unlink();
        return *static_cast<T*>(first);
    }

    /// Appends everything in `other`, which is empty afterwards.
    void splice_back(list& other) noexcept {
        if (other.empty())
            return;
        hook* first = other.head_.next_;
        hook* last = other.head_.prev_;
        other.head_.prev_ = other.head_.next_ = &other.head_;
        first->prev_ = head_.prev_;
        last->next_ = &head_;
        head_.prev_->next_ = first;
        head_.prev_ = last;
    }

    /// Calls `fn(item)` for each; `fn` may take out the item that it is given, and change nothing else.
    template <class Fn>
    void for_each(Fn fn) const {
        for (hook *at = head_.next_, *next; at != &head_; at = next) {
            next = at->next_;
            fn(*static_cast<T*>(at));
        }
    }

private:
    static void insert_before(hook& place, hook& item) noexcept {
        check(!item.linked(), "an object can be in one list at a time");
        item.prev_ = place.prev_;
        item.next_ = &place;
        place.prev_->next_ = &item;
        place.prev_ = &item;
    }

    hook head_;
};

}  // namespace ringlet
