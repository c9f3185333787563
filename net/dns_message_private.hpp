#pragma once
// The little of a DNS message that c-ares has no function for: how long a "no" may be believed.

#include <chrono>
#include <cstddef>
#include <span>

namespace ringlet::net::detail {

/// RFC 2308 section 5: the smaller of the SOA's own TTL and its minimum field. Zero, which means not
/// at all, when there is no SOA in the authority section or the message makes no sense.
std::chrono::seconds negative_ttl(std::span<const std::byte> message) noexcept;

}  // namespace ringlet::net::detail
