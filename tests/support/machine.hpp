#pragma once
// Stories that happen on this machine's kernel: sockets on loopback, files in a temporary folder. They
// must leave nothing behind: no descriptor, no request in flight.

#include "watched_kernel.hpp"

#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/task.hpp>
#include <ringlet/core/watchdog.hpp>

#include <dirent.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace story {

/// How many descriptors this process has open.
inline std::size_t open_fds() {
    std::size_t count = 0;
    DIR* folder = opendir("/proc/self/fd");
    while (readdir(folder) != nullptr)
        ++count;
    closedir(folder);
    return count - 3;  // ".", ".." and the folder itself
}

/// Until the kernel has finished with every request; the lap after is for whoever waited for that.
inline ringlet::task<> until_nothing_is_in_flight() {
    ringlet::loop& l = ringlet::loop::current();
    for (int i = 0; i < 5'000 && l.in_flight() > 0; ++i)
        co_await ringlet::sleep_for(std::chrono::milliseconds(i < 100 ? 0 : 1));
    EXPECT_EQ(l.in_flight(), 0u) << "requests were left in flight";
    co_await ringlet::yield();
}

/// Runs `story` (with or without the kernel as its argument) as a coroutine or on a fiber, and checks
/// that afterwards it is as if nothing had been.
template <class Story>
void on_this_machine(Story story) {
    ringlet::set_watchdog(ringlet::duration::zero());  // it opens files while descriptors are counted
    const std::size_t before = open_fds();
    {
        auto k = std::make_unique<watched_kernel>();
        watched_kernel& kernel = *k;
        ringlet::run(std::move(k), [&]() -> ringlet::task<> {
            const std::size_t with_ring = open_fds();
            if constexpr (std::is_invocable_v<Story&, watched_kernel&>)
                co_await story(kernel);
            else if constexpr (ringlet::awaitable<std::invoke_result_t<Story&>>)
                co_await story();
            else
                co_await ringlet::spawn([&] { story(); }).get();
            kernel.forget_hooks();  // they refer to what was the story's
            co_await until_nothing_is_in_flight();
            EXPECT_EQ(open_fds(), with_ring) << "descriptors were leaked";
        });
    }
    EXPECT_EQ(open_fds(), before) << "the loop leaked descriptors";
}

/// A folder that goes with everything in it.
class temporary_folder {
public:
    temporary_folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "ringlet-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr)
            throw std::system_error(errno, std::system_category(), "mkdtemp " + pattern);
        path_ = pattern;
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

/// The text of the error that `fn` throws; "" when it throws none.
template <class Fn>
std::string error_of(Fn fn) {
    try {
        fn();
    } catch (const std::exception& e) {
        return e.what();
    }
    return "";
}

/// The same for something to await.
template <class X>
ringlet::task<std::string> error_from(X x) {
    try {
        co_await std::move(x);
    } catch (const std::exception& e) {
        co_return e.what();
    }
    co_return "";
}

}  // namespace story
