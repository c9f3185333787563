#pragma once
// One phase of an exchange, which may take its time and no longer, nor longer than the whole exchange may.

#include <ringlet/core/loop.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/net/http_connection.hpp>

#include <algorithm>
#include <string>

namespace ringlet::http::detail {

class phase {
public:
    phase(duration allowed, const timeouts& t, time_point until)
        : until_(until), total_(t.total), allowed_(allowed), in_time_(end_of(allowed)), limit_(earlier()) {}

    /// The next phase begins.
    void restart(duration allowed) {
        allowed_ = allowed;
        in_time_ = end_of(allowed);
        limit_.restart(earlier());
    }

    /// A canceled that comes by was meant for this.
    bool ends_here() const noexcept { return limit_.ends_here(); }
    /// In a handler for canceled: throws it again, or timeout_error if it was this that took too long.
    [[noreturn]] void explain(const std::string& act) const {
        if (!limit_.ends_here())
            throw;
        throw timeout_error(act, until_ < in_time_ ? total_ : allowed_);
    }

private:
    static time_point end_of(duration allowed) { return after(loop::current().now(), allowed); }
    time_point earlier() const { return std::min(in_time_, until_); }

    time_point until_;
    duration total_, allowed_;
    time_point in_time_;
    deadline limit_;
};

}  // namespace ringlet::http::detail
