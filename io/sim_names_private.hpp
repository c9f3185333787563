#pragma once
// The name server of a simulated world, 10.255.255.253: it knows the hosts by their names.

#include "sim_machine_private.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace ringlet::sim {

inline constexpr std::uint16_t name_port = 53;

/// What it answers to a question (RFC 1035); empty when that is none.
std::vector<std::byte> answer_from_name_server(machines& hosts, std::span<const std::byte> question);

}  // namespace ringlet::sim
