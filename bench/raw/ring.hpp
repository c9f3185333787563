// A raw io_uring as design.md asks for it, on liburing 2.3: the ring with the
// best flags the kernel grants, and a ring of provided receive buffers. Used
// by the raw servers only; ringlet has its own.
#pragma once

#include "server.hpp"

#include <liburing.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>

// Named by kernels newer than liburing 2.3.
#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1U << 16)
#endif

namespace raw {

class ring {
public:
    explicit ring(unsigned entries) {
        // The least valuable flag is given up first. COOP_TASKRUN takes over
        // when DEFER_TASKRUN (kernel 6.1) is not to be had.
        constexpr unsigned best = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
        constexpr unsigned defer = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
        constexpr std::array attempts = {
            best | IORING_SETUP_SUBMIT_ALL | defer | IORING_SETUP_NO_SQARRAY,
            best | IORING_SETUP_SUBMIT_ALL | defer,
            best | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN,
            best,
        };
        for (const unsigned flags : attempts) {
            const int answer = set_up(entries, flags);
            if (answer == 0)
                return;
            if (answer != EINVAL)
                throw std::system_error(answer, std::generic_category(), "io_uring_setup");
        }
        throw std::system_error(EINVAL, std::generic_category(), "io_uring_setup");
    }

    ~ring() { io_uring_queue_exit(&ring_); }
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;

    // A full queue is submitted to make room; it never fails.
    io_uring_sqe* next_sqe() {
        io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
        while (!sqe) {
            ++enters;
            submitted(io_uring_submit(&ring_));
            sqe = io_uring_get_sqe(&ring_);
        }
        return sqe;
    }

    // Submits everything and waits for at least one completion, in one call.
    void turn() {
        ++enters;
        submitted(io_uring_submit_and_wait(&ring_, 1));
    }

    // Calls `take` for each completion. The head moves once per call, after all.
    template <typename Fn>
    void drain(Fn take) {
        unsigned head;
        unsigned count = 0;
        io_uring_cqe* cqe;
        io_uring_for_each_cqe(&ring_, head, cqe) {
            take(*cqe);
            ++count;
        }
        io_uring_cq_advance(&ring_, count);
    }

    io_uring* get() { return &ring_; }

    std::uint64_t enters = 0;
    std::uint64_t sqes = 0;

private:
    // Not io_uring_queue_init_params: that of liburing 2.3 fills an index
    // array which a NO_SQARRAY ring does not have, and so overwrites the ring.
    int set_up(unsigned entries, unsigned flags) {
        io_uring_params params{};
        params.flags = flags;
        params.cq_entries = 4 * entries;
        const long fd = ::syscall(__NR_io_uring_setup, entries, &params);
        if (fd < 0)
            return errno;
        if (const int answer = io_uring_queue_mmap(static_cast<int>(fd), &params, &ring_); answer < 0) {
            ::close(static_cast<int>(fd));
            return -answer;
        }
        ring_.features = params.features;
        if (!(flags & IORING_SETUP_NO_SQARRAY))
            for (unsigned i = 0; i < ring_.sq.ring_entries; ++i)
                ring_.sq.array[i] = i;
        io_uring_register_ring_fd(&ring_);  // Saves the fd lookup; optional.
        return 0;
    }

    void submitted(int answer) {
        // EBUSY and EAGAIN: completions must be drained first, which comes next.
        if (answer >= 0)
            sqes += static_cast<unsigned>(answer);
        else if (answer != -EINTR && answer != -EBUSY && answer != -EAGAIN)
            throw std::system_error(-answer, std::generic_category(), "io_uring_enter");
    }

    io_uring ring_{};
};

// 128 receive buffers of 16 KiB: 2 MiB, which still fits in L2.
class receive_buffers {
public:
    static constexpr unsigned short group = 0;
    static constexpr unsigned count = 128;
    static constexpr unsigned size = 16 * 1024;

    explicit receive_buffers(ring& owner)
        : memory_(map(std::size_t{count} * size)),
          slots_(reinterpret_cast<io_uring_buf_ring*>(map(count * sizeof(io_uring_buf)))) {
        io_uring_buf_reg registration{};
        registration.ring_addr = reinterpret_cast<std::uintptr_t>(slots_);
        registration.ring_entries = count;
        registration.bgid = group;
        if (const int answer = io_uring_register_buf_ring(owner.get(), &registration, 0); answer < 0)
            throw std::system_error(-answer, std::generic_category(), "register buffer ring");
        io_uring_buf_ring_init(slots_);
        for (unsigned short id = 0; id < count; ++id)
            give_back(id);
    }

    receive_buffers(const receive_buffers&) = delete;
    receive_buffers& operator=(const receive_buffers&) = delete;

    std::byte* at(unsigned short id) { return memory_ + std::size_t{id} * size; }

    void give_back(unsigned short id) {
        io_uring_buf_ring_add(slots_, at(id), size, id, io_uring_buf_ring_mask(count), 0);
        io_uring_buf_ring_advance(slots_, 1);
    }

private:
    // Both mappings live until the process ends: the kernel holds them as
    // long as the ring does.
    static std::byte* map(std::size_t bytes) {
        void* memory =
            ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (memory == MAP_FAILED)
            throw std::system_error(errno, std::generic_category(), "mmap receive buffers");
        return static_cast<std::byte*>(memory);
    }

    std::byte* memory_;
    io_uring_buf_ring* slots_;
};

}  // namespace raw
