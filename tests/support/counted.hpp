#pragma once
// A value that counts: each construction must meet one destruction, of the same object. It finds what
// is destroyed twice or never, by us or by the compiler (g++ 12 has a habit of destroying temporaries
// in a co_await operand twice). Some are born on other threads, so the list of the living has a lock.

#include <gtest/gtest.h>

#include <cstddef>
#include <utility>

namespace story {

class counted {
public:
    explicit counted(int v = 0) : value(v) { born(); }
    counted(const counted& other) : value(other.value) { born(); }
    counted(counted&& other) noexcept : value(std::exchange(other.value, -1)) { born(); }
    counted& operator=(const counted&) = default;
    counted& operator=(counted&& other) noexcept {
        value = std::exchange(other.value, -1);
        return *this;
    }
    ~counted();

    static std::size_t alive();

    int value;

private:
    void born();
};

/// Everything counted that was born in a test dies in it.
class counting : public testing::Test {
protected:
    void TearDown() override { EXPECT_EQ(counted::alive(), 0u); }
};

}  // namespace story
