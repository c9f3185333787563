#include <ringlet/core/timeout.hpp>

namespace ringlet {

timeout_error::timeout_error(const std::string& act, duration waited)
    : std::system_error(std::make_error_code(std::errc::timed_out)),
      text_((act.empty() ? "" : act + ": ") + "timed out after " + to_string(waited)),
      waited_(waited) {}

namespace detail {

void throw_timeout(const deadline& d, duration limit) {
    if (!d.ends_here())
        throw;  // the canceled that is being handled
    throw timeout_error(d.interrupted() != nullptr ? d.interrupted() : "", limit);
}

}  // namespace detail
}  // namespace ringlet
