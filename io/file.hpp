#pragma once
// Files. Every operation goes through the ring, so that a slow disk holds up one greenlet and not the
// loop, and names act and path when it fails: "open /x/y: No such file or directory". Positions are
// explicit: a file has no cursor, and any number of greenlets may use it at once.

#include <ringlet/core/task.hpp>
#include <ringlet/io/descriptor.hpp>
#include <ringlet/io/registered_buffer.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace ringlet::io {

/// How to open a file (open(2)): `file_mode::write().exclusive().permissions(0600)`.
class file_mode {
public:
    /// An existing file, for reading.
    static file_mode read() noexcept { return file_mode(O_RDONLY); }
    /// For writing; made if missing, emptied if not.
    static file_mode write() noexcept { return file_mode(O_WRONLY | O_CREAT | O_TRUNC); }
    /// An existing file, for both.
    static file_mode update() noexcept { return file_mode(O_RDWR); }
    /// For both; made if missing, and left as it is if not.
    static file_mode read_write() noexcept { return file_mode(O_RDWR | O_CREAT); }
    /// For writing at its end, wherever one asks to write; made if missing.
    static file_mode append() noexcept { return file_mode(O_WRONLY | O_CREAT | O_APPEND); }

    /// It must not exist yet.
    file_mode& exclusive() noexcept { return add(O_CREAT | O_EXCL); }
    file_mode& truncate() noexcept { return add(O_TRUNC); }
    /// Past the page cache; buffers, positions and sizes must be aligned. See registered_buffer.
    file_mode& direct() noexcept { return add(O_DIRECT); }
    /// Of a file that is made, less the umask.
    file_mode& permissions(mode_t bits) noexcept {
        permissions_ = bits;
        return *this;
    }
    /// Any other flag of open(2).
    file_mode& add(int flags) noexcept {
        flags_ |= flags;
        return *this;
    }

    int flags() const noexcept { return flags_; }
    mode_t permissions() const noexcept { return permissions_; }

private:
    explicit file_mode(int flags) noexcept : flags_(flags) {}

    int flags_;
    mode_t permissions_ = 0666;
};

class file {
public:
    class [[nodiscard]] read_awaiter;
    class [[nodiscard]] write_awaiter;
    class [[nodiscard]] size_awaiter;
    class [[nodiscard]] change_awaiter;

    /// Awaitable: opens it.
    static task<file> open(std::string path, file_mode mode = file_mode::read());

    /// Takes over a descriptor; `path` is what errors call it.
    explicit file(io::fd opened, std::string path) : descriptor_(std::move(opened), std::move(path)) {}

    /// Awaitable: reads at `offset` until `into` is full or the file ends; gives the count. `into` must
    /// live until then.
    read_awaiter read_at(std::uint64_t offset, std::span<std::byte> into);
    read_awaiter read_at(std::uint64_t offset, registered_span into);

    /// Awaitable: writes all of `from`, which must live until then.
    write_awaiter write_all_at(std::uint64_t offset, std::span<const std::byte> from);
    write_awaiter write_all_at(std::uint64_t offset, std::string_view from);
    write_awaiter write_all_at(std::uint64_t offset, registered_span from);

    /// Awaitable: the whole file. Throws EFBIG when it is longer than `limit`. Right also where the size
    /// is not known before, as in /proc. The object must stay where it is until then.
    task<std::string> read_all(std::size_t limit = default_limit);

    /// Awaitable: how long it is.
    size_awaiter size() const;

    /// Awaitable: cuts it, or fills it up with zeros.
    change_awaiter truncate(std::uint64_t size);

    /// Awaitable: until what was written is on the disk. With `data_only`, like fdatasync(2).
    change_awaiter sync(bool data_only = false);

    /// Awaitable: closes it, and throws what the system could only say now (a full disk on NFS). Whoever
    /// still uses it gets an error. Dropping a file closes it too, and asks nothing.
    task<> close();

    int native_handle() const noexcept { return descriptor_.get(); }
    const std::string& path() const noexcept { return descriptor_.name(); }

    static constexpr std::size_t default_limit = 64 * 1024 * 1024;

private:
    descriptor descriptor_;
};

/// Awaitable: what is in a file of at most `limit` bytes.
task<std::string> read_file(std::string path, std::size_t limit = file::default_limit);

/// How to replace a file; for the arguments of write_file().
class replace_options {
public:
    replace_options() = default;
    /// Of a new file, less the umask; a file that is there hands on its own.
    replace_options& permissions(mode_t bits) noexcept {
        permissions_ = bits;
        return *this;
    }
    /// Whether the bytes must be on the disk before the name points at them. Without, a crash of the
    /// machine can leave an empty file.
    replace_options& sync(bool on) noexcept {
        sync_ = on;
        return *this;
    }

    mode_t permissions() const noexcept { return permissions_; }
    bool sync() const noexcept { return sync_; }

private:
    mode_t permissions_ = 0666;
    bool sync_ = true;
};

/// Awaitable: makes `content` the content of a file. It is written beside and then renamed, so that
/// whoever reads it sees the old or the new content and never a part. `content` must live until then.
task<> write_file(std::string path, std::string_view content, replace_options options = {});

/// Awaitable: removes the name of a file (unlink(2)).
task<> unlink(std::string path);

/// Awaitable: gives a file another name, in place of what has it (rename(2)).
task<> rename(std::string from, std::string to);

class file::read_awaiter final : public descriptor::operation {
public:
    /// `index` is that of a registered_span.
    read_awaiter(const descriptor& from, std::uint64_t offset, std::span<std::byte> into, int index = -1) noexcept
        : operation(from, "a read from a file", "read", turn::any), index_(index), offset_(offset), into_(into) {}

    std::size_t await_resume() const;
    result<std::size_t> await_result() const;

private:
    bool trivial() const noexcept override { return into_.empty(); }
    void prepare(io_uring_sqe* sqe, int fd) noexcept override;
    bool answered(int& res) noexcept override;

    int index_;
    std::uint64_t offset_;
    std::span<std::byte> into_;  // what is left of it
    std::size_t done_ = 0;
};

class file::write_awaiter final : public descriptor::operation {
public:
    /// `index` is that of a registered_span.
    write_awaiter(const descriptor& to, std::uint64_t offset, std::span<const std::byte> from,
                  int index = -1) noexcept
        : operation(to, "a write to a file", "write", turn::any), index_(index), offset_(offset), from_(from) {}

    void await_resume() const { throw_if_failed(); }
    result<void> await_result() const { return error(); }

private:
    bool trivial() const noexcept override { return from_.empty(); }
    void prepare(io_uring_sqe* sqe, int fd) noexcept override;
    bool answered(int& res) noexcept override;

    int index_;
    std::uint64_t offset_;
    std::span<const std::byte> from_;  // what is left of it
};

class file::size_awaiter final : public descriptor::operation {
public:
    explicit size_awaiter(const descriptor& of) noexcept : operation(of, "the size of a file", "stat", turn::any) {}

    std::uint64_t await_resume() const {
        throw_if_failed();
        return about_.stx_size;
    }

private:
    void prepare(io_uring_sqe* sqe, int fd) noexcept override;

    struct statx about_{};
};

class file::change_awaiter final : public descriptor::operation {
public:
    /// `r` is complete but for its descriptor.
    change_awaiter(const descriptor& of, const char* what, const char* act, const request& r) noexcept
        : operation(of, what, act, turn::any), request_(r) {}

    void await_resume() const { throw_if_failed(); }
    result<void> await_result() const { return error(); }

private:
    void prepare(io_uring_sqe* sqe, int fd) noexcept override;
    bool answered(int& res) noexcept override;

    request request_;
    int answer_ = 0;  // of a system call made in the kernel's place
};

inline file::size_awaiter file::size() const { return size_awaiter(descriptor_); }

inline file::read_awaiter file::read_at(std::uint64_t offset, std::span<std::byte> into) {
    return {descriptor_, offset, into};
}
inline file::read_awaiter file::read_at(std::uint64_t offset, registered_span into) {
    return {descriptor_, offset, into.bytes(), into.index()};
}
inline file::write_awaiter file::write_all_at(std::uint64_t offset, std::span<const std::byte> from) {
    return {descriptor_, offset, from};
}
inline file::write_awaiter file::write_all_at(std::uint64_t offset, std::string_view from) {
    return write_all_at(offset, std::as_bytes(std::span(from.data(), from.size())));
}
inline file::write_awaiter file::write_all_at(std::uint64_t offset, registered_span from) {
    return {descriptor_, offset, from.bytes(), from.index()};
}

}  // namespace ringlet::io
