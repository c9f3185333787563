#pragma once
// How what goes on for long on an upgraded connection hears that its server stops, whatever it does just then.

#include <ringlet/core/event.hpp>
#include <ringlet/core/scope.hpp>

namespace ringlet::http {

class response_writer;

namespace detail {

struct stop_sign {
    const ringlet::event* asked = nullptr;  // set from then on
    scope* waiting = nullptr;  // of who waits meanwhile, cancelled then
};

/// That of a connection after its upgrade; valid while its handler runs.
stop_sign* stop_sign_of(response_writer& out) noexcept;

}  // namespace detail

}  // namespace ringlet::http
