// gevent.local: the behaviours of test__local that do not concern Python's attributes.

#include "support/gevent_world.hpp"

namespace gevent_local_test {

using namespace ringlet::gevent;
namespace gevent = ringlet::gevent;
using story::counted;

class local_face : public story::gevent_program {
protected:
    struct data {
        counted sentinel{42};
        std::string name;
    };
};

TEST_F(local_face, every_greenlet_sees_its_own) {
    gevent::local<data> mine;
    mine->name = "main";
    std::vector<Greenlet<>> all;
    for (int i = 0; i < 5; ++i)
        all.push_back(gevent::spawn([&, i] {
            EXPECT_EQ(mine->name, "");
            EXPECT_EQ(mine->sentinel.value, 42);
            mine->name = std::to_string(i);
            gevent::sleep(0.1);
            EXPECT_EQ(mine->name, std::to_string(i));
        }));
    gevent::sleep(0);
    EXPECT_EQ(counted::alive(), 6u);
    gevent::joinall(all, None, true);
    EXPECT_EQ(counted::alive(), 1u) << "although the greenlets are still referenced";
    EXPECT_EQ(mine->name, "main");
}

TEST_F(local_face, what_nobody_can_reach_is_freed_although_the_greenlet_runs) {
    const auto g = gevent::spawn([] {
        for (int i = 0; i < 1000; ++i) {
            gevent::local<data> x;
            EXPECT_EQ(x->sentinel.value, 42);
        }
        EXPECT_EQ(counted::alive(), 0u);
    });
    g.get();
}

TEST_F(local_face, a_killed_greenlet_frees_its_own_too) {
    gevent::local<data> mine;
    const auto g = gevent::spawn([&] {
        mine->name = "x";
        gevent::sleep(10);
    });
    gevent::sleep(0);
    EXPECT_EQ(counted::alive(), 1u);
    g.kill();
    EXPECT_EQ(counted::alive(), 0u);
}

}  // namespace gevent_local_test
