#include "story.hpp"

namespace story {

void in_virtual_time(scene<> what) {
    what.play([](auto fn) { ringlet::run(ringlet::io::make_virtual_time(), fn); });
}

ringlet::task<> settle(int laps) {
    for (int i = 0; i < laps; ++i)
        co_await ringlet::yield();
}

}  // namespace story
