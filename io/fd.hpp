#pragma once
// A file descriptor with an owner.

#include <ringlet/io/at_once.hpp>

#include <utility>

namespace ringlet::io {

/// Closes its descriptor when it goes. Nothing may be in flight on it then: what waits on a descriptor
/// is ended by cancelling it, not by close(2).
class fd {
public:
    fd() = default;
    explicit fd(int value) noexcept : value_(value) {}
    fd(fd&& other) noexcept : value_(other.release()) {}
    fd& operator=(fd&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~fd() { reset(); }

    int get() const noexcept { return value_; }
    explicit operator bool() const noexcept { return value_ >= 0; }

    /// Gives it away; the caller closes it.
    int release() noexcept { return std::exchange(value_, -1); }

    void reset() noexcept {
        if (value_ >= 0)
            close_now(release());
    }

private:
    int value_ = -1;
};

}  // namespace ringlet::io
