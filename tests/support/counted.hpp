#pragma once
// A value that counts: each construction must meet one destruction, of the same object. It finds what
// is destroyed twice or never, by us or by the compiler (g++ 12 has a habit of destroying temporaries
// in a co_await operand twice).

#include <gtest/gtest.h>

#include <set>

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
        EXPECT_EQ(living().erase(this), 1u) << "destroyed twice, or never constructed";
    }

    static std::size_t alive() { return living().size(); }

    int value;

private:
    void born() { EXPECT_TRUE(living().insert(this).second) << "constructed over a living object"; }
    static std::set<const counted*>& living() {
        static std::set<const counted*> all;
        return all;
    }
};

/// Everything counted that was born in a test dies in it.
class counting : public testing::Test {
protected:
    void TearDown() override { EXPECT_EQ(counted::alive(), 0u); }
};

}  // namespace story
