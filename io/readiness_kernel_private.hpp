#pragma once
// The parts of the readiness kernel put together. readiness.cpp takes requests and turns;
// readiness_multishot.cpp has those that answer more than once, readiness_cancel.cpp those that are
// about other requests.

#include <ringlet/io/readiness.hpp>

#include "readiness_buffers_private.hpp"
#include "readiness_helpers_private.hpp"
#include "readiness_store_private.hpp"
#include "readiness_watch_private.hpp"

#include <map>
#include <optional>
#include <vector>

namespace ringlet::io::readiness {

class readiness_kernel final : public kernel {
public:
    readiness_kernel() = default;
    ~readiness_kernel() override;

    time_point now() noexcept override;
    void turn(time_point until) override;
    void wake() noexcept override;
    io_uring_buf_ring* provide_buffers(std::uint16_t group, unsigned entries) override;
    bool supports(unsigned opcode) const noexcept override;
    int perform(const io_uring_sqe& sqe) noexcept override;

private:
    // Taking requests.
    void submit(const io_uring_sqe& sqe);
    void settle(const io_uring_sqe& sqe, const progress& so_far, int outcome);
    int step(const io_uring_sqe& sqe, progress& so_far, std::uint32_t events);
    int receive_selected(const io_uring_sqe& sqe, progress& so_far, std::uint32_t events);
    int accept_many(const io_uring_sqe& sqe);
    int poll_many(const io_uring_sqe& sqe);

    // Letting them wait and go on.
    void wait_for_descriptor(pending& p);
    void wait_for_time(pending& p, time_point when);
    void hand_to_helper(pending& p);
    void on_event(std::uint64_t key, std::uint32_t events);
    void serve(watch& w, std::uint64_t key, std::uint32_t events, bool polls);
    void take_from_helpers();
    void take_due();
    void poll(time_point until);

    // Requests about requests.
    void start_timeout(const io_uring_sqe& sqe);
    void cancel(const io_uring_sqe& sqe);
    void cancel_matching(const io_uring_sqe& sqe, unsigned flags, unsigned opcode);
    bool stop(pending& p);
    void finish_stopped();

    // Answering.
    void emit(const io_uring_sqe& sqe, int res, unsigned flags = 0) noexcept {
        completed_ = true;
        if (res >= 0 && (sqe.flags & IOSQE_CQE_SKIP_SUCCESS) != 0 && (flags & IORING_CQE_F_MORE) == 0)
            return;
        io_uring_cqe cqe{};
        cqe.user_data = sqe.user_data;
        cqe.res = res;
        cqe.flags = flags;
        completion::deliver(cqe);
    }
    void finish(pending& p, int res) noexcept;

    struct more {
        std::uint64_t key;
        std::uint32_t events;
    };

    store requests_;
    watches watches_;
    buffer_rings buffers_;
    std::multimap<time_point, pending*> clock_;
    std::vector<more> more_;  // descriptors that were left before they were empty
    std::vector<more> more_now_;
    std::vector<io_uring_sqe> taken_;
    std::vector<pending*> stopped_;
    unsigned selected_ = 0;  // CQE flags of the answer that step() gives
    bool completed_ = false;  // something was answered in this turn
    bool skipped_ = false;  // the last turn did not ask epoll
    std::optional<helpers> helpers_;
};

}  // namespace ringlet::io::readiness
