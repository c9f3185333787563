#pragma once
// Pipes: bytes from one end to the other, between greenlets, threads or processes. An end is half a
// stream; `joined` makes a whole one of a reading and a writing end, such as a child's output and input.
// The ends also suit terminals and other descriptors that read(2) and write(2) understand.

#include <ringlet/io/descriptor.hpp>
#include <ringlet/io/stream.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace ringlet::io {

class pipe_reader {
public:
    class [[nodiscard]] read_awaiter;

    explicit pipe_reader(io::fd end, std::string name = "a pipe") : end_(std::move(end), std::move(name)) {}

    /// Awaitable: at least one byte into `into`, which must live until then; 0 when all writing ends are
    /// closed. A second reader at the same time is refused with std::logic_error that names both.
    read_awaiter read(std::span<std::byte> into);

    void close() noexcept { end_.close(); }
    int native_handle() const noexcept { return end_.get(); }
    const std::string& name() const noexcept { return end_.name(); }

private:
    descriptor end_;
};

class pipe_writer {
public:
    class [[nodiscard]] write_awaiter;
    class [[nodiscard]] shutdown_awaiter;

    explicit pipe_writer(io::fd end, std::string name = "a pipe");

    /// Awaitable: writes all of `from`, which must live until then. Several writers take turns. Writing
    /// to a pipe that nobody reads is an error, never a SIGPIPE.
    write_awaiter write_all(std::span<const std::byte> from);

    /// Awaitable, and never waits: says that no more will be written, by closing.
    shutdown_awaiter shutdown() noexcept;

    void close() noexcept { end_.close(); }
    int native_handle() const noexcept { return end_.get(); }
    const std::string& name() const noexcept { return end_.name(); }

private:
    descriptor end_;
};

/// pipe2(2): what is written to the second end is read from the first.
std::pair<pipe_reader, pipe_writer> make_pipe();

class pipe_reader::read_awaiter final : public descriptor::operation {
public:
    read_awaiter(const descriptor& from, std::span<std::byte> into) noexcept
        : operation(from, "a read from a pipe", "read from", turn::reader), into_(into) {}

    std::size_t await_resume() const {
        throw_if_failed();
        return static_cast<std::size_t>(outcome());
    }
    result<std::size_t> await_result() const;

private:
    bool trivial() const noexcept override { return into_.empty(); }
    void prepare(io_uring_sqe* sqe, int fd) noexcept override;
    bool answered(int& res) noexcept override;

    std::span<std::byte> into_;
    bool polling_ = false;
};

class pipe_writer::write_awaiter final : public descriptor::operation {
public:
    write_awaiter(const descriptor& to, std::span<const std::byte> from) noexcept
        : operation(to, "a write to a pipe", "write to", turn::writer), from_(from) {}

    void await_resume() const { throw_if_failed(); }
    result<void> await_result() const { return error(); }

private:
    bool trivial() const noexcept override { return from_.empty(); }
    void prepare(io_uring_sqe* sqe, int fd) noexcept override;
    bool answered(int& res) noexcept override;

    std::span<const std::byte> from_;
    bool polling_ = false;
    bool quiet_ = false;  // asked the kernel to raise no SIGPIPE
};

class pipe_writer::shutdown_awaiter {
public:
    explicit shutdown_awaiter(descriptor& end) noexcept : end_(end) {}
    bool await_ready() const {
        throw_if_canceled();
        return true;
    }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    void await_resume() const noexcept { end_.close(); }

private:
    descriptor& end_;
};

inline pipe_reader::read_awaiter pipe_reader::read(std::span<std::byte> into) { return {end_, into}; }
inline pipe_writer::write_awaiter pipe_writer::write_all(std::span<const std::byte> from) { return {end_, from}; }
inline pipe_writer::shutdown_awaiter pipe_writer::shutdown() noexcept { return shutdown_awaiter(end_); }

/// A stream that reads from one thing and writes to another. shutdown ends the writing.
template <class Reader, class Writer>
class joined {
public:
    joined(Reader from, Writer to) : reader_(std::move(from)), writer_(std::move(to)) {}

    auto read(std::span<std::byte> into) { return reader_.read(into); }
    auto write_all(std::span<const std::byte> from) { return writer_.write_all(from); }
    auto shutdown() { return writer_.shutdown(); }
    void close() noexcept {
        writer_.close();
        reader_.close();
    }
    std::string name() const { return reader_.name(); }

    Reader& reader() noexcept { return reader_; }
    Writer& writer() noexcept { return writer_; }

private:
    Reader reader_;
    Writer writer_;
};

static_assert(stream<joined<pipe_reader, pipe_writer>>);

}  // namespace ringlet::io
