#pragma once
// Memory that files are read into and written from faster: it is known to the ring, so that the kernel need
// not look up and hold its pages at each request (io_uring_register_buffers(3)), which is a tenth of what a
// direct read of 4 KiB costs. It starts at a page, as direct files want it.

#include <cstddef>
#include <span>
#include <utility>

namespace ringlet::io {

/// A part of a registered_buffer. Wherever bytes are wanted it is a span of them.
class registered_span {
public:
    /// `index` is the buf_index of requests to the kernel, -1 for memory that it does not know.
    registered_span(std::span<std::byte> bytes, int index) noexcept : bytes_(bytes), index_(index) {}

    operator std::span<std::byte>() const noexcept { return bytes_; }
    std::span<std::byte> bytes() const noexcept { return bytes_; }
    std::byte* data() const noexcept { return bytes_.data(); }
    std::size_t size() const noexcept { return bytes_.size(); }
    bool empty() const noexcept { return bytes_.empty(); }
    int index() const noexcept { return index_; }

    /// As with std::span.
    registered_span subspan(std::size_t from, std::size_t count = std::dynamic_extent) const noexcept {
        return {bytes_.subspan(from, count), index_};
    }
    registered_span first(std::size_t count) const noexcept { return subspan(0, count); }

private:
    std::span<std::byte> bytes_;
    int index_;
};

/// It belongs to the loop it was made on, and must outlive what reads into it and writes from it.
class registered_buffer {
public:
    /// Zeroed. Where the kernel does not take it (no io_uring, Linux before 5.19, RLIMIT_MEMLOCK, over 1 GiB)
    /// it is memory like any other and everything works. Throws std::system_error when there is none.
    explicit registered_buffer(std::size_t size);
    registered_buffer(registered_buffer&& other) noexcept
        : memory_(std::exchange(other.memory_, {})), index_(std::exchange(other.index_, -1)) {}
    registered_buffer& operator=(registered_buffer&& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(index_, other.index_);
        return *this;
    }
    ~registered_buffer();

    registered_span all() const noexcept { return {memory_, index_}; }
    registered_span subspan(std::size_t from, std::size_t count = std::dynamic_extent) const noexcept {
        return all().subspan(from, count);
    }
    std::size_t size() const noexcept { return memory_.size(); }

    /// Whether the kernel took it.
    bool registered() const noexcept { return index_ >= 0; }

private:
    std::span<std::byte> memory_;
    int index_ = -1;
};

}  // namespace ringlet::io
