// Partial refusals: a kernel that lacks one thing or another, under a server and a client that must not
// notice, and a word with each kernel that was asked for by name.

#include <ringlet/core/run.hpp>
#include <ringlet/io/readiness.hpp>
#include <ringlet/io/uring.hpp>
#include <ringlet/net/tcp.hpp>

#include <gmock/gmock.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <system_error>

namespace io_refusals_test {

using namespace ringlet;

/// Passes on what is not refused.
class refusing_kernel final : public kernel {
public:
    using predicate = std::function<bool(const io_uring_sqe&)>;

    refusing_kernel(std::unique_ptr<kernel> real, predicate refused, bool has_buffers, int& refusals)
        : real_(std::move(real)), refused_(std::move(refused)), has_buffers_(has_buffers), refusals_(refusals) {}

    time_point now() noexcept override { return real_->now(); }
    void turn(time_point until) override {
        std::vector<io_uring_sqe> taken;
        taken.swap(submissions_);
        for (const io_uring_sqe& sqe : taken) {
            if (!refused_(sqe)) {
                real_->push(sqe);
                continue;
            }
            ++refusals_;
            until = time_point::min();
            io_uring_cqe cqe{};
            cqe.user_data = sqe.user_data;
            cqe.res = -EINVAL;
            completion::deliver(cqe);
        }
        real_->turn(until);
    }
    void wake() noexcept override { real_->wake(); }
    io_uring_buf_ring* provide_buffers(std::uint16_t group, unsigned entries) override {
        return has_buffers_ ? real_->provide_buffers(group, entries) : nullptr;
    }
    bool supports(unsigned opcode) const noexcept override { return real_->supports(opcode); }
    int perform(const io_uring_sqe& sqe) noexcept override { return real_->perform(sqe); }

private:
    std::unique_ptr<kernel> real_;
    predicate refused_;
    bool has_buffers_;
    int& refusals_;
};

bool nothing(const io_uring_sqe&) { return false; }
bool multishot_receive(const io_uring_sqe& sqe) {
    return sqe.opcode == IORING_OP_RECV && (sqe.ioprio & IORING_RECV_MULTISHOT) != 0;
}
bool multishot_accept(const io_uring_sqe& sqe) {
    return sqe.opcode == IORING_OP_ACCEPT && (sqe.ioprio & IORING_ACCEPT_MULTISHOT) != 0;
}
bool both(const io_uring_sqe& sqe) { return multishot_receive(sqe) || multishot_accept(sqe); }

task<> echo(net::tcp_stream peer) {
    std::array<std::byte, 1000> buffer;
    for (;;) {
        const std::size_t got = co_await peer.read(buffer);
        if (got == 0)
            co_return;
        co_await peer.write_all(std::span(buffer).first(got));
    }
}

task<std::string> talk(net::address server) {
    auto stream = co_await net::tcp_stream::connect(server);
    std::string answers;
    for (int i = 0; i < 50; ++i) {
        const std::string text = std::to_string(i) + " " + std::string(static_cast<std::size_t>(i) * 100, 'x') + ";";
        co_await stream.write_all(std::as_bytes(std::span(text)));
        std::array<std::byte, 10'000> buffer;
        for (std::size_t left = text.size(); left > 0;) {
            const std::size_t got = co_await stream.read(std::span(buffer).first(left));
            answers.append(reinterpret_cast<const char*>(buffer.data()), got);
            left -= got;
        }
    }
    co_return answers;
}

std::string conversation() {
    std::string expected;
    for (int i = 0; i < 50; ++i)
        expected += std::to_string(i) + " " + std::string(static_cast<std::size_t>(i) * 100, 'x') + ";";
    return expected;
}

/// Two clients of one echo server; gives how many requests were refused.
int converse(std::unique_ptr<kernel> real, refusing_kernel::predicate refused, bool has_buffers) {
    int refusals = 0;
    const auto serve = [](net::tcp_listener& listener) -> task<> {
        for (;;)
            spawn(echo, co_await listener.accept());
    };
    const auto story = [&]() -> task<> {
        auto listener = net::listen(net::address::loopback(0));
        auto server = spawn([&]() -> task<> { return serve(listener); });
        auto first = spawn(talk, listener.local_address());
        auto second = spawn(talk, listener.local_address());
        EXPECT_EQ(co_await first.get(), conversation());
        EXPECT_EQ(co_await second.get(), conversation());
        server.kill();
        co_await server.join();
    };
    run(std::make_unique<refusing_kernel>(std::move(real), std::move(refused), has_buffers, refusals), story);
    return refusals;
}

class partial_refusal : public testing::TestWithParam<std::string> {
protected:
    std::unique_ptr<kernel> real() {
        if (GetParam() == "readiness")
            return io::make_readiness();
        try {
            return io::make_uring();
        } catch (const std::system_error&) {
            return nullptr;
        }
    }
    void SetUp() override {
        if (real() == nullptr)
            GTEST_SKIP() << "this machine refuses io_uring";
    }
};
std::string name_of(const testing::TestParamInfo<std::string>& info) { return info.param; }
INSTANTIATE_TEST_SUITE_P(on, partial_refusal, testing::Values("uring", "readiness"), name_of);

TEST_P(partial_refusal, nothing_is_missing) { EXPECT_EQ(converse(real(), nothing, true), 0); }
TEST_P(partial_refusal, without_buffer_rings) { EXPECT_EQ(converse(real(), nothing, false), 0); }
// Four sockets, each of which asks once and remembers.
TEST_P(partial_refusal, without_multishot_receive) { EXPECT_EQ(converse(real(), multishot_receive, true), 4); }
TEST_P(partial_refusal, without_multishot_accept) { EXPECT_EQ(converse(real(), multishot_accept, true), 1); }
TEST_P(partial_refusal, without_either) { EXPECT_EQ(converse(real(), both, false), 1); }

TEST(choice_of_kernel, a_name_that_is_none_is_an_error) {
    const char* before = std::getenv("RINGLET_KERNEL");
    const std::string kept = before != nullptr ? before : "";
    setenv("RINGLET_KERNEL", "kqueue", 1);
    EXPECT_THROW(make_kernel(), std::invalid_argument);
    setenv("RINGLET_KERNEL", "readiness", 1);
    EXPECT_TRUE(make_kernel()->supports(IORING_OP_SPLICE));
    if (before != nullptr)
        setenv("RINGLET_KERNEL", kept.c_str(), 1);
    else
        unsetenv("RINGLET_KERNEL");
}

TEST(choice_of_kernel, there_is_always_one) { EXPECT_NE(make_kernel(), nullptr); }

}  // namespace io_refusals_test
