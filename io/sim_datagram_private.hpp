#pragma once
// Datagram sockets, UDP and UNIX: each message whole or not at all, possibly twice or out of order.

#include "sim_endpoint_private.hpp"
#include "sim_machine_private.hpp"
#include "sim_memory_private.hpp"
#include "sim_options_private.hpp"

#include <deque>
#include <vector>

namespace ringlet::sim {

class datagram final : public object {
public:
    datagram(simulator& s, process& owner, sa_family_t family) noexcept
        : object(s), owner_(&owner), family_(family) {}

    std::optional<answer> attempt(pending& p) override;
    int perform(const io_uring_sqe& sqe) override;
    unsigned ready() const noexcept override;
    void released() override;

    struct message {
        endpoint from;
        endpoint to;
        std::vector<std::byte> bytes;
    };

private:
    int bind(endpoint to);
    int connect(const endpoint& to);
    std::optional<answer> attempt_send(pending& p);
    std::optional<answer> attempt_receive(pending& p);
    std::optional<answer> attempt_receive_many(pending& p);
    answer fill(std::span<std::byte> room, const request& sqe, const message& m) const;
    int send(message m);
    void travel(machine& to, message m, duration longer);
    std::shared_ptr<datagram> unix_receiver(const endpoint& at) const;
    bool is_full() const noexcept;
    void will_tell(const std::shared_ptr<object>& sender);
    void let_send();
    void arrive(message m);
    void take_first();
    static void deliver(simulator& s, machine& to, const std::weak_ptr<datagram>& sender, message m);
    static void answer_question(simulator& s, machine& from, const std::shared_ptr<datagram>& asker, message m);
    bool takes(const message& m) const noexcept;

    process* owner_;
    sa_family_t family_;
    bool bound_ = false;
    bool connected_ = false;
    bool gone_ = false;
    int error_ = 0;
    endpoint local_;
    endpoint remote_;
    socket_options options_;
    std::deque<message> arrived_;
    std::size_t bytes_waiting_ = 0;
    std::vector<std::weak_ptr<object>>
        senders_;  // who is connected to this UNIX socket, or has waited for room in it
};

}  // namespace ringlet::sim
