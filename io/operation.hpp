#pragma once
// operation<T>: one request to the kernel and what its answer means. ops.hpp has them all.

#include <ringlet/core/op.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/io/fd.hpp>

#include <cstddef>
#include <system_error>

namespace ringlet::io {

/// The error of a failed act: "recv on fd 7: Connection reset by peer". `error` is an errno.
std::system_error failure(const char* act, int fd, int error);

/// Awaitable: gives T made of the count or descriptor in the CQE, or throws std::system_error.
/// Buffers and paths that it was given are borrowed until then.
template <class T>
class [[nodiscard]] operation : public op {
public:
    /// `prepare` fills in the SQE; `on` is the descriptor named in errors, -1 for none.
    template <class Prepare>
    operation(const char* act, int on, Prepare prepare) : op(act), fd_(on) {
        prepare(&*request_);
    }

    T await_resume() const {
        if (was_canceled())
            throw_if_aborted();
        if (res() < 0)
            throw failure(what(), fd_, -res());
        if constexpr (!std::is_void_v<T>)
            return T(res());
    }

    result<T> await_result() const {
        if (was_canceled())
            throw_if_aborted();
        if (res() < 0)
            return std::error_code(-res(), std::system_category());
        if constexpr (std::is_void_v<T>)
            return {};
        else
            return T(res());
    }

private:
    int fd_;
};

}  // namespace ringlet::io
