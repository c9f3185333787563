#pragma once
// Pipes of a simulated host.

#include "sim_object_private.hpp"

#include <cstddef>
#include <deque>
#include <memory>

namespace ringlet::sim {

class pipe_end final : public object {
public:
    /// The reading end and the writing end of a new pipe.
    static std::pair<std::shared_ptr<pipe_end>, std::shared_ptr<pipe_end>> make(simulator& s);

    pipe_end(simulator& s, bool writes) noexcept : object(s), writes_(writes) {}

    std::optional<answer> attempt(pending& p) override;
    unsigned ready() const noexcept override;
    void released() override;

private:
    std::optional<answer> attempt_read(pending& p);
    std::optional<answer> attempt_write(pending& p);

    struct contents {
        std::deque<std::byte> bytes;
        bool has_reader = true;
        bool has_writer = true;
    };

    bool writes_;
    std::shared_ptr<contents> pipe_;
    std::weak_ptr<pipe_end> other_;
};

}  // namespace ringlet::sim
