#include "counted.hpp"

#include <mutex>
#include <set>

namespace story {
namespace {

struct living {
    std::mutex mutex;
    std::set<const counted*> all;
};

living& list() {
    static living one;
    return one;
}

}  // namespace

counted::~counted() {
    const std::lock_guard lock(list().mutex);
    EXPECT_EQ(list().all.erase(this), 1u) << "destroyed twice, or never constructed";
}

std::size_t counted::alive() {
    const std::lock_guard lock(list().mutex);
    return list().all.size();
}

void counted::born() {
    const std::lock_guard lock(list().mutex);
    EXPECT_TRUE(list().all.insert(this).second) << "constructed over a living object";
}

}  // namespace story
