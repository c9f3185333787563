// The streams that there are keep what streams promise.

#include "support/stream_contract.hpp"

#include <ringlet/io/at_once.hpp>
#include <ringlet/io/buffered.hpp>
#include <ringlet/io/memory_stream.hpp>
#include <ringlet/io/ops.hpp>
#include <ringlet/io/pipe.hpp>
#include <ringlet/net/tcp.hpp>

namespace net_stream_contract_test {

using namespace story;
using ringlet::io::fd;

/// Two connected sockets, made through the seam, so that a simulated kernel can have them too.
inline task<std::pair<fd, fd>> connected_pair(ringlet::net::address at, int buffer = 0) {
    const auto make = [&] {
        fd made(ringlet::io::socket_now(at.family(), SOCK_STREAM | SOCK_CLOEXEC));
        if (buffer != 0) {
            ringlet::io::set_option_now(made.get(), SOL_SOCKET, SO_SNDBUF, buffer);
            ringlet::io::set_option_now(made.get(), SOL_SOCKET, SO_RCVBUF,
                                        buffer);  // accepted ones inherit it
        }
        return made;
    };
    const fd listener = make();
    // Of an AF_UNIX address only the family is given: the kernel chooses an abstract name (unix(7)).
    const socklen_t given = at.is_unix() ? sizeof(sa_family_t) : at.size();
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    if (ringlet::io::bind_now(listener.get(), at.data(), given) < 0 ||
        ringlet::io::listen_now(listener.get(), 1) < 0 ||
        ringlet::io::getsockname_now(listener.get(), reinterpret_cast<sockaddr*>(&bound), &size) < 0)
        throw std::runtime_error("a pair could not be made");
    fd client = make();
    co_await ringlet::io::connect(client.get(), reinterpret_cast<sockaddr*>(&bound), size);
    fd server = co_await ringlet::io::accept(listener.get());
    co_return std::pair(std::move(client), std::move(server));
}

struct tcp {
    using stream = ringlet::net::tcp_stream;
    static constexpr const char* name = "tcp";
    static constexpr bool tells_resets = true;

    static task<std::pair<stream, stream>> make() {
        // Or the kernel alone takes 30 MiB before it says stop.
        auto [client, server] = co_await connected_pair(ringlet::net::address::loopback(0), 128 * 1024);
        co_return std::pair(stream(std::move(client)), stream(std::move(server)));
    }
    static void reset(stream& s) {
        const linger now{1, 0};
        ringlet::io::set_option_now(s.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
        s.close();
    }
};

struct unix_sockets {
    using stream = ringlet::net::unix_stream;
    static constexpr const char* name = "unix_sockets";
    static constexpr bool tells_resets = true;

    static task<std::pair<stream, stream>> make() {
        auto [one, other] = co_await connected_pair(ringlet::net::address::unix_path("/any"));
        co_return std::pair(stream(std::move(one), "one"), stream(std::move(other), "other"));
    }
    static void reset(stream& s) { s.close(); }
};

struct pipes {
    using stream = ringlet::io::joined<ringlet::io::pipe_reader, ringlet::io::pipe_writer>;
    static constexpr const char* name = "pipes";
    static constexpr bool tells_resets = false;

    static std::pair<stream, stream> make() {
        auto there = ringlet::io::make_pipe();
        auto back = ringlet::io::make_pipe();
        return {stream(std::move(back.first), std::move(there.second)),
                stream(std::move(there.first), std::move(back.second))};
    }
    static void reset(stream& s) { s.close(); }
};

struct memory {
    using stream = ringlet::io::memory_stream;
    static constexpr const char* name = "memory";
    static constexpr bool tells_resets = true;

    static std::pair<stream, stream> make() { return ringlet::io::duplex(); }
    static void reset(stream& s) { s.reset(); }
};

/// Two that are made of TCP streams.
template <class S>
task<std::pair<S, S>> over_tcp() {
    auto [one, other] = co_await tcp::make();
    co_return std::pair(S(std::move(one)), S(std::move(other)));
}

/// One that is waited for without a buffer, and read when something is there.
struct waited_for {
    class stream {
    public:
        explicit stream(ringlet::net::tcp_stream s) : tcp_(std::move(s)) {}
        task<std::size_t> read(std::span<std::byte> into) {
            for (;;) {
                if (!into.empty())
                    co_await tcp_.readable();
                if (const auto count = tcp_.try_read(into))
                    co_return *count;
            }
        }
        auto write_all(std::span<const std::byte> from) { return tcp_.write_all(from); }
        auto shutdown() { return tcp_.shutdown(); }
        void close() noexcept { tcp_.close(); }
        std::string name() const { return tcp_.name(); }
        ringlet::net::tcp_stream& tcp() { return tcp_; }

    private:
        ringlet::net::tcp_stream tcp_;
    };
    static constexpr const char* name = "waited_for";
    static constexpr bool tells_resets = true;
    static constexpr bool stays_put = true;

    static auto make() { return over_tcp<stream>(); }
    static void reset(stream& s) { tcp::reset(s.tcp()); }
};

/// One that is lent what comes.
struct lent {
    class stream {
    public:
        explicit stream(ringlet::net::tcp_stream s) : tcp_(std::move(s)) {}
        task<std::size_t> read(std::span<std::byte> into) {
            if (into.empty())
                co_return co_await tcp_.read(into);
            if (taken_ == rest_.size()) {
                rest_ = co_await tcp_.receive();
                taken_ = 0;
            }
            const auto count = std::min(into.size(), rest_.size() - taken_);
            std::copy_n(rest_.bytes().data() + taken_, count, into.data());
            taken_ += count;
            co_return count;
        }
        auto write_all(std::span<const std::byte> from) { return tcp_.write_all(from); }
        auto shutdown() { return tcp_.shutdown(); }
        void close() noexcept {
            rest_ = {};
            taken_ = 0;
            tcp_.close();
        }
        std::string name() const { return tcp_.name(); }
        ringlet::net::tcp_stream& tcp() { return tcp_; }

    private:
        ringlet::net::tcp_stream tcp_;
        ringlet::io::received rest_;
        std::size_t taken_ = 0;
    };
    static constexpr const char* name = "lent";
    static constexpr bool tells_resets = true;
    static constexpr bool stays_put = true;

    static auto make() { return over_tcp<stream>(); }
    static void reset(stream& s) { tcp::reset(s.tcp()); }
};

/// One that reads ahead of another.
struct buffered {
    using stream = ringlet::io::buffered<ringlet::net::tcp_stream>;
    static constexpr const char* name = "buffered";
    static constexpr bool tells_resets = true;
    static constexpr bool stays_put = true;

    static auto make() { return over_tcp<stream>(); }
    static void reset(stream& s) { tcp::reset(s.stream()); }
};

INSTANTIATE_TEST_SUITE_P(net_stream_contract, stream_contract,
                         testing::Values(kind_of<tcp>(), kind_of<unix_sockets>(), kind_of<pipes>(), kind_of<memory>(),
                                         kind_of<waited_for>(), kind_of<lent>(), kind_of<buffered>()),
                         kind_name);

}  // namespace net_stream_contract_test
