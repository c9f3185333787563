#pragma once
// Seeing what a program does: who lives, what each waits for, and where it stands. A coroutine's stack
// is the chain of its co_awaits, each with file and line; a fiber's is where it called await, and its
// return addresses. Greenlets stand under those who spawned them.

#include <ringlet/core/loop.hpp>

#include <csignal>
#include <cstddef>
#include <iosfwd>
#include <string>

namespace ringlet {

class dump_options {
public:
    dump_options() = default;
    /// How many greenlets are described; of the rest only the number is told.
    dump_options& limit(std::size_t greenlets) & {
        limit_ = greenlets;
        return *this;
    }
    dump_options&& limit(std::size_t greenlets) && { return std::move(limit(greenlets)); }
    /// How many return addresses of each fiber.
    dump_options& addresses(std::size_t count) & {
        addresses_ = count;
        return *this;
    }
    dump_options&& addresses(std::size_t count) && { return std::move(addresses(count)); }
    /// Whether to tell how old each is.
    dump_options& ages(bool yes) & {
        ages_ = yes;
        return *this;
    }
    dump_options&& ages(bool yes) && { return std::move(ages(yes)); }

    std::size_t limit() const noexcept { return limit_; }
    std::size_t addresses() const noexcept { return addresses_; }
    bool ages() const noexcept { return ages_; }

private:
    std::size_t limit_ = SIZE_MAX;
    std::size_t addresses_ = 12;
    bool ages_ = true;
};

/// Describes every greenlet of the loop of this thread.
void dump(std::ostream& out, const dump_options& options = dump_options());

/// The same as text.
std::string dump_text(loop& l, const dump_options& options = dump_options());

/// From now on, until the end of this loop, the signal makes it report a dump of itself: at its next
/// turn, so not while one greenlet holds it (see watchdog.hpp). Each loop that asks reports its own.
void dump_on_signal(int number = SIGUSR1);

}  // namespace ringlet
