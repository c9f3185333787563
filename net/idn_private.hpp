#pragma once
// International names: "bücher.example" is asked for as "xn--bcher-kva.example" (UTS 46, as the url
// standard wants it). By libidn2, if it is there.

#include <string>

namespace ringlet::net::detail {

/// The ASCII form of a UTF-8 name. Empty, and `reason` says why ("is no ..."), if it has none.
std::string to_ascii_name(const std::string& name, std::string& reason);

}  // namespace ringlet::net::detail
