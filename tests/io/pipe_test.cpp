// What pipes do beyond the contract of streams: no SIGPIPE, ends that somebody else made O_NONBLOCK.

#include "support/machine.hpp"

#include <ringlet/core/result.hpp>
#include <ringlet/io/at_once.hpp>
#include <ringlet/io/pipe.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

namespace io_pipe_test {

using namespace ringlet;
using namespace story;
using io::bytes_of;
using io::make_pipe;
using testing::HasSubstr;

std::span<std::byte> room_in(std::string& text) { return std::as_writable_bytes(std::span(text)); }

void write_where_nobody_reads(bool old_kernel) {
    ::signal(SIGPIPE, SIG_DFL);
    bool said = false;
    on_this_machine([&](watched_kernel& kernel) -> task<> {
        if (old_kernel)
            kernel.edit = [](io_uring_sqe& sqe) -> std::optional<int> {
                if (sqe.opcode == IORING_OP_WRITE && sqe.rw_flags != 0)
                    return -EOPNOTSUPP;
                return std::nullopt;
            };
        auto ends = make_pipe();
        ends.first.close();
        for (int i = 0; i < 3; ++i)
            said = co_await error_from(ends.second.write_all(bytes_of("anybody?"))) == "write to a pipe: Broken pipe";
    });
    std::exit(said && !testing::Test::HasFailure() ? 0 : 1);
}

TEST(pipe, writing_where_nobody_reads_is_an_error_and_never_a_signal) {
    EXPECT_EXIT(write_where_nobody_reads(false), testing::ExitedWithCode(0), "");
    EXPECT_EXIT(write_where_nobody_reads(true), testing::ExitedWithCode(0), "") << "on an older kernel";
}

void send_at_once_where_nobody_reads() {
    ::signal(SIGPIPE, SIG_DFL);
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        std::exit(2);
    ::close(ends[0]);
    std::string text = "anybody?";
    iovec part{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    std::exit(io::sendmsg_now(ends[1], message) == -EPIPE ? 0 : 1);
}

TEST(pipe, nor_is_sending_at_once) { EXPECT_EXIT(send_at_once_where_nobody_reads(), testing::ExitedWithCode(0), ""); }

TEST(pipe, waits_also_where_somebody_made_it_nonblocking) {
    on_this_machine([]() -> task<> {
        auto ends = make_pipe();
        for (const int fd : {ends.first.native_handle(), ends.second.native_handle()})
            EXPECT_EQ(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
        const std::string much(1'000'000, 'x');
        const auto writer = spawn([&]() -> task<> {
            co_await sleep_for(1ms);
            co_await ends.second.write_all(bytes_of(much));
            co_await ends.second.shutdown();
        });
        std::string got, buffer(50'000, '\0');
        while (const std::size_t count = co_await ends.first.read(room_in(buffer)))
            got.append(buffer, 0, count);
        co_await writer.get();
        EXPECT_TRUE(got == much);
    });
}

TEST(pipe, names_what_it_was_told) {
    on_this_machine([]() -> task<> {
        io::pipe_reader input(io::fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)), "standard input");
        std::string buffer(10, '\0');
        EXPECT_EQ(co_await input.read(room_in(buffer)), 0u);
        input.close();
        EXPECT_EQ(co_await error_from(input.read(room_in(buffer))),
                  "read from standard input: it was closed here: Operation canceled");
    });
}

TEST(pipe, invariant_7_a_request_that_waits_for_its_turn_of_the_kernel_keeps_its_descriptor) {
    on_this_machine([]() -> task<> {
        auto ends = make_pipe();
        std::string buffer(10, '\0');
        const auto reader = spawn([&] { return error_from(ends.first.read(room_in(buffer))); });
        co_await yield();  // now its request is pushed, and not submitted
        ends.first.close();
        auto somebody_else = make_pipe();  // would get the number
        EXPECT_EQ(::write(somebody_else.second.native_handle(), "private", 7), 7);
        EXPECT_THAT(co_await reader.get(), HasSubstr("it was closed here"));
        EXPECT_EQ(co_await somebody_else.first.read(room_in(buffer)), 7u);
    });
}

TEST(pipe, a_writer_whose_turn_has_not_come_is_told_of_the_close_too) {
    on_this_machine([]() -> task<> {
        auto ends = make_pipe();
        const std::string much(1'000'000, 'x');
        const auto write = [&] { return error_from(ends.second.write_all(bytes_of(much))); };
        const auto first = spawn(write);
        const auto second = spawn(write);
        co_await yield();
        ends.second.close();
        EXPECT_THAT(co_await first.get(), HasSubstr("it was closed here"));
        EXPECT_THAT(co_await second.get(), HasSubstr("it was closed here"));
        EXPECT_EQ(ends.second.native_handle(), -1);
    });
}

}  // namespace io_pipe_test
