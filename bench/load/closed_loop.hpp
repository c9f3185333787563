// Connections to one server, each of which always has `depth` requests in
// flight while a slice runs and none between slices. Requests are all alike
// and so are answers in size, which is all that has to be known of a protocol
// to count answers without parsing them.
#pragma once

#include "histogram.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace load {

using clock = std::chrono::steady_clock;

struct shape {
    std::size_t connections = 1;
    std::size_t depth = 1;
    std::string request;
    std::size_t answer_size = 0;
    bool answer_is_request = false;  // An echo, whose first answers are compared.
};

struct outcome {
    std::uint64_t messages = 0;
    std::chrono::nanoseconds elapsed{};
    histogram latency;
};

class closed_loop {
public:
    closed_loop(std::uint16_t port, const shape& wanted)
        : port_(port),
          depth_(wanted.depth),
          request_size_(wanted.request.size()),
          answer_size_(wanted.answer_size),
          compare_(wanted.answer_is_request),
          epoll_(must(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
        for (std::size_t i = 0; i < depth_; ++i)
            requests_ += wanted.request;
        for (std::size_t i = 0; i < wanted.connections; ++i) {
            peers_.push_back(connect());
            // An answer on this one shows that the server has accepted all
            // before it, so its backlog never overflows.
            if (i % 64 == 63)
                exchange(peers_.back().fd);
        }
        for (const peer& each : peers_)
            exchange(each.fd);
        for (std::size_t i = 0; i < peers_.size(); ++i)
            watch(i);
    }

    ~closed_loop() {
        for (const peer& each : peers_)
            ::close(each.fd);
        ::close(epoll_);
    }

    closed_loop(const closed_loop&) = delete;
    closed_loop& operator=(const closed_loop&) = delete;

    // One slice. Ends when the last answer is in, so that the server is idle
    // again and all the CPU it spent belongs to the messages counted here.
    outcome run(std::chrono::milliseconds duration) {
        outcome result;
        const auto start = clock::now();
        const auto deadline = start + duration;
        in_flight_ = 0;
        for (peer& each : peers_)
            ask(each, depth_, clock::now());
        auto now = start;
        while (in_flight_ > 0) {
            const int count = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), 10'000);
            if (count == 0)
                fail("answered nothing for 10 s");
            for (const epoll_event& event : std::span(events_).first(static_cast<std::size_t>(std::max(count, 0)))) {
                peer& from = peers_[event.data.u64];
                flush(from);
                const std::size_t answers = take_answers(from, result, now);
                if (now < deadline)
                    ask(from, answers, now);
            }
        }
        result.elapsed = now - start;
        return result;
    }

private:
    struct peer {
        int fd;
        std::size_t unsent = 0;  // Bytes of requests the socket did not take yet.
        std::size_t received = 0;  // Bytes of the answer that is arriving.
        std::size_t oldest = 0;  // Index into asked_at, a ring of `depth` times.
        std::size_t waiting = 0;
        std::vector<clock::time_point> asked_at;
    };

    void ask(peer& to, std::size_t count, clock::time_point now) {
        for (std::size_t i = 0; i < count; ++i)
            to.asked_at[(to.oldest + to.waiting++) % depth_] = now;
        in_flight_ += count;
        to.unsent += count * request_size_;
        flush(to);
    }

    // What is unsent is always the tail of the repeated requests, since a
    // request is only added after `depth` of them were answered or more.
    void flush(peer& to) {
        while (to.unsent > 0) {
            const char* from = requests_.data() + (requests_.size() - to.unsent);
            const ssize_t put = ::send(to.fd, from, to.unsent, MSG_NOSIGNAL);
            if (put < 0 && errno == EAGAIN)
                return;
            to.unsent -= static_cast<std::size_t>(must(put, "send"));
        }
    }

    // Edge-triggered: a read that does not fill the buffer has emptied the socket.
    std::size_t take_answers(peer& from, outcome& result, clock::time_point& now) {
        std::size_t answers = 0;
        for (ssize_t got = static_cast<ssize_t>(buffer_.size()); got == static_cast<ssize_t>(buffer_.size());) {
            got = ::recv(from.fd, buffer_.data(), buffer_.size(), 0);
            now = clock::now();
            if (got < 0 && errno == EAGAIN)
                break;
            if (must(got, "receive") == 0)
                fail("closed a connection");
            from.received += static_cast<std::size_t>(got);
            for (; from.received >= answer_size_; from.received -= answer_size_, ++answers) {
                if (from.waiting == 0)
                    fail("answered what was not asked");
                result.latency.record(static_cast<std::uint64_t>((now - from.asked_at[from.oldest]).count()));
                from.oldest = (from.oldest + 1) % depth_;
                --from.waiting;
            }
        }
        result.messages += answers;
        in_flight_ -= answers;
        return answers;
    }

    // One blocking question and answer.
    void exchange(int fd) {
        for (std::size_t sent = 0; sent < request_size_;)
            sent += static_cast<std::size_t>(
                must(::send(fd, requests_.data() + sent, request_size_ - sent, MSG_NOSIGNAL), "first send"));
        std::string answer(answer_size_, '\0');
        for (std::size_t got = 0; got < answer_size_;) {
            const ssize_t more = must(::recv(fd, answer.data() + got, answer_size_ - got, 0), "first receive");
            if (more == 0)
                fail("closed a connection at once");
            got += static_cast<std::size_t>(more);
        }
        if (compare_ && requests_.compare(0, request_size_, answer) != 0)
            fail("echoed something else than was sent");
    }

    peer connect() {
        peer made{};
        made.fd = must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        made.asked_at.resize(depth_);
        const int on = 1;
        must(::setsockopt(made.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
        const timeval patience{.tv_sec = 10, .tv_usec = 0};  // For the blocking exchange.
        must(::setsockopt(made.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), "SO_RCVTIMEO");
        must(::setsockopt(made.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), "SO_SNDTIMEO");
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port_);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        must(::connect(made.fd, reinterpret_cast<sockaddr*>(&address), sizeof address), "connect");
        return made;
    }

    void watch(std::size_t index) {
        const int fd = peers_[index].fd;
        const int on = 1;
        must(::ioctl(fd, FIONBIO, &on), "FIONBIO");
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.u64 = index;
        must(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
    }

    [[noreturn]] void fail(const char* what) const {
        throw std::runtime_error("server on port " + std::to_string(port_) + " " + what);
    }

    template <typename T>
    T must(T answer, const char* act) const {
        if (answer >= 0)
            return answer;
        throw std::system_error(errno, std::generic_category(),
                                "server on port " + std::to_string(port_) + ": " + act);
    }

    std::uint16_t port_;
    std::size_t depth_;
    std::size_t request_size_;
    std::size_t answer_size_;
    bool compare_;
    int epoll_;
    std::string requests_;  // `depth` requests back to back.
    std::vector<peer> peers_;
    std::size_t in_flight_ = 0;
    std::vector<epoll_event> events_ = std::vector<epoll_event>(1024);
    std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

}  // namespace load
