#pragma once
// A descriptor together with what is in flight on it: what pipes, files and datagram sockets are made
// of. Closing it, or dropping it, asks the kernel to end what is in flight, waits for that in the
// background, closes the descriptor, and only then tells whoever waits. So nobody's request can end up
// on a descriptor that was closed and opened again as something else. (Stream sockets do the same
// around a multishot receive, net/socket.hpp.)

#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/io/fd.hpp>

#include <string>
#include <system_error>

namespace ringlet::io {

class descriptor {
public:
    class operation;

    /// `name` is what errors call it: a path, or what it leads to.
    descriptor(io::fd owned, std::string name);
    descriptor(descriptor&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }
    ~descriptor();

    void close() noexcept;

    /// Closes it too, but gives the descriptor to the caller if nothing is in flight: for those who want
    /// to hear what close(2) says.
    io::fd release() noexcept;

    /// -1 when closed.
    int get() const noexcept;
    const std::string& name() const noexcept;

private:
    struct state;
    state& held() const noexcept {
        check(state_ != nullptr, "a descriptor was used after it had been moved from");
        return *state_;
    }

    state* state_ = nullptr;
};

/// Base of the awaiters. It holds what it needs of the descriptor, which may be moved, closed or
/// destroyed meanwhile.
class descriptor::operation : public waiter, private completion {
public:
    bool await_ready();
    void await_suspend(std::coroutine_handle<> h);
    const char* what() const noexcept override { return what_; }

protected:
    /// Who may be in flight together: everybody; one reader, and a second one is refused; one writer,
    /// and the others wait for their turn.
    enum class turn : std::uint8_t { any, reader, writer };

    /// `what` is for reports ("a read from a pipe"), `act` for errors ("read from").
    operation(const descriptor& on, const char* what, const char* act, turn t) noexcept;
    operation(operation&& other) noexcept;
    ~operation() override;

    /// True when there is nothing to do, as with an empty buffer.
    virtual bool trivial() const noexcept { return false; }

    /// Fills in the request.
    virtual void prepare(io_uring_sqe* sqe, int fd) noexcept = 0;

    /// Looks at an answer; false when more is to be done, and prepare() is called again. It may change
    /// `res`, which becomes the outcome.
    virtual bool answered(int& res) noexcept {
        (void)res;
        return true;
    }

    /// A count, or a negative errno.
    int outcome() const noexcept { return outcome_; }

    /// Throws if it failed: canceled, or a system_error that names act and descriptor.
    void throw_if_failed() const;
    std::error_code error() const;
    [[noreturn]] void fail(int error) const;

private:
    friend class descriptor;
    void abort() noexcept override;
    static void complete(completion& c, int res, unsigned flags) noexcept;
    void submit();
    void start_next_writer() noexcept;

    state& state_;
    const char* what_;
    const char* act_;
    turn turn_;
    bool in_flight_ = false;
    int outcome_ = 0;
};

}  // namespace ringlet::io
