#pragma once
// What stories about streams have in common: bytes that tell where they belong, readers and writers, and
// a sweep that kills one of them at every turn of the kernel.

#include "machine.hpp"

#include <ringlet/core/result.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/stream.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace story {

using ringlet::as_result;
using ringlet::canceled;
using ringlet::greenlet;
using ringlet::spawn;
using ringlet::task;
using ringlet::yield;
using ringlet::io::bytes_of;

/// Bytes that tell where they belong: a lost, doubled or displaced one shows.
inline std::string numbered_bytes(std::size_t count, std::size_t from = 0) {
    std::string text(count, '\0');
    for (std::size_t i = 0; i < count; ++i)
        text[i] = static_cast<char>(((from + i) * 2654435761U) >> 24);
    return text;
}

inline std::span<std::byte> room_in(std::string& text) { return std::as_writable_bytes(std::span(text)); }

/// Sizes of pieces, over and over. (Not a braced vector, which g++ 12 cannot compile in a co_await.)
class sizes {
public:
    template <class... Size>
    explicit sizes(Size... each) : all_{static_cast<std::size_t>(each)...} {}
    std::size_t operator[](std::size_t i) const { return all_[i % all_.size()]; }
    std::size_t most() const { return *std::max_element(all_.begin(), all_.end()); }

private:
    std::vector<std::size_t> all_;
};

/// Reads to the end, in pieces of the given sizes, over and over. What was read is in `got` at once, so
/// that it counts also when the reader is killed.
template <class S>
task<> read_to_end(S& s, std::string& got, sizes pieces = sizes(16 * 1024)) {
    std::string buffer(pieces.most(), '\0');
    for (std::size_t i = 0;; ++i) {
        const std::size_t count = co_await s.read(room_in(buffer).first(pieces[i]));
        if (count == 0)
            co_return;
        got.append(buffer, 0, count);
    }
}

/// Writes `text` in pieces of the given sizes, then shuts down.
template <class S>
task<> write_and_finish(S& s, const std::string& text, sizes pieces) {
    std::string_view rest = text;
    for (std::size_t i = 0; !rest.empty(); ++i) {
        const std::string_view piece = rest.substr(0, pieces[i]);
        co_await s.write_all(bytes_of(piece));
        rest.remove_prefix(piece.size());
    }
    co_await s.shutdown();
}

template <class S>
task<> write_text(S& s, std::string text) {
    co_await s.write_all(bytes_of(text));
}

template <class S>
task<std::string> read_some(S& s, std::size_t most = 1024) {
    std::string buffer(most, '\0');
    buffer.resize(co_await s.read(room_in(buffer)));
    co_return buffer;
}

template <class S>
task<std::string> read_count(S& s, std::size_t count) {
    std::string buffer(count, '\0');
    co_await ringlet::io::read_exact(s, room_in(buffer));
    co_return buffer;
}

inline task<> laps(int count) {
    for (int i = 0; i < count; ++i)
        co_await yield();
}

/// Runs `story(strike)` again and again. It names a victim by `strike(greenlet)`, who is killed in the
/// n-th turn of the kernel from then on: before what was pushed is submitted, or after what completed was
/// delivered. Ends when the story does without having been struck. Gives how many blows there were.
template <class Story>
std::size_t kill_at_every_turn(Story story) {
    std::size_t blows = 0;
    for (std::size_t turn = 1; turn < 2'000; ++turn) {
        bool struck = false;
        for (const bool before : {true, false}) {
            SCOPED_TRACE("killed at turn " + std::to_string(turn) + (before ? " before" : " after") + " the kernel");
            on_this_machine([&](watched_kernel& kernel) -> task<> {
                std::size_t turns = 0;
                const auto strike = [&](greenlet<> victim) {
                    const auto blow = [&, victim] {
                        if (++turns != turn || victim.ready())
                            return false;
                        victim.kill();
                        return struck = true;
                    };
                    if (before)
                        kernel.before_turn = blow;
                    else
                        kernel.after_turn = blow;
                };
                co_await story(strike);
                kernel.before_turn = nullptr;
                kernel.after_turn = nullptr;
            });
            blows += struck;
        }
        if (!struck || testing::Test::HasFailure())
            return blows;
    }
    ADD_FAILURE() << "the story never comes to its end";
    return blows;
}

}  // namespace story
