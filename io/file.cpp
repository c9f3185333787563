#include <ringlet/io/file.hpp>

#include "linux_private.hpp"
#include "path_private.hpp"

#include <ringlet/io/ops.hpp>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <climits>

namespace ringlet::io {
namespace {

constexpr std::size_t first_guess = 4096;

/// close(2) on the ring. Whatever it answers the descriptor is gone, unless it was never begun.
class closing final : public op {
public:
    explicit closing(io::fd& which) noexcept : op("close"), fd_(which) {
        io_uring_prep_close(&*request_, which.get());
    }
    int await_resume() const {
        if (res() == -ECANCELED)
            throw_if_aborted();
        else
            fd_.release();
        return -res();
    }

private:
    io::fd& fd_;
};

task<> close_now(io::fd which, std::string path) {
    if (!which)
        co_return;
    const int error = co_await closing(which);
    if (error != 0)
        throw std::system_error(error, std::system_category(), "close " + path);
}

/// Removes the name of a file that did not become what it was made for.
class discarded_unless_kept {
public:
    explicit discarded_unless_kept(const std::string& path) noexcept : path_(path) {}
    discarded_unless_kept(const discarded_unless_kept&) = delete;
    discarded_unless_kept& operator=(const discarded_unless_kept&) = delete;
    ~discarded_unless_kept() {
        if (!kept_)
            unlink_now(path_.c_str());
    }
    void keep() noexcept { kept_ = true; }

private:
    const std::string& path_;
    bool kept_ = false;
};

/// A name beside `path` that no other write_file of this machine uses now.
std::string name_beside(const std::string& path) {
    static std::atomic<unsigned> count = 0;
    const std::string end = ".new-" + std::to_string(getpid()) + "-" + std::to_string(count++);
    // Of a name or a path that is as long as can be there is no room for a longer one beside it.
    const std::size_t name = path.rfind('/') + 1;
    const std::size_t most = std::min<std::size_t>(name + NAME_MAX, PATH_MAX - 1) - end.size();
    return path.substr(0, std::max(name, most)) + end;
}

void use_registered(io_uring_sqe* sqe, std::uint8_t opcode, int index) noexcept {
    if (index < 0)
        return;
    sqe->opcode = opcode;
    sqe->buf_index = static_cast<std::uint16_t>(index);
}

/// The permissions of a regular file, or those for a new one.
task<result<mode_t>> permissions_of(const std::string& path) {
    struct statx about{};
    const auto there =
        co_await as_result(statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_MODE, about));
    if (!there)
        co_return there.error();
    if (!S_ISREG(about.stx_mode))
        co_return std::make_error_code(std::errc::invalid_argument);
    co_return mode_t(about.stx_mode & 07777);
}

}  // namespace

task<file> file::open(std::string path, file_mode mode) {
    refuse_zeros(path, "open " + path);
    auto opened = co_await as_result(openat(AT_FDCWD, path.c_str(), mode.flags(), mode.permissions()));
    if (!opened)
        throw std::system_error(opened.error(), "open " + path);
    co_return file(std::move(*opened), std::move(path));
}

// --- reading and writing -----------------------------------------------------------------------------

void file::read_awaiter::prepare(io_uring_sqe* sqe, int fd) noexcept {
    io_uring_prep_read(sqe, fd, into_.data(), length_of(into_.size()), offset_);
    use_registered(sqe, IORING_OP_READ_FIXED, index_);
}

bool file::read_awaiter::answered(int& res) noexcept {
    // A direct read stops at the end of the file, and to ask again from there is not aligned.
    if (res == -EINVAL && done_ > 0)
        res = 0;
    if (res <= 0)
        return true;
    const auto count = static_cast<std::size_t>(res);
    done_ += count;
    offset_ += count;
    into_ = into_.subspan(count);
    return into_.empty();
}

std::size_t file::read_awaiter::await_resume() const {
    throw_if_failed();
    return done_;
}

result<std::size_t> file::read_awaiter::await_result() const {
    if (const std::error_code failed = error())
        return failed;
    return done_;
}

void file::write_awaiter::prepare(io_uring_sqe* sqe, int fd) noexcept {
    io_uring_prep_write(sqe, fd, from_.data(), length_of(from_.size()), offset_);
    use_registered(sqe, IORING_OP_WRITE_FIXED, index_);
}

bool file::write_awaiter::answered(int& res) noexcept {
    if (res == 0)
        res = -EIO;
    if (res < 0)
        return true;
    const auto count = static_cast<std::size_t>(res);
    offset_ += count;
    from_ = from_.subspan(count);
    return from_.empty();
}

task<std::string> file::read_all(std::size_t limit) {
    const auto too_long = [&] {
        return std::system_error(EFBIG, std::system_category(),
                                 "read " + path() + ": longer than " + std::to_string(limit) + " bytes");
    };
    const std::uint64_t expected = co_await size();
    if (expected > limit)
        throw too_long();
    // One byte more than expected, so that a read that stops short of it has seen the end.
    std::string text;
    for (std::size_t room = expected > 0 ? expected + 1 : first_guess;; room = 2 * text.size()) {
        const std::size_t before = text.size();
        text.resize(std::min(room, limit) + (room > limit));
        const std::size_t count = co_await read_at(before, std::as_writable_bytes(std::span(text).subspan(before)));
        if (before + count > limit)
            throw too_long();
        if (before + count < text.size()) {
            text.resize(before + count);
            co_return text;
        }
    }
}

// --- the rest ----------------------------------------------------------------------------------------

void file::size_awaiter::prepare(io_uring_sqe* sqe, int fd) noexcept {
    io_uring_prep_statx(sqe, fd, "", AT_EMPTY_PATH, STATX_SIZE, &about_);
}

file::change_awaiter file::truncate(std::uint64_t size) {
    request r;
    r->opcode = IORING_OP_FTRUNCATE;
    r->off = size;
    return {descriptor_, "the truncation of a file", "truncate", r};
}

file::change_awaiter file::sync(bool data_only) {
    request r;
    io_uring_prep_fsync(&*r, -1, data_only ? IORING_FSYNC_DATASYNC : 0U);
    return {descriptor_, "the sync of a file", "sync", r};
}

void file::change_awaiter::prepare(io_uring_sqe* sqe, int fd) noexcept {
    *sqe = *request_;
    sqe->fd = fd;
    if (sqe->opcode != IORING_OP_FTRUNCATE || loop::current().kernel().supports(IORING_OP_FTRUNCATE))
        return;
    // An older kernel; the call itself waits for a disk as rarely as open does.
    answer_ = ::ftruncate(fd, static_cast<off_t>(sqe->off)) == 0 ? 0 : -errno;
    io_uring_prep_nop(sqe);
}

bool file::change_awaiter::answered(int& res) noexcept {
    if (res == 0)
        res = answer_;
    return true;
}

task<> file::close() { return close_now(descriptor_.release(), path()); }

task<std::string> read_file(std::string path, std::size_t limit) {
    file f = co_await file::open(std::move(path));
    co_return co_await f.read_all(limit);
}

task<> write_file(std::string path, std::string_view content, replace_options options) {
    refuse_zeros(path, "write " + path);
    const auto inherited = co_await permissions_of(path);
    file_mode mode = file_mode::write();
    mode.exclusive().permissions(inherited ? *inherited : options.permissions());
    std::string beside;
    io::fd opened;
    while (!opened) {
        beside = name_beside(path);
        auto made = co_await as_result(openat(AT_FDCWD, beside.c_str(), mode.flags(), mode.permissions()));
        if (made)
            opened = std::move(*made);
        else if (made.error() == std::errc::filename_too_long)
            throw std::system_error(made.error(), "write " + path + ": a name beside it for the new file");
        else if (made.error() != std::errc::file_exists)
            throw std::system_error(made.error(), "write " + path);
    }
    discarded_unless_kept leftover(beside);
    if (inherited)
        ::fchmod(opened.get(), *inherited);  // in spite of the umask; where it fails, the stricter stay
    file f(std::move(opened), path);
    co_await f.write_all_at(0, content);
    if (options.sync())
        co_await f.sync();
    co_await f.close();
    const auto renamed = co_await as_result(renameat(AT_FDCWD, beside.c_str(), AT_FDCWD, path.c_str()));
    if (!renamed)
        throw std::system_error(renamed.error(), "write " + path);
    leftover.keep();
}

task<> unlink(std::string path) {
    refuse_zeros(path, "unlink " + path);
    const auto done = co_await as_result(unlinkat(AT_FDCWD, path.c_str()));
    if (!done)
        throw std::system_error(done.error(), "unlink " + path);
}

task<> rename(std::string from, std::string to) {
    refuse_zeros(from + to, "rename " + from + " to " + to);
    const auto done = co_await as_result(renameat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str()));
    if (!done)
        throw std::system_error(done.error(), "rename " + from + " to " + to);
}

}  // namespace ringlet::io
