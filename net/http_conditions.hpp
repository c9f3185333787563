#pragma once
// Requests that hold only under a condition (RFC 9110 section 13): what a client has already need not
// be sent again, what has changed meanwhile must not be overwritten.

#include <ringlet/net/http_fields.hpp>

#include <ctime>
#include <string_view>

namespace ringlet::http {

/// What tells one state of a resource from another.
struct validators {
    std::string_view etag;  // with its quotes, and W/ if it is weak; empty: none
    std::time_t modified = -1;  // -1: not known
};

enum class condition {
    holds,
    not_modified,  // answer 304
    failed,  // answer 412
};

/// If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since, in the order of section 13.2.2.
condition judge_conditions(std::string_view method, const fields& asked, const validators& now);

/// Whether a Range field counts: there is no If-Range, or it names this very state.
bool range_counts(const fields& asked, const validators& now);

}  // namespace ringlet::http
