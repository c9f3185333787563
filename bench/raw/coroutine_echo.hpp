// The least that an echo server in coroutines can be: no order, no cancellation, no errors, no checks. A coroutine
// is resumed at the place where its answer is taken from the ring. What it adds to the raw loop is what coroutines
// themselves cost; what ringlet adds beyond is what its promises cost. For clients that wait for each answer
// only: what came while an answer is sent would resume it in the wrong place.
#pragma once

#include "ring.hpp"

#include <coroutine>
#include <exception>
#include <span>

namespace raw {

class coroutine_echo {
public:
    explicit coroutine_echo(int listener) : listener_(listener) {}

    // Takes the next connection and serves it until its end.
    void accept() { serve(*this, must(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC), "accept")); }

    void turn() {
        ring_.turn();
        ring_.drain([](const io_uring_cqe& cqe) { reinterpret_cast<answered*>(cqe.user_data)->take(cqe); });
    }

private:
    struct coroutine {
        struct promise_type {
            coroutine get_return_object() const { return {}; }
            std::suspend_never initial_suspend() const { return {}; }
            std::suspend_never final_suspend() const noexcept { return {}; }
            void return_void() const {}
            void unhandled_exception() const { std::terminate(); }
        };
    };

    // Who waits for the answers to a request.
    struct answered {
        void take(const io_uring_cqe& cqe) {
            res = cqe.res;
            flags = cqe.flags;
            waits.resume();
        }
        std::coroutine_handle<> waits;
        int res = 0;
        unsigned flags = 0;
    };

    struct receive : answered {
        receive(coroutine_echo& s, int descriptor) : server(s), fd(descriptor) {}
        bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> h) {
            waits = h;
            if (flags & IORING_CQE_F_MORE)
                return;  // one request, many answers
            io_uring_sqe* sqe = server.ring_.next_sqe();
            io_uring_prep_recv_multishot(sqe, fd, nullptr, 0, 0);
            sqe->flags |= IOSQE_BUFFER_SELECT;
            sqe->buf_group = receive_buffers::group;
            sqe->user_data = reinterpret_cast<std::uintptr_t>(static_cast<answered*>(this));
        }
        std::span<const std::byte> await_resume() const {
            if (res <= 0)
                return {};
            return {server.buffers_.at(buffer()), static_cast<std::size_t>(res)};
        }
        unsigned short buffer() const { return static_cast<unsigned short>(flags >> IORING_CQE_BUFFER_SHIFT); }
        coroutine_echo& server;
        int fd;
    };

    struct send : answered {
        send(coroutine_echo& s, int descriptor, std::span<const std::byte> data)
            : server(s), fd(descriptor), bytes(data) {}
        bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> h) {
            waits = h;
            io_uring_sqe* sqe = server.ring_.next_sqe();
            io_uring_prep_send(sqe, fd, bytes.data(), bytes.size(), MSG_WAITALL | MSG_NOSIGNAL);
            sqe->user_data = reinterpret_cast<std::uintptr_t>(static_cast<answered*>(this));
        }
        int await_resume() const { return res; }
        coroutine_echo& server;
        int fd;
        std::span<const std::byte> bytes;
    };

    static coroutine serve(coroutine_echo& server, int fd) {
        receive next(server, fd);
        for (;;) {
            const auto got = co_await next;
            if (got.empty())
                break;
            const int sent = co_await send(server, fd, got);
            server.buffers_.give_back(next.buffer());
            if (sent < 0)
                break;
        }
        ::close(fd);
    }

    int listener_;
    ring ring_{1024};
    receive_buffers buffers_{ring_};
};

}  // namespace raw
