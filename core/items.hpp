#pragma once
// In which order a queue gives out what was put into it: first in first out, last in first out, or the
// smallest first. Queues take one of these as a parameter.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

namespace ringlet {

template <class T>
class fifo_items {
public:
    std::size_t size() const noexcept { return items_.size(); }
    bool empty() const noexcept { return items_.empty(); }
    void put(T item) { items_.push_back(std::move(item)); }
    const T& first() const noexcept { return items_.front(); }
    T take() {
        T item = std::move(items_.front());
        items_.pop_front();
        return item;
    }

private:
    std::deque<T> items_;
};

template <class T>
class lifo_items {
public:
    std::size_t size() const noexcept { return items_.size(); }
    bool empty() const noexcept { return items_.empty(); }
    void put(T item) { items_.push_back(std::move(item)); }
    const T& first() const noexcept { return items_.back(); }
    T take() {
        T item = std::move(items_.back());
        items_.pop_back();
        return item;
    }

private:
    std::vector<T> items_;
};

/// Items of which neither is less come out in the order in which they were put in.
template <class T, class Less = std::less<T>>
class priority_items {
public:
    explicit priority_items(Less less = Less()) : less_(std::move(less)) {}

    std::size_t size() const noexcept { return heap_.size(); }
    bool empty() const noexcept { return heap_.empty(); }
    void put(T item) {
        entry fresh{std::move(item), next_};
        std::size_t place = heap_.size();
        while (place > 0 && after()(heap_[parent(place)], fresh))
            place = parent(place);
        // Only now, since the comparison may throw: then nothing has been put.
        heap_.push_back(std::move(fresh));
        ++next_;
        for (std::size_t at = heap_.size() - 1; at > place; at = parent(at))
            std::swap(heap_[at], heap_[parent(at)]);
    }
    const T& first() const noexcept { return heap_.front().item; }
    T take() {
        // As in put(): what may throw comes before anything is moved.
        std::size_t place = place_for_last();
        T item = std::move(heap_.front().item);
        for (; heap_.size() > 1; place = parent(place)) {
            std::swap(heap_.back(), heap_[place]);
            if (place == 0)
                break;
        }
        heap_.pop_back();
        return item;
    }

private:
    struct entry {
        T item;
        std::uint64_t order;
    };

    static std::size_t parent(std::size_t of) noexcept { return (of - 1) / 2; }

    /// Where the last one belongs when the first is gone, and those above it have moved up.
    std::size_t place_for_last() const {
        const std::size_t last = heap_.size() - 1;
        std::size_t place = 0;
        for (std::size_t child = 1; child < last; child = 2 * place + 1) {
            if (child + 1 < last && after()(heap_[child], heap_[child + 1]))
                ++child;
            if (!after()(heap_[last], heap_[child]))
                break;
            place = child;
        }
        return place;
    }

    auto after() const {
        return [this](const entry& a, const entry& b) {
            if (less_(b.item, a.item))
                return true;
            return !less_(a.item, b.item) && b.order < a.order;
        };
    }

    std::vector<entry> heap_;
    std::uint64_t next_ = 0;
    Less less_;
};

}  // namespace ringlet
