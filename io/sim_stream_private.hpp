#pragma once
// Stream sockets, TCP and UNIX alike: listening ones and connected ones. Who is bound and called is in
// sim_listen.cpp, what a connected one does with bytes in sim_stream.cpp.

#include "sim_endpoint_private.hpp"
#include "sim_machine_private.hpp"
#include "sim_memory_private.hpp"
#include "sim_network_private.hpp"
#include "sim_options_private.hpp"

#include <deque>
#include <memory>

namespace ringlet::sim {

class stream final : public object {
public:
    stream(simulator& s, process& owner, sa_family_t family) noexcept : object(s), owner_(&owner), family_(family) {}

    std::optional<answer> attempt(pending& p) override;
    int perform(const io_uring_sqe& sqe) override;
    unsigned ready() const noexcept override;
    void released() override;

    /// A call has come through `from_caller`: to a listener, if there is one.
    static void answer_call(simulator& s, const std::shared_ptr<lane>& from_caller);

    void arrive(parcel p);

    /// The connection is broken: whoever waits gets the error.
    void fail(int error);

    /// Closed, or its process has died.
    bool gone() const noexcept { return gone_; }

private:
    enum class phase : std::uint8_t { fresh, listening, calling, connected, broken };

    // sim_listen.cpp
    int bind(endpoint to);
    int listen(int backlog);
    int call(const endpoint& to);
    int call_local(const endpoint& to);
    std::optional<answer> attempt_accept(pending& p);
    std::optional<answer> attempt_connect(pending& p);
    int accept_one(pending& p);
    std::shared_ptr<stream> picked_up_by(stream& listener);
    void make_lanes(machine& to, bool local);
    void confirmed();
    bool is_full() const noexcept { return callers_.size() + dialing_.size() >= most_callers_; }
    bool listens_to(const endpoint& called) const noexcept;
    void forget_callers();
    void leave_port();

    // sim_stream.cpp
    std::optional<answer> attempt_send(pending& p);
    std::optional<answer> attempt_receive(pending& p);
    std::optional<answer> attempt_receive_many(pending& p);
    std::optional<int> end_of_data() noexcept;
    std::size_t some_of(std::size_t most) noexcept;
    void send_some(const memory_parts& from, std::size_t skip, std::size_t count);
    void take(const memory_parts& into, std::size_t skip, std::size_t count, bool keep);
    void tell_of_room();
    int shutdown(int how);
    void hang_up();

    process* owner_;
    sa_family_t family_;
    phase phase_ = phase::fresh;
    bool bound_ = false;
    bool gone_ = false;
    endpoint local_;
    endpoint remote_;
    socket_options options_;

    std::deque<std::shared_ptr<stream>> callers_;  // of a listener: connected and not accepted
    std::deque<std::shared_ptr<stream>> dialing_;  // who have called and not been confirmed
    std::size_t most_callers_ = 0;
    std::weak_ptr<stream> listener_;  // of one that was called and is not connected yet
    unsigned calls_ = 0;  // how often a full backlog had no room for it

    std::shared_ptr<lane> out_;
    std::shared_ptr<lane> in_;
    std::deque<std::vector<std::byte>> arrived_;
    std::size_t first_taken_ = 0;  // of arrived_.front()
    std::size_t unread_ = 0;
    bool no_more_arrives_ = false;
    bool reading_shut_ = false;
    bool writing_shut_ = false;
    int error_ = 0;  // told once
};

}  // namespace ringlet::sim
