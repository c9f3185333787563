// The best echo server we know how to write straight on io_uring: multishot
// accept, multishot receive into a ring of provided buffers, the answer sent
// from the very buffer the message came in, one enter per turn. It is the
// yardstick: what ringlet adds is measured against this loop.
#pragma once

#include "ring.hpp"

#include <poll.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace raw {

// Bytes a peer may leave unread before it is dropped. A load generator with
// a sane pipelining depth never gets there.
inline constexpr std::size_t backlog_limit = 4U << 20;

enum class act : std::uint32_t { stop, accept, receive, send };

inline std::uint64_t tag(act what, int fd) {
    return std::uint64_t{static_cast<std::uint32_t>(what)} << 32 | static_cast<std::uint32_t>(fd);
}

// A connection is found by its descriptor, which stays open until neither a
// receive nor a send is in flight; so no completion can meet a stranger.
struct connection {
    bool receiving = false;
    bool sending = false;
    bool broken = false;  // Never send again, wait for the end.
    int borrowed = -1;  // Buffer that is being sent, -1 when none.
    std::size_t send_size = 0;
    std::vector<std::byte> flying;  // Being sent, when it is not a borrowed buffer.
    std::vector<std::byte> queue;  // Came while a send was in flight.
};

class uring_echo {
public:
    uring_echo(int listener, int stop_fd) : listener_(listener) {
        io_uring_sqe* sqe = ring_.next_sqe();
        io_uring_prep_poll_add(sqe, stop_fd, POLLIN);
        sqe->user_data = tag(act::stop, stop_fd);
        accept();
    }

    void run() {
        while (!stopped_)
            turn();
        std::fprintf(stderr, "{\"messages\": %llu, \"enters\": %llu, \"sqes\": %llu}\n",
                     static_cast<unsigned long long>(messages_), static_cast<unsigned long long>(ring_.enters),
                     static_cast<unsigned long long>(ring_.sqes));
    }

    // Submits what there is, waits for something to happen, and answers it.
    void turn() {
        ring_.turn();
        ring_.drain([this](const io_uring_cqe& cqe) { take(cqe); });
        feed_starved();
    }

private:
    void take(const io_uring_cqe& cqe) {
        const int fd = static_cast<int>(cqe.user_data & 0xffffffff);
        switch (static_cast<act>(cqe.user_data >> 32)) {
            case act::receive: return received(fd, cqe);
            case act::send: return sent(fd, cqe.res);
            case act::accept: return accepted(cqe);
            case act::stop: stopped_ = true; return;
        }
    }

    void accepted(const io_uring_cqe& cqe) {
        if (cqe.res >= 0) {
            const auto fd = static_cast<std::size_t>(cqe.res);
            if (fd >= connections_.size())
                connections_.resize(2 * fd + 64);
            connections_[fd] = std::make_unique<connection>();
            receive(cqe.res);
        }
        if (!(cqe.flags & IORING_CQE_F_MORE))
            accept();
    }

    void received(int fd, const io_uring_cqe& cqe) {
        connection& peer = at(fd);
        peer.receiving = cqe.flags & IORING_CQE_F_MORE;
        if (cqe.res > 0) {
            ++messages_;
            const auto id = static_cast<unsigned short>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
            echo(fd, peer, id, static_cast<std::size_t>(cqe.res));
        }
        if (peer.receiving)
            return;
        if (cqe.res > 0)
            receive(fd);
        else if (cqe.res == -ENOBUFS)
            starved_.push_back(fd);  // Asking again before a buffer is back would spin.
        else
            close_when_quiet(fd, peer);
    }

    void echo(int fd, connection& peer, unsigned short id, std::size_t size) {
        if (!peer.sending && !peer.broken) {
            peer.borrowed = id;
            send(fd, peer, buffers_.at(id), size);
            return;
        }
        if (!peer.broken)
            peer.queue.insert(peer.queue.end(), buffers_.at(id), buffers_.at(id) + size);
        give_back(id);
        if (peer.queue.size() > backlog_limit)
            give_up(fd, peer);
    }

    void sent(int fd, int answer) {
        connection& peer = at(fd);
        peer.sending = false;
        if (peer.borrowed >= 0)
            give_back(static_cast<unsigned short>(peer.borrowed));
        peer.borrowed = -1;
        if (answer < 0 || static_cast<std::size_t>(answer) != peer.send_size) {
            give_up(fd, peer);
        } else if (!peer.queue.empty()) {
            peer.flying.swap(peer.queue);
            peer.queue.clear();
            send(fd, peer, peer.flying.data(), peer.flying.size());
        }
        if (!peer.receiving)
            close_when_quiet(fd, peer);
    }

    // Ends the multishot receive, whose last completion then closes.
    void give_up(int fd, connection& peer) {
        peer.broken = true;
        peer.queue.clear();
        ::shutdown(fd, SHUT_RDWR);
    }

    void close_when_quiet(int fd, connection& peer) {
        if (peer.sending || peer.receiving)
            return;
        connections_[static_cast<std::size_t>(fd)].reset();
        ::close(fd);
    }

    void accept() {
        io_uring_sqe* sqe = ring_.next_sqe();
        io_uring_prep_multishot_accept(sqe, listener_, nullptr, nullptr, SOCK_CLOEXEC);
        sqe->user_data = tag(act::accept, listener_);
    }

    void receive(int fd) {
        io_uring_sqe* sqe = ring_.next_sqe();
        io_uring_prep_recv_multishot(sqe, fd, nullptr, 0, 0);
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = receive_buffers::group;
        sqe->user_data = tag(act::receive, fd);
        at(fd).receiving = true;
    }

    void send(int fd, connection& peer, const std::byte* data, std::size_t size) {
        io_uring_sqe* sqe = ring_.next_sqe();
        io_uring_prep_send(sqe, fd, data, size, MSG_WAITALL | MSG_NOSIGNAL);
        sqe->user_data = tag(act::send, fd);
        peer.sending = true;
        peer.send_size = size;
    }

    void give_back(unsigned short id) {
        buffers_.give_back(id);
        buffers_came_back_ = true;
    }

    void feed_starved() {
        if (!starved_.empty() && buffers_came_back_) {
            for (const int fd : starved_)
                receive(fd);
            starved_.clear();
        }
        buffers_came_back_ = false;
    }

    connection& at(int fd) { return *connections_[static_cast<std::size_t>(fd)]; }

    int listener_;
    ring ring_{1024};
    receive_buffers buffers_{ring_};
    std::vector<std::unique_ptr<connection>> connections_;  // By descriptor.
    std::vector<int> starved_;
    bool buffers_came_back_ = false;
    bool stopped_ = false;
    std::uint64_t messages_ = 0;
};

}  // namespace raw
