// any_stream, which hides what kind of stream it is: what its operations do when the stream behind it cannot
// begin one. That it reads and writes as the others do is told by the stories of each kind of stream.

#include "support/story.hpp"

#include <ringlet/io/memory_stream.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace io_stream_test {

using namespace ringlet;
using io::any_stream;
using io::bytes_of;
using io::memory_stream;
using story::in_virtual_time;

/// One whose first read and first write cannot begin, as when there is no memory for them.
class hesitant {
public:
    explicit hesitant(memory_stream behind) : behind_(std::move(behind)) {}
    auto read(std::span<std::byte> into) {
        hesitate(reads_);
        return behind_.read(into);
    }
    auto write_all(std::span<const std::byte> from) {
        hesitate(writes_);
        return behind_.write_all(from);
    }
    auto shutdown() { return behind_.shutdown(); }
    void close() noexcept { behind_.close(); }
    std::string name() const { return behind_.name(); }

private:
    static void hesitate(bool& yet) {
        if (!std::exchange(yet, true))
            throw std::runtime_error("not yet");
    }

    memory_stream behind_;
    bool reads_ = false;
    bool writes_ = false;
};

/// What the await of it throws.
template <class Operation>
task<std::string> refusal(Operation& operation) {
    try {
        co_await operation;
    } catch (const std::runtime_error& e) {
        co_return e.what();
    }
    co_return "nothing";
}

TEST(any_stream, an_operation_that_could_not_begin_can_be_awaited_again) {
    in_virtual_time([]() -> task<> {
        auto ends = io::duplex();
        any_stream hidden(hesitant(std::move(ends.second)));
        auto writing = hidden.write_all(bytes_of("there"));
        EXPECT_EQ(co_await refusal(writing), "not yet");
        co_await writing;

        std::string text(5, ' ');
        const auto room = std::as_writable_bytes(std::span(text));
        EXPECT_EQ(co_await ends.first.read(room), 5u);
        EXPECT_EQ(text, "there");

        co_await ends.first.write_all(bytes_of("back"));
        auto reading = hidden.read(room);
        EXPECT_EQ(co_await refusal(reading), "not yet");
        auto moved = std::move(reading);  // it is not under way
        EXPECT_EQ(co_await moved, 4u);
        EXPECT_EQ(text, "backe");
    });
}

TEST(any_stream, awaiting_an_operation_twice_ends_the_process) {
    EXPECT_DEATH(in_virtual_time([]() -> task<> {
                     auto ends = io::duplex();
                     any_stream hidden(std::move(ends.second));
                     auto writing = hidden.write_all(bytes_of("there"));
                     co_await writing;
                     co_await writing;
                 }),
                 "an operation of a stream is awaited once");
}

}  // namespace io_stream_test
