// The resolver's second backend: libc on a helper thread. What libc would say is written here, so that
// no name server is needed.
#include <ringlet/net/name_query_private.hpp>
#include <ringlet/net/resolve.hpp>

#include "support/machine.hpp"

#include <ringlet/core/event.hpp>
#include <ringlet/core/greenlet.hpp>
#include <ringlet/net/resolve_error.hpp>

#include <gtest/gtest.h>

#include <arpa/inet.h>

#include <cstring>
#include <optional>
#include <semaphore>
#include <thread>

namespace net_getaddrinfo_test {

using namespace story;
using namespace ringlet;

std::binary_semaphore may_answer(0);
std::thread::id asked_on;

/// An addrinfo as freeaddrinfo(3) takes it back: made by the real one.
int libc_says(const char* name, const char*, const addrinfo* hints, addrinfo** list) {
    asked_on = std::this_thread::get_id();
    const std::string_view host(name);
    if (host == "slow.test")
        may_answer.acquire();
    if (host == "missing.test")
        return EAI_NONAME;
    if (host == "broken.test") {
        errno = EMFILE;
        return EAI_SYSTEM;
    }
    if (host == "later.test")
        return EAI_AGAIN;
    addrinfo numeric = *hints;
    numeric.ai_flags = AI_NUMERICHOST;
    return getaddrinfo("192.0.2.7", nullptr, &numeric, list);
}

struct asker final : net::detail::name_asker {
    std::optional<net::detail::name_answer> got;
    std::unique_ptr<net::detail::name_query> query;
    event told;
    void ask(const std::string& name) { query = net::detail::ask_getaddrinfo(name, AF_UNSPEC, *this, &libc_says); }
    void answered(net::detail::name_answer answer) noexcept override {
        query.reset();
        got = std::move(answer);
        told.set();
    }
};

TEST(getaddrinfo, is_asked_on_another_thread) {
    on_this_machine([]() -> task<> {
        asker a;
        a.ask("found.test");
        EXPECT_FALSE(a.got);
        co_await a.told.wait();
        EXPECT_EQ(a.got->addresses, std::vector<net::address>(1, net::address::ip("192.0.2.7", 0)));
        EXPECT_NE(asked_on, std::this_thread::get_id());
    });
}

TEST(getaddrinfo, has_its_errors_translated) {
    on_this_machine([]() -> task<> {
        const auto error_for = [](std::string name) -> task<std::error_code> {
            asker a;
            a.ask(name);
            co_await a.told.wait();
            co_return a.got->error;
        };
        EXPECT_EQ(co_await error_for("missing.test"), net::resolve_errc::not_found);
        EXPECT_EQ(co_await error_for("later.test"), net::resolve_errc::server_failed);
        EXPECT_EQ(co_await error_for("broken.test"), std::errc::too_many_files_open);
    });
}

TEST(getaddrinfo, holds_nobody_up_and_may_be_left) {
    on_this_machine([]() -> task<> {
        asker patient;
        patient.ask("slow.test");
        {
            asker gone;
            gone.ask("slow.test");
            co_await yield();
        }
        for (int i = 0; i < 10; ++i)
            co_await yield();
        EXPECT_FALSE(patient.got) << "and the loop goes on";
        may_answer.release();
        may_answer.release();
        co_await patient.told.wait();
        EXPECT_TRUE(patient.got->addresses.size() == 1);
    });
}

TEST(getaddrinfo, is_not_asked_for_what_is_known) {
    on_this_machine([]() -> task<> {
        net::resolver::current().configure(net::resolver_options().backend(net::resolver_backend::getaddrinfo));
        EXPECT_EQ(co_await net::resolve("192.0.2.1", 80),
                  std::vector<net::address>(1, net::address::ip("192.0.2.1", 80)));
        EXPECT_EQ((co_await net::resolve("localhost", 80)).empty(), false);
    });
}

}  // namespace net_getaddrinfo_test
