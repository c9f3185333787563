#pragma once
// A name server for tests: on loopback, UDP and TCP on one port of the system's choice, answering from
// a table and counting what it is asked.

#include <ringlet/core/group.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/io/ops.hpp>
#include <ringlet/net/resolve.hpp>
#include <ringlet/net/tcp.hpp>

#include <arpa/nameser.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ringlet::test {

/// What the server knows of one name.
class zone {
public:
    zone& address(std::string_view ip) {
        addresses.push_back(net::address::ip(ip, 0));
        return *this;
    }
    zone& alias(std::string name) {
        cname = std::move(name);
        return *this;
    }
    zone& lives(std::uint32_t seconds) {
        ttl = seconds;
        return *this;
    }
    zone& fails(int code) {
        rcode = code;
        return *this;
    }
    zone& silent(int type = 0) {
        silent_for = type;
        return *this;
    }
    zone& late(duration by) {
        delay = by;
        return *this;
    }

    std::vector<net::address> addresses;
    std::string cname;
    std::uint32_t ttl = 300;
    int rcode = ns_r_noerror;
    int silent_for = -1;  // an ns_type, 0 for all, -1 for none
    duration delay{0};
};

class fake_dns {
public:
    using bytes = std::vector<std::uint8_t>;

    fake_dns() : fake_dns(endpoints::open()) {}

    /// Answers, in greenlets of `g`, until that is cancelled.
    void serve(group& g);

    const net::address& where() const { return where_; }

    /// A resolver that knows this server and nothing else of the machine.
    net::resolver_options options() const;

    /// Questions for a name and type (ns_t_a) over UDP and TCP; what they were in all.
    int asked(const std::string& name, int type) const;
    int asked() const { return total_; }
    int asked_over_tcp() const { return tcp_; }
    /// The most questions that waited for late answers at the same time.
    int most_pending() const { return most_pending_; }

    std::map<std::string, zone> zones;
    bool silent = false;
    bool truncates = false;  // over UDP
    bool cuts_records = false;  // answers that say more records than they have
    bool sends_garbage_first = false;  // before each answer over UDP: noise, wrong ids, empty datagrams
    int rcode = ns_r_noerror;  // for everything, unless it is noerror
    std::uint32_t negative_ttl = 0;  // no SOA when zero

private:
    class endpoints {
    public:
        static endpoints open();
        io::fd udp;
        net::tcp_listener tcp;
    };

    class question {
    public:
        question() = default;
        std::string name;
        int type = 0;
        bytes wire;  // the whole message
    };

    explicit fake_dns(endpoints e);
    task<> serve_udp();
    task<> serve_tcp();
    task<> serve_stream(net::tcp_stream s);
    task<> answer_udp(question q, net::address to);
    question parse(const bytes& message);
    bytes reply_to(const question& q, bool tcp) const;

    net::address where_;
    io::fd udp_;
    net::tcp_listener tcp_listener_;
    group* group_ = nullptr;
    std::map<std::pair<std::string, int>, int> counts_;
    int total_ = 0;
    int tcp_ = 0;
    int pending_ = 0;
    int most_pending_ = 0;
};

/// Runs fn(first, second), which returns a task<>, on a loop whose resolver asks `first`.
template <class Fn>
void run_with_dns(Fn fn) {
    run([&fn]() -> task<> {
        fake_dns first;
        fake_dns second;
        const auto body = [&](group& g) -> task<> {
            first.serve(g);
            second.serve(g);
            net::resolver::current().configure(first.options());
            co_await fn(first, second);
            g.cancel();
        };
        co_await with_group(body);
    });
}

}  // namespace ringlet::test
