#pragma once
// What stories about the resolver have in common: a name server of our own on loopback, and what it is asked for.

#include "machine.hpp"
#include "net/fake_dns.hpp"

#include <ringlet/core/sleep.hpp>
#include <ringlet/core/task.hpp>
#include <ringlet/net/resolve.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace story::names {

using namespace ringlet;
using test::fake_dns;
using test::run_with_dns;
using test::zone;

using addresses = std::vector<net::address>;

inline net::address ip(std::string_view host, std::uint16_t port = 80) { return net::address::ip(host, port); }

/// g++ 12 takes no braces beside co_await.
inline addresses just(std::string_view host) { return addresses(1, ip(host)); }

/// What the resolver says of a name it cannot resolve.
inline task<std::string> failure_of(std::string host, net::resolve_options options = {}) {
    try {
        const addresses found = co_await net::resolve(host, 80, options);
        co_return "resolved to " + found.at(0).to_string();
    } catch (const net::resolve_error& e) {
        co_return e.what();
    }
}

inline net::resolve_options only(int family) { return net::resolve_options().family(family); }

/// Gives the loop time to reap what was cancelled.
inline task<> until_idle(std::size_t in_flight) {
    for (int i = 0; i < 1000 && loop::current().in_flight() > in_flight; ++i)
        co_await sleep_for(100us);
    EXPECT_EQ(loop::current().in_flight(), in_flight);
}

}  // namespace story::names
