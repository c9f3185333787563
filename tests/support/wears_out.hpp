#pragma once
// What cannot be moved any more at some point.

#include <stdexcept>

namespace story {

/// Can be moved so many times.
struct wears_out {
    explicit wears_out(int& moves) : left(&moves) {}
    wears_out(const wears_out& other) : left(other.left) {
        if ((*left)-- == 0)
            throw std::out_of_range("worn out");
    }
    int* left;
};

}  // namespace story
