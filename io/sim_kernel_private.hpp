#pragma once
// The simulated kernel: takes requests, lets time jump from one event to the next, and delivers
// completions in an order drawn from the seed. What requests mean is told by the objects they are
// about; how bytes travel, by the network.

#include "sim_events_private.hpp"
#include "sim_log_private.hpp"
#include "sim_machine_private.hpp"
#include "sim_network_private.hpp"
#include "sim_object_private.hpp"
#include "sim_random_private.hpp"

#include <ringlet/io/sim_faults.hpp>

#include <atomic>
#include <functional>
#include <map>
#include <span>

namespace ringlet::sim {

/// "send" for IORING_OP_SEND; empty for what is not simulated.
std::string_view name_of(unsigned opcode) noexcept;

class simulator final : public kernel {
public:
    simulator(std::uint64_t seed, const class faults& what_fails);
    ~simulator() override;

    time_point now() noexcept override { return now_; }
    void turn(time_point until) override;
    void wake() noexcept override;
    bool clock_jumps() const noexcept override { return true; }
    io_uring_buf_ring* provide_buffers(std::uint16_t group, unsigned entries) override;
    bool supports(unsigned opcode) const noexcept override;
    int perform(const io_uring_sqe& sqe) noexcept override;

    /// Not the beginning of time, so that a moment before it can be told.
    static constexpr time_point beginning{1h};

    // --- for the objects ---

    class dice& dice() noexcept { return dice_; }
    const class faults& faults() const noexcept { return faults_; }
    class network& network() noexcept { return network_; }
    machines& hosts() noexcept { return machines_; }
    event_log& log() noexcept { return log_; }

    void note(const process& who, std::string_view what, std::uint64_t number, std::int64_t outcome) {
        log_.add(now_, who.on->name, what, number, outcome);
    }

    void plan(time_point when, std::shared_ptr<happening> what) { agenda_.plan(when, std::move(what)); }
    template <std::invocable Fn>
    void plan(time_point when, Fn fn) {
        struct call final : happening {
            explicit call(Fn f) : fn(std::move(f)) {}
            void happen() override { fn(); }
            Fn fn;
        };
        agenda_.plan(when, std::make_shared<call>(std::move(fn)));
    }

    /// The last completion of a request; it is gone afterwards.
    void finish(pending& p, answer a);
    /// A completion of a multishot request that goes on.
    void finish_one(pending& p, answer a) { complete(p, {a.res, a.flags | IORING_CQE_F_MORE}); }
    /// Whether a multishot request ends here, because of a fault or a late cancel: what takes no virtual
    /// time could otherwise go on without end until the cancel is due.
    bool ends_multishot(const pending& p) noexcept {
        return dice_.chance(p.asked_to_stop ? 0.5 : faults_.multishot_ends());
    }
    /// Finishes a request in `delay`, like one that runs on a kernel thread: a cancel does not reach it.
    void finish_in(duration delay, pending& p, std::function<answer(pending&)> work);

    /// What a cancelled or cut request answers: what it had moved, else `error`.
    void stop(pending& p, int error);
    /// Stops every request made by a process that died.
    void stop_all_of(const process& who);

    /// The next buffer of a group, or none.
    struct buffer {
        std::span<std::byte> room;
        unsigned flags;  // IORING_CQE_F_BUFFER and its number
    };
    std::optional<buffer> select_buffer(unsigned group);

    /// Called when nothing can happen any more unless another thread wakes us; true if it changed that.
    std::function<bool()> on_idle;

    /// Where to say at the end which descriptors were not closed.
    std::shared_ptr<std::string> left_open;

private:
    struct completion_entry {
        time_point due;
        std::uint64_t number;
        std::uint64_t user_data;
        answer what;
    };
    struct buffer_group {
        std::unique_ptr<std::byte[]> memory;
        io_uring_buf_ring* ring;
        unsigned entries;
        std::uint16_t head;
    };

    void take(const io_uring_sqe& sqe);
    void begin(pending& p);
    int attempt_now(process& who, const io_uring_sqe& sqe);
    int make_socket(process& who, int family, int type);
    int make_pipe(process& who, int* ends);
    void cancel(pending& asking);
    void end_early(pending& p, bool late);
    void start_timeout(pending& p);
    void complete(pending& p, answer a);
    bool deliver();
    void shuffle(std::vector<completion_entry>& batch);
    bool take_wake();
    pending* find(std::uint64_t number);

    class dice dice_;
    const class faults faults_;
    event_log log_;
    time_point now_ = beginning;
    agenda agenda_;
    class network network_;
    machines machines_;
    std::map<unsigned, buffer_group> buffers_;
    list<in_flight> requests_;
    std::vector<completion_entry> completions_;
    std::uint64_t numbers_ = 0;
    std::uint64_t idle_turns_ = 0;

    std::atomic<bool> woken_{false};
};

}  // namespace ringlet::sim
