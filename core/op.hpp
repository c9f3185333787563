#pragma once
// op: a waiter that holds a filled-in SQE and room for the answer. It lives in the coroutine frame or
// on the fiber's stack, and its address is the user_data. Cancelling is asking: an abort pushes a
// cancel request that owns nothing, and the op goes on waiting for its own completion. What arrived in
// spite of the abort is delivered, and the next wait fails (io_uring_cancelation(7)).

#include <ringlet/core/greenlet_base.hpp>

#include <cerrno>

namespace ringlet {

class op : public waiter, public completion {
public:
    bool await_ready() const {
        throw_if_canceled();
        return false;
    }
    void await_suspend(std::coroutine_handle<> h) {
        request_->personality = loop::current().running().personality();
        submit();  // first, because it may throw, and then nobody waits
        park(h);
    }

    const char* what() const noexcept override { return what_; }

    /// What it asks of the kernel, as long as it waits.
    const io_uring_sqe& asked() const noexcept { return *request_; }

protected:
    /// `what` names it in reports, and must outlive it.
    explicit op(const char* what) noexcept
        : waiter(source::outside, kind::operation), completion(&complete), what_(what) {}
    op(op&& other) noexcept
        : waiter(std::move(other)), completion(&complete), request_(other.request_), what_(other.what_) {}

    void submit() {
        request_->user_data = user_data();
        res_ = 0;
        loop::current().push(*request_);
    }

    /// True when the kernel ended it because it was asked to. Work that had begun on a kernel thread is
    /// interrupted instead of cancelled.
    bool was_canceled() const noexcept { return aborted() && (res_ == -ECANCELED || res_ == -EINTR); }

    /// What the CQE said: a count, a descriptor, or a negative errno.
    int res() const noexcept { return res_; }

    request request_;

private:
    void abort() noexcept override { loop::current().push_cancel(user_data()); }

    // A zero-copy send answers twice: the count first, and later that the buffer is free. The frame
    // must stay until the second.
    static void complete(completion& c, int res, unsigned flags) noexcept {
        op& self = static_cast<op&>(c);
        if ((flags & IORING_CQE_F_NOTIF) == 0)
            self.res_ = res;
        if ((flags & IORING_CQE_F_MORE) != 0)
            return;
        loop::current().landed();
        wake(self);
    }

    const char* what_;
    int res_ = 0;
};

}  // namespace ringlet
