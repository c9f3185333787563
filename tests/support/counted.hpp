#pragma once
// A value that counts: each construction must meet one destruction, of the same object. It finds what
// is destroyed twice or never, by us or by the compiler (g++ 12 has a habit of destroying temporaries
// in a co_await operand twice). Some are born on other threads, so the list of the living has a lock.

#include <gtest/gtest.h>

#include <mutex>
#include <set>
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
    ~counted() {
        const std::lock_guard lock(list().mutex);
        EXPECT_EQ(list().all.erase(this), 1u) << "destroyed twice, or never constructed";
    }

    static std::size_t alive() {
        const std::lock_guard lock(list().mutex);
        return list().all.size();
    }

    int value;

private:
    void born() {
        const std::lock_guard lock(list().mutex);
        EXPECT_TRUE(list().all.insert(this).second) << "constructed over a living object";
    }

    struct living {
        std::mutex mutex;
        std::set<const counted*> all;
    };
    static living& list() {
        static living one;
        return one;
    }
};

/// Everything counted that was born in a test dies in it.
class counting : public testing::Test {
protected:
    void TearDown() override { EXPECT_EQ(counted::alive(), 0u); }
};

}  // namespace story
