#include "machine.hpp"

#include <ringlet/core/watchdog.hpp>

#include <dirent.h>
#include <unistd.h>

#include <filesystem>

namespace story {

std::size_t open_fds() {
    std::size_t count = 0;
    DIR* folder = opendir("/proc/self/fd");
    while (readdir(folder) != nullptr)
        ++count;
    closedir(folder);
    return count - 3;  // ".", ".." and the folder itself
}

ringlet::task<> until_nothing_is_in_flight() {
    ringlet::loop& l = ringlet::loop::current();
    for (int i = 0; i < 5'000 && l.in_flight() > 0; ++i)
        co_await ringlet::sleep_for(std::chrono::milliseconds(i < 100 ? 0 : 1));
    EXPECT_EQ(l.in_flight(), 0u) << "requests were left in flight";
    co_await ringlet::yield();
}

void on_this_machine(scene<> what) {
    on_this_machine([&](watched_kernel&) -> ringlet::task<> {
        co_await what.play([](auto fn) { return ringlet::spawn(fn).get(); });
    });
}

void on_this_machine(scene<watched_kernel&> what) {
    ringlet::set_watchdog(ringlet::duration::zero());  // it opens files while descriptors are counted
    const std::size_t before = open_fds();
    {
        auto k = std::make_unique<watched_kernel>();
        watched_kernel& kernel = *k;
        ringlet::run(std::move(k), [&]() -> ringlet::task<> {
            const std::size_t with_ring = open_fds();
            co_await what.play([](auto fn) { return ringlet::spawn(fn).get(); }, kernel);
            kernel.forget_hooks();  // they refer to what was the story's
            co_await until_nothing_is_in_flight();
            EXPECT_EQ(open_fds(), with_ring) << "descriptors were leaked";
        });
    }
    EXPECT_EQ(open_fds(), before) << "the loop leaked descriptors";
}

temporary_folder::temporary_folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ringlet-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
        throw std::system_error(errno, std::system_category(), "mkdtemp " + pattern);
    path_ = pattern;
}

temporary_folder::~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace story
