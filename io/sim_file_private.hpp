#pragma once
// Open files and folders of a simulated host, and the requests that name them by path.

#include "sim_disk_private.hpp"
#include "sim_machine_private.hpp"
#include "sim_object_private.hpp"

#include <memory>
#include <string>

namespace ringlet::sim {

class file final : public object {
public:
    file(simulator& s, process& owner, std::string path, std::shared_ptr<inode> what, int flags) noexcept
        : object(s), owner_(&owner), path_(std::move(path)), what_(std::move(what)), flags_(flags) {}

    std::optional<answer> attempt(pending& p) override;
    int perform(const io_uring_sqe& sqe) override;
    unsigned ready() const noexcept override;

    const std::string& path() const noexcept { return path_; }
    const std::shared_ptr<inode>& what() const noexcept { return what_; }

private:
    answer work(const io_uring_sqe& sqe);
    int read(const io_uring_sqe& sqe);
    int write(const io_uring_sqe& sqe);
    int allocate(std::uint64_t offset, std::uint64_t length, int mode);
    std::uint64_t free_room() const noexcept;

    process* owner_;
    std::string path_;
    std::shared_ptr<inode> what_;
    int flags_;
    std::uint64_t position_ = 0;
};

/// True for requests that name files by path.
bool is_about_paths(unsigned opcode) noexcept;

/// Answers one: open, stat, make a folder, remove, rename.
answer work_on_path(simulator& s, process& who, const io_uring_sqe& sqe);

}  // namespace ringlet::sim
