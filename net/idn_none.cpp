#include <ringlet/net/idn_private.hpp>

namespace ringlet::net::detail {

std::string to_ascii_name(const std::string&, std::string& reason) {
    reason = "is not ASCII; international names need libidn2, which this build is without: write its xn-- form";
    return {};
}

}  // namespace ringlet::net::detail
