#include "net/fake_dns.hpp"

#include <ringlet/core/result.hpp>

#include <algorithm>
#include <stdexcept>

namespace ringlet::test {
namespace {

void put(std::vector<std::uint8_t>& to, std::uint32_t value, int width) {
    for (int i = width - 1; i >= 0; --i)
        to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void put_name(std::vector<std::uint8_t>& to, std::string_view name) {
    while (!name.empty()) {
        const std::string_view label = name.substr(0, name.find('.'));
        to.push_back(static_cast<std::uint8_t>(label.size()));
        to.insert(to.end(), label.begin(), label.end());
        name.remove_prefix(std::min(label.size() + 1, name.size()));
    }
    to.push_back(0);
}

io::fd datagram_socket() {
    io::fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int room = 4 << 20;  // a thousand questions at once
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    const net::address any = net::address::loopback(0);
    if (!fd || ::bind(fd.get(), any.data(), any.size()) != 0)
        throw std::runtime_error("fake_dns: no datagram socket");
    return fd;
}

net::address name_of(const io::fd& fd) {
    sockaddr_storage storage;
    socklen_t size = sizeof storage;
    getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &size);
    return net::address::from(&storage, size);
}

}  // namespace

/// A port that is free for UDP may be taken for TCP, by a test that runs beside this one.
fake_dns::endpoints fake_dns::endpoints::open() {
    for (int tries = 0;; ++tries) {
        io::fd udp = datagram_socket();
        const net::address where = name_of(udp);
        try {
            return {std::move(udp), net::tcp_listener(where)};
        } catch (const std::system_error&) {
            if (tries == 20)
                throw;
        }
    }
}

fake_dns::fake_dns(endpoints e) : where_(name_of(e.udp)), udp_(std::move(e.udp)), tcp_listener_(std::move(e.tcp)) {}

void fake_dns::serve(group& g) {
    group_ = &g;
    g.spawn(&fake_dns::serve_udp, this);
    g.spawn(&fake_dns::serve_tcp, this);
}

net::resolver_options fake_dns::options() const {
    return net::resolver_options()
        .servers(std::vector<net::address>(1, where_))
        .timeout(10s)
        .tries(1)
        .hosts("/dev/null")
        .resolv_conf("/dev/null");
}

int fake_dns::asked(const std::string& name, int type) const {
    const auto found = counts_.find({name, type});
    return found != counts_.end() ? found->second : 0;
}

fake_dns::question fake_dns::parse(const bytes& message) {
    question q;
    q.wire = message;
    std::size_t at = NS_HFIXEDSZ;
    while (message.at(at) != 0) {
        const std::size_t length = message.at(at++);
        if (!q.name.empty())
            q.name += '.';
        q.name.append(reinterpret_cast<const char*>(&message.at(at)), length);
        at += length;
    }
    q.type = message.at(at + 1) << 8 | message.at(at + 2);
    q.wire.resize(at + 5);  // without what EDNS adds
    ++counts_[{q.name, q.type}];
    ++total_;
    return q;
}

fake_dns::bytes fake_dns::reply_to(const question& q, bool tcp) const {
    const auto found = zones.find(q.name);
    zone z = found != zones.end() ? found->second : zone().fails(ns_r_nxdomain);
    if (rcode != ns_r_noerror)
        z = zone().fails(rcode);
    bytes reply = q.wire;
    bytes records;
    std::uint32_t count = 0;
    const bool truncated = truncates && !tcp;
    if (!z.cname.empty() && !truncated) {
        put(records, 0xc00c, 2);
        put(records, ns_t_cname, 2);
        put(records, ns_c_in, 2);
        put(records, z.ttl, 4);
        bytes target;
        put_name(target, z.cname);
        put(records, static_cast<std::uint32_t>(target.size()), 2);
        records.insert(records.end(), target.begin(), target.end());
        ++count;
    }
    for (const net::address& a : z.addresses) {
        if (truncated || a.family() != (q.type == ns_t_a ? AF_INET : AF_INET6))
            continue;
        if (z.cname.empty())
            put(records, 0xc00c, 2);
        else
            put_name(records, z.cname);
        put(records, static_cast<std::uint32_t>(q.type), 2);
        put(records, ns_c_in, 2);
        put(records, z.ttl, 4);
        const int size = a.family() == AF_INET ? 4 : 16;
        put(records, static_cast<std::uint32_t>(size), 2);
        const auto* raw = reinterpret_cast<const std::uint8_t*>(a.data()) +
                          (size == 4 ? offsetof(sockaddr_in, sin_addr) : offsetof(sockaddr_in6, sin6_addr));
        records.insert(records.end(), raw, raw + size);
        ++count;
    }
    const bool soa = count == 0 && negative_ttl != 0 && !truncated;
    if (soa) {
        put_name(records, "test");
        put(records, ns_t_soa, 2);
        put(records, ns_c_in, 2);
        put(records, 86400, 4);
        put(records, 22, 2);
        put(records, 0, 2);  // two names, both the root
        put(records, 1, 4);
        put(records, 1, 4);
        put(records, 1, 4);
        put(records, 1, 4);
        put(records, negative_ttl, 4);
    }
    bytes header(reply.begin(), reply.begin() + 2);
    put(header, 0x8180U | (truncated ? 0x0200U : 0U) | static_cast<unsigned>(z.rcode), 2);
    put(header, 1, 2);
    put(header, count + (cuts_records ? 3 : 0), 2);
    put(header, soa ? 1 : 0, 2);
    put(header, 0, 2);
    std::ranges::copy(header, reply.begin());
    reply.insert(reply.end(), records.begin(), records.end());
    return reply;
}

task<> fake_dns::answer_udp(question q, net::address to) {
    const auto found = zones.find(q.name);
    if (found != zones.end() && found->second.delay > duration::zero()) {
        most_pending_ = std::max(most_pending_, ++pending_);
        co_await sleep_for(found->second.delay);
        --pending_;
    }
    std::vector<bytes> datagrams(1, reply_to(q, false));
    if (sends_garbage_first) {
        bytes wrong_id = datagrams[0];
        wrong_id[0] = static_cast<std::uint8_t>(wrong_id[0] ^ 0xff);
        const bytes noise(40, 0xff);
        const bytes cut(datagrams[0].begin(), datagrams[0].begin() + 14);
        datagrams.insert(datagrams.begin(), {bytes(), bytes(3, 1), noise, wrong_id, cut});
    }
    for (bytes& each : datagrams) {
        iovec piece{each.data(), each.size()};
        msghdr message{};
        message.msg_name = const_cast<sockaddr*>(to.data());
        message.msg_namelen = to.size();
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        // Whoever asked may have gone.
        (void)co_await as_result(io::sendmsg(udp_.get(), message));
    }
}

task<> fake_dns::serve_udp() {
    for (;;) {
        bytes room(512);
        sockaddr_storage from{};
        iovec piece{room.data(), room.size()};
        msghdr message{};
        message.msg_name = &from;
        message.msg_namelen = sizeof from;
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        const auto count = co_await as_result(io::recvmsg(udp_.get(), message));
        if (!count)
            continue;  // an answer could not be delivered (ECONNREFUSED)
        room.resize(*count);
        question q = parse(room);
        const auto found = zones.find(q.name);
        const int mute = found != zones.end() ? found->second.silent_for : -1;
        if (!silent && mute != 0 && mute != q.type)
            group_->spawn(&fake_dns::answer_udp, this, std::move(q), net::address::from(&from, message.msg_namelen));
    }
}

task<> fake_dns::serve_tcp() {
    for (;;) {
        net::tcp_stream s = co_await tcp_listener_.accept();
        group_->spawn(&fake_dns::serve_stream, this, std::move(s));
    }
}

task<> fake_dns::serve_stream(net::tcp_stream s) {
    try {
        for (;;) {
            bytes prefix(2);
            co_await io::read_exact(s, std::as_writable_bytes(std::span(prefix)));
            bytes message(static_cast<std::size_t>(prefix[0] << 8 | prefix[1]));
            co_await io::read_exact(s, std::as_writable_bytes(std::span(message)));
            ++tcp_;
            const question q = parse(message);
            const bytes reply = reply_to(q, true);
            bytes framed;
            put(framed, static_cast<std::uint32_t>(reply.size()), 2);
            framed.insert(framed.end(), reply.begin(), reply.end());
            co_await s.write_all(std::as_bytes(std::span(framed)));
        }
    } catch (const std::system_error&) {
        // The client has what it wanted.
    }
}

}  // namespace ringlet::test
