#include "sim_file_private.hpp"

#include "linux_private.hpp"
#include "sim_kernel_private.hpp"
#include "sim_memory_private.hpp"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace ringlet::sim {
namespace {

void describe(const inode& what, struct statx& into) noexcept {
    into = {};
    into.stx_mask = STATX_BASIC_STATS;
    into.stx_blksize = 4096;
    into.stx_nlink = 1;
    into.stx_mode = static_cast<std::uint16_t>(what.mode);
    into.stx_ino = what.number;
    into.stx_size = what.bytes.size();
    into.stx_blocks = (what.bytes.size() + 511) / 512;
    const std::int64_t ns = what.changed.time_since_epoch().count();
    into.stx_mtime.tv_sec = ns / 1'000'000'000;
    into.stx_mtime.tv_nsec = static_cast<std::uint32_t>(ns % 1'000'000'000);
    into.stx_ctime = into.stx_atime = into.stx_mtime;
}

/// The folder that a request's descriptor means, and its path behind it.
std::string path_of(simulator& s, int folder, std::uint64_t path) {
    const auto* text = pointer<const char>(path);
    const auto on = std::dynamic_pointer_cast<file>(s.hosts().open(folder));
    return disk::normal(on != nullptr ? on->path() : "/", text != nullptr ? text : "");
}

int open_path(simulator& s, process& who, const io_uring_sqe& sqe) {
    disk& d = who.on->files;
    const std::string path = path_of(s, sqe.fd, sqe.addr);
    const auto flags = static_cast<int>(sqe.open_flags);
    auto found = s.hosts().look_up(*who.on, path);
    if (found == nullptr) {
        if ((flags & O_CREAT) == 0)
            return -ENOENT;
        found = d.make(path, S_IFREG | (sqe.len & 07777), s.now());
        if (found == nullptr)
            return -ENOENT;
    } else if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) {
        return -EEXIST;
    } else if (S_ISSOCK(found->mode)) {
        return -ENXIO;
    } else if (found->is_folder() && (flags & O_ACCMODE) != O_RDONLY) {
        return -EISDIR;
    } else if (!found->is_folder() && (flags & O_DIRECTORY) != 0) {
        return -ENOTDIR;
    } else if ((flags & O_TRUNC) != 0 && (flags & O_ACCMODE) != O_RDONLY) {
        found->truncate(0);
    }
    if (s.dice().chance(s.faults().no_descriptors()))
        return -EMFILE;
    return s.hosts().install(who, std::make_shared<file>(s, who, path, found, flags));
}

int stat_path(simulator& s, process& who, const io_uring_sqe& sqe) {
    const auto* path = pointer<const char>(sqe.addr);
    std::shared_ptr<inode> found;
    if ((sqe.statx_flags & AT_EMPTY_PATH) != 0 && (path == nullptr || *path == '\0')) {
        const auto on = std::dynamic_pointer_cast<file>(s.hosts().open(sqe.fd));
        if (on == nullptr)
            return -EBADF;
        found = on->what();
    } else {
        found = s.hosts().look_up(*who.on, path_of(s, sqe.fd, sqe.addr));
    }
    if (found == nullptr)
        return -ENOENT;
    describe(*found, *pointer<struct statx>(sqe.off));
    return 0;
}

int rename_path(simulator& s, process& who, const io_uring_sqe& sqe) {
    constexpr unsigned no_replace = 1;  // RENAME_NOREPLACE
    if ((sqe.rename_flags & ~no_replace) != 0)
        return -EINVAL;
    return who.on->files.rename(path_of(s, sqe.fd, sqe.addr), path_of(s, static_cast<int>(sqe.len), sqe.addr2),
                                (sqe.rename_flags & no_replace) == 0);
}

}  // namespace

// --- paths -------------------------------------------------------------------------------------------

bool is_about_paths(unsigned opcode) noexcept {
    return opcode == IORING_OP_OPENAT || opcode == IORING_OP_STATX || opcode == IORING_OP_UNLINKAT ||
           opcode == IORING_OP_RENAMEAT || opcode == IORING_OP_MKDIRAT;
}

answer work_on_path(simulator& s, process& who, const io_uring_sqe& sqe) {
    if (!who.alive || s.dice().chance(s.faults().disk_errors()))
        return -EIO;
    disk& d = who.on->files;
    switch (sqe.opcode) {
        case IORING_OP_OPENAT: return open_path(s, who, sqe);
        case IORING_OP_STATX: return stat_path(s, who, sqe);
        case IORING_OP_RENAMEAT: return rename_path(s, who, sqe);
        case IORING_OP_UNLINKAT: {
            const std::string path = path_of(s, sqe.fd, sqe.addr);
            who.on->paths.erase(path);
            return d.remove(path, (sqe.unlink_flags & AT_REMOVEDIR) != 0);
        }
        default: {
            const std::string path = path_of(s, sqe.fd, sqe.addr);
            if (s.hosts().look_up(*who.on, path) != nullptr)
                return -EEXIST;
            return d.make(path, S_IFDIR | (sqe.len & 07777), s.now()) != nullptr ? 0 : -ENOENT;
        }
    }
}

// --- open files --------------------------------------------------------------------------------------

std::optional<answer> file::attempt(pending& p) {
    const faults& f = sim_.faults();
    const duration takes = sim_.dice().between(f.disk_latency().least, f.disk_latency().most);
    if (takes == duration())
        return work(*p.sqe);
    sim_.finish_in(takes, p, [self = std::static_pointer_cast<file>(shared_from_this())](pending& late) {
        return self->work(*late.sqe);
    });
    return std::nullopt;
}

int file::perform(const io_uring_sqe& sqe) { return sqe.opcode == IORING_OP_READ ? work(sqe).res : -ENOTSOCK; }

unsigned file::ready() const noexcept { return POLLIN | POLLOUT; }

answer file::work(const io_uring_sqe& sqe) {
    if (!owner_->alive || sim_.dice().chance(sim_.faults().disk_errors()))
        return -EIO;
    switch (sqe.opcode) {
        case IORING_OP_READ:
        case IORING_OP_READV: return read(sqe);
        case IORING_OP_WRITE:
        case IORING_OP_WRITEV: return write(sqe);
        case IORING_OP_FSYNC:
            what_->sync();
            if (what_->is_folder())
                owner_->on->files.sync_names();
            return 0;
        case IORING_OP_FALLOCATE: return allocate(sqe.off, sqe.addr, static_cast<int>(sqe.len));
        case IORING_OP_FTRUNCATE:
            if ((flags_ & O_ACCMODE) == O_RDONLY)
                return -EINVAL;
            what_->truncate(sqe.off);
            return 0;
        default: return -ENOTSOCK;
    }
}

int file::read(const io_uring_sqe& sqe) {
    if (what_->is_folder())
        return -EISDIR;
    if ((flags_ & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    const bool here = sqe.off == UINT64_MAX;
    const std::uint64_t from = here ? position_ : sqe.off;
    const memory_parts into(sqe);
    if (from >= what_->bytes.size())
        return 0;
    std::size_t count = std::min<std::size_t>(into.size(), what_->bytes.size() - from);
    if (count > 1 && sim_.dice().chance(sim_.faults().short_counts()))
        count = 1 + sim_.dice().below(count);
    into.write(0, std::as_bytes(std::span(what_->bytes).subspan(from, count)));
    if (here)
        position_ += count;
    return static_cast<int>(count);
}

int file::write(const io_uring_sqe& sqe) {
    if ((flags_ & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    const bool here = sqe.off == UINT64_MAX;
    const std::uint64_t to = (flags_ & O_APPEND) != 0 ? what_->bytes.size() : here ? position_ : sqe.off;
    const memory_parts from(sqe);
    std::size_t count = from.size();
    if (count == 0)
        return 0;
    if (sim_.dice().chance(sim_.faults().disk_full()))
        return -ENOSPC;
    if (count > 1 && sim_.dice().chance(sim_.faults().short_counts()))
        count = 1 + sim_.dice().below(count);
    if (sim_.faults().disk_capacity() != UINT64_MAX) {
        const std::uint64_t room = what_->bytes.size() + free_room();
        if (to >= room)
            return -ENOSPC;
        count = std::min<std::size_t>(count, room - to);
    }
    std::string bytes(count, '\0');
    from.read(0, std::as_writable_bytes(std::span(bytes)));
    what_->write(to, bytes);
    what_->changed = sim_.now();
    if (here)
        position_ = to + count;
    return static_cast<int>(count);
}

/// What is left of the disk.
std::uint64_t file::free_room() const noexcept {
    const std::uint64_t all = sim_.faults().disk_capacity();
    if (all == UINT64_MAX)
        return UINT32_MAX;  // and not so much that adding to it overflows
    return all - std::min(owner_->on->files.used(), all);
}

int file::allocate(std::uint64_t offset, std::uint64_t length, int mode) {
    constexpr int keep_size = 1;  // FALLOC_FL_KEEP_SIZE
    if ((mode & ~keep_size) != 0)
        return -EOPNOTSUPP;
    if (sim_.dice().chance(sim_.faults().disk_full()) || offset + length > what_->bytes.size() + free_room())
        return -ENOSPC;
    if (mode == 0 && offset + length > what_->bytes.size())
        what_->truncate(offset + length);
    return 0;
}

}  // namespace ringlet::sim
