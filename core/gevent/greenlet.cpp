#include <ringlet/core/gevent/greenlet.hpp>

#include <ringlet/core/gevent/kill.hpp>

namespace ringlet::gevent {

bool AnyGreenlet::started() const noexcept { return state().started() && !dead(); }

bool AnyGreenlet::successful() const noexcept {
    const auto kind = state().result_kind();
    return kind == greenlet_base::outcome::value || kind == greenlet_base::outcome::killed;
}

bool AnyGreenlet::join(interval timeout) const {
    if (dead())
        return true;
    const AnyGreenlet alive(*this);
    return within(timeout, [&] { await(join_awaiter(state())); });
}

void AnyGreenlet::raise(std::exception_ptr exception, bool block, interval timeout) const {
    const AnyGreenlet asked(*this);  // `this` may name another one when that has been told
    if (!raise_in({asked}, exception, block).empty() && block)
        asked.join(timeout);
}

}  // namespace ringlet::gevent
