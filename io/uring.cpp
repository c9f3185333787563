#include <ringlet/io/uring.hpp>

#include "linux_private.hpp"

#include <ringlet/core/check.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/sanitizer.hpp>

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

namespace ringlet::io {
namespace {

constexpr unsigned submission_entries = 512;
constexpr unsigned completion_entries = 4 * submission_entries;

// As many as the kernel takes: a table cannot grow while it is in use.
constexpr unsigned buffer_table_size = 1 << 14;

// Not NO_SQARRAY: liburing 2.3 writes the identity map into the array that the ring would not have, over
// the ring's own counters. It gains nothing measurable.
constexpr unsigned wanted_flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL |
                                  IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;

// What to give up, newest first, when the running kernel answers EINVAL.
constexpr std::array dropped_in_turn{
    std::pair{unsigned(IORING_SETUP_DEFER_TASKRUN), unsigned(IORING_SETUP_COOP_TASKRUN)},
    std::pair{unsigned(IORING_SETUP_SINGLE_ISSUER), 0U},
    std::pair{unsigned(IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG), 0U},
    std::pair{unsigned(IORING_SETUP_SUBMIT_ALL), 0U},
};

[[noreturn]] void refuse(int error) {
    throw std::system_error(error, std::system_category(), explain_uring_refusal(error));
}

class uring final : public kernel {
public:
    uring() {
        open_ring();
        wake_fd_ = eventfd(0, EFD_CLOEXEC);
        if (wake_fd_ < 0) {
            const int error = errno;
            io_uring_queue_exit(&ring_);
            throw std::system_error(error, std::system_category(), "eventfd of the event loop");
        }
        listen_for_wake();
    }

    ~uring() override {
        announce_unmapped();
        io_uring_queue_exit(&ring_);
        close(wake_fd_);
        for (const auto& [memory, size] : buffer_rings_)
            munmap(memory, size);
    }

    time_point now() noexcept override {
        timespec t{};
        clock_gettime(CLOCK_MONOTONIC, &t);
        return time_point(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
    }

    void turn(time_point until) override {
        // Between two laps for which nobody asked for anything it is a look at the queues.
        if (!submissions_.empty() || until > time_point::min() || work_is_pending())
            submit_and_wait(until);
        reap();
    }

    void wake() noexcept override {
        const std::uint64_t one = 1;
        (void)!write(wake_fd_, &one, sizeof one);  // a full counter is a wake-up already under way
    }

    int ring_fd() const noexcept override { return ring_.ring_fd; }

    io_uring_buf_ring* provide_buffers(std::uint16_t group, unsigned entries) override {
        const std::size_t size = entries * sizeof(io_uring_buf);
        void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
        if (memory == MAP_FAILED)
            return nullptr;
        io_uring_buf_reg what{};
        what.ring_addr = reinterpret_cast<std::uintptr_t>(memory);
        what.ring_entries = entries;
        what.bgid = group;
        if (io_uring_register_buf_ring(&ring_, &what, 0) != 0) {
            munmap(memory, size);
            return nullptr;
        }
        buffer_rings_.emplace_back(memory, size);
        auto* ring = static_cast<io_uring_buf_ring*>(memory);
        io_uring_buf_ring_init(ring);
        return ring;
    }

    int register_buffer(std::span<std::byte> memory) override {
        if (!has_buffer_table_) {
            free_buffers_.reserve(buffer_table_size);
            has_buffer_table_ = io_uring_register_buffers_sparse(&ring_, buffer_table_size) == 0;
        }
        if (!has_buffer_table_)
            return -1;
        const int index = free_buffers_.empty() ? buffers_given_ : free_buffers_.back();
        if (!set_buffer(index, memory))
            return -1;
        if (free_buffers_.empty())
            ++buffers_given_;
        else
            free_buffers_.pop_back();
        return index;
    }

    void unregister_buffer(int index) noexcept override {
        if (set_buffer(index, {}))
            free_buffers_.push_back(index);
    }

    bool supports(unsigned opcode) const noexcept override {
        return opcode < supported_.size() && supported_[opcode];
    }

private:
    bool set_buffer(int index, std::span<std::byte> memory) noexcept {
        const iovec what{memory.data(), memory.size()};
        const __u64 tag = 0;
        return io_uring_register_buffers_update_tag(&ring_, static_cast<unsigned>(index), &what, &tag, 1) == 1;
    }

    void open_ring() {
        io_uring_params params;
        unsigned flags = wanted_flags;
        int error = try_open(params, flags);
        for (const auto& [drop, instead] : dropped_in_turn) {
            if (error != EINVAL)
                break;
            flags = (flags & ~drop) | instead;
            error = try_open(params, flags);
        }
        if (error != 0)
            refuse(error);
        announce_mapped();
        features_ = params.features;
        // Each of these is an older kernel than 5.11, which lacks more than we can make up for here.
        if ((features_ & IORING_FEAT_EXT_ARG) == 0 || (features_ & IORING_FEAT_NODROP) == 0) {
            io_uring_queue_exit(&ring_);
            refuse(ENOSYS);
        }
        submission_room_ = params.sq_entries;
        mask_ = params.sq_entries - 1;
        for (unsigned i = 0; i < params.sq_entries; ++i)
            ring_.sq.array[i] = i;
        if (io_uring_register_ring_fd(&ring_) == 1)
            enter_flags_ |= IORING_ENTER_REGISTERED_RING;
        if ((features_ & IORING_FEAT_NO_IOWAIT) != 0)
            enter_flags_ |= IORING_ENTER_NO_IOWAIT;
        absolute_timeouts_ = knows_absolute_timeouts();
        if (io_uring_probe* probe = io_uring_get_probe_ring(&ring_)) {
            for (unsigned opcode = 0; opcode <= probe->last_op && opcode < supported_.size(); ++opcode)
                supported_[opcode] = io_uring_opcode_supported(probe, static_cast<int>(opcode)) != 0;
            io_uring_free_probe(probe);
        }
    }

    int try_open(io_uring_params& params, unsigned flags) {
        std::memset(&params, 0, sizeof params);
        params.flags = flags;
        params.cq_entries = completion_entries;
        return -io_uring_queue_init_params(submission_entries, &ring_, &params);
    }

    bool knows_absolute_timeouts() {
        __kernel_timespec past{};
        io_uring_getevents_arg arg{};
        arg.ts = reinterpret_cast<std::uintptr_t>(&past);
        const int answer =
            io_uring_enter2(static_cast<unsigned>(ring_.enter_ring_fd), 0, 1,
                            enter_flags_ | IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | IORING_ENTER_ABS_TIMER,
                            reinterpret_cast<sigset_t*>(&arg), sizeof arg);
        return answer != -EINVAL;
    }

    void copy_in(std::size_t from, std::size_t count) noexcept {
        const unsigned tail = *ring_.sq.ktail;  // only we write it
        for (std::size_t i = 0; i < count; ++i)
            ring_.sq.sqes[(tail + static_cast<unsigned>(i)) & mask_] = submissions_[from + i];
        io_uring_smp_store_release(ring_.sq.ktail, tail + static_cast<unsigned>(count));
    }

    unsigned in_submission_queue() const noexcept {
        return *ring_.sq.ktail - io_uring_smp_load_acquire(ring_.sq.khead);
    }

    bool work_is_pending() const noexcept {
        const unsigned flags = __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
        return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0 ||
               // Without the flag the kernel cannot tell, so it has to be asked.
               (ring_.flags & IORING_SETUP_TASKRUN_FLAG) == 0;
    }

    [[gnu::noinline]] void submit_and_wait(time_point until) {
        if (until <= time_point())  // before there was this clock: the kernel takes a negative time for never
            until = time_point::min();
        std::size_t taken = 0;
        // All but the last ring-full go in without waiting; what they complete is reaped at once, so
        // that the completion queue cannot overflow by our own doing.
        while (submissions_.size() - taken > submission_room_) {
            copy_in(taken, submission_room_);
            taken += submission_room_;
            enter(submission_room_, time_point::min());
            reap();
        }
        const std::size_t last = submissions_.size() - taken;
        copy_in(taken, last);
        submissions_.clear();
        enter(static_cast<unsigned>(last), until);
    }

    /// Submits and waits in one system call. GETEVENTS always: a DEFER_TASKRUN ring makes no progress
    /// without it, also not on a cancel.
    void enter(unsigned count, time_point until) {
        for (;;) {
            const bool wait = until > time_point::min();
            __kernel_timespec limit{};
            io_uring_getevents_arg arg{};
            unsigned flags = enter_flags_ | IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
            if (wait && until != never) {
                duration left = until.time_since_epoch();
                if (absolute_timeouts_)
                    flags |= IORING_ENTER_ABS_TIMER;
                else
                    left = std::max(until - now(), duration::zero());
                limit.tv_sec = left.count() / 1'000'000'000;
                limit.tv_nsec = left.count() % 1'000'000'000;
                arg.ts = reinterpret_cast<std::uintptr_t>(&limit);
            }
            const int answer = io_uring_enter2(static_cast<unsigned>(ring_.enter_ring_fd), count, wait ? 1 : 0, flags,
                                               reinterpret_cast<sigset_t*>(&arg), sizeof arg);
            count = in_submission_queue();
            if (answer >= 0 && count > 0)
                continue;  // an SQE at a time where SUBMIT_ALL is missing
            if (answer >= 0 || answer == -ETIME)
                return;
            // EBUSY and EAGAIN: the kernel is short of memory or of room for completions. Reap, retry.
            if (answer != -EINTR && answer != -EBUSY && answer != -EAGAIN)
                throw std::system_error(-answer, std::system_category(), "io_uring_enter");
            if (answer == -EINTR && count == 0)
                return;
            reap();
            until = time_point::min();
        }
    }

    void reap() noexcept {
        for (;;) {
            unsigned head = *ring_.cq.khead;
            const unsigned tail = io_uring_smp_load_acquire(ring_.cq.ktail);
            if (head == tail)
                return;
            for (; head != tail; ++head)
                completion::deliver(ring_.cq.cqes[head & (ring_.cq.ring_entries - 1)]);
            io_uring_smp_store_release(ring_.cq.khead, head);
            // What did not fit waits inside the kernel until there is room again.
            if ((__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_CQ_OVERFLOW) == 0)
                return;
            io_uring_enter2(static_cast<unsigned>(ring_.enter_ring_fd), 0, 0,
                            (enter_flags_ & IORING_ENTER_REGISTERED_RING) | IORING_ENTER_GETEVENTS, nullptr, 0);
        }
    }

    void listen_for_wake() {
        io_uring_sqe& read = push();
        io_uring_prep_read(&read, wake_fd_, &wake_count_, sizeof wake_count_, 0);
        read.user_data = on_wake_.user_data();
    }

    struct wake_completion : completion {
        explicit wake_completion(uring& k) noexcept : completion(&complete), owner(k) {}
        static void complete(completion& c, int res, unsigned) noexcept {
            // It may have been cancelled with everything else, and still wakes are to be heard. Any other error
            // says that somebody closed the descriptor, or that it names something else by now: that would be
            // an error again at once, for ever.
            const bool heard = res == sizeof(std::uint64_t);
            if (heard || res == -ECANCELED || res == -EINTR || res == -EAGAIN || res == -ENOMEM)
                static_cast<wake_completion&>(c).owner.listen_for_wake();
            else
                report("the event loop can no longer be woken from other threads: its eventfd says " +
                       std::system_category().message(-res));
        }
        uring& owner;
    };

    io_uring ring_{};
    unsigned features_ = 0;
    unsigned submission_room_ = 0;
    unsigned mask_ = 0;
    unsigned enter_flags_ = 0;
    bool absolute_timeouts_ = false;
    std::bitset<256> supported_;
    std::vector<std::pair<void*, std::size_t>> buffer_rings_;
    std::vector<int> free_buffers_;  // below buffers_given_
    int buffers_given_ = 0;
    bool has_buffer_table_ = false;

    int wake_fd_ = -1;
    std::uint64_t wake_count_ = 0;
    wake_completion on_wake_{*this};
};

}  // namespace

std::unique_ptr<kernel> make_uring() { return std::make_unique<uring>(); }

}  // namespace ringlet::io
