#include <ringlet/net/polled_socket_private.hpp>

#include <ringlet/core/loop.hpp>

#include <poll.h>

#include <cerrno>

namespace ringlet::net::detail {

void polled_socket::watch(bool readable, bool writable) noexcept {
    wanted_ = (readable ? POLLIN : 0U) | (writable ? POLLOUT : 0U);
    if (!telling_)
        arm();
}

void polled_socket::close() noexcept {
    watcher_ = nullptr;
    wanted_ = 0;
    if (telling_)
        return;
    if (armed_ != 0)
        arm();
    else
        delete this;
}

/// Makes the poll in flight the one that is wanted.
void polled_socket::arm() noexcept {
    if (armed_ == wanted_ || canceling_)
        return;
    loop& l = loop::current();
    if (armed_ != 0) {
        canceling_ = true;
        l.push_cancel(user_data());
        return;
    }
    io_uring_prep_poll_add(&l.push(*this), fd_.get(), wanted_);
    armed_ = wanted_;
}

void polled_socket::polled(completion& c, int res, unsigned) noexcept {
    auto& self = static_cast<polled_socket&>(c);
    loop::current().landed();
    const bool canceled = self.canceling_ && res == -ECANCELED;
    const unsigned wanted = self.armed_;
    self.armed_ = 0;
    self.canceling_ = false;
    if (self.watcher_ != nullptr && !canceled) {
        self.telling_ = true;
        const auto events = static_cast<unsigned>(res < 0 ? 0 : res);
        // An error is met by whoever reads or writes.
        const unsigned ready = (events & ~unsigned{POLLIN | POLLOUT}) != 0 ? wanted : events;
        if (res < 0)
            self.wanted_ = 0;
        self.watcher_->ready(self, (ready & POLLIN) != 0, (ready & POLLOUT) != 0, res < 0 ? -res : 0);
        self.telling_ = false;
    }
    if (self.watcher_ == nullptr)
        delete &self;
    else
        self.arm();
}

}  // namespace ringlet::net::detail
