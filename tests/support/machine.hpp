#pragma once
// Stories that happen on this machine's kernel: sockets on loopback, files in a temporary folder. They
// must leave nothing behind: no descriptor, no request in flight.

#include "scene.hpp"
#include "watched_kernel.hpp"

#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/task.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace story {

/// How many descriptors this process has open.
std::size_t open_fds();

/// Until the kernel has finished with every request; the lap after is for whoever waited for that.
ringlet::task<> until_nothing_is_in_flight();

/// Runs a story (with or without the kernel as its argument), and checks that afterwards it is as if nothing
/// had been.
void on_this_machine(scene<> what);
void on_this_machine(scene<watched_kernel&> what);

/// A folder that goes with everything in it.
class temporary_folder {
public:
    temporary_folder();
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder();

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
