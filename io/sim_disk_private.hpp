#pragma once
// The disk of a simulated host: what programs see (the page cache), and what would be left if the power
// failed now. Written bytes are safe after a sync of the file, names after a sync of a folder; the rest
// survives a crash in part, as the dice fall. Folders are only prefixes of paths; there are no links.

#include "sim_object_private.hpp"

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ringlet::sim {

class dice;

struct inode {
    std::uint64_t number = 0;
    mode_t mode = 0;
    time_point changed{};
    std::string bytes;  // as programs see it
    std::string safe;  // as it would be found after a crash that keeps nothing else

    struct change {
        std::uint64_t offset;
        std::string bytes;
        bool truncates;  // to the offset
    };
    std::vector<change> unsafe;

    bool is_folder() const noexcept { return S_ISDIR(mode); }
    void write(std::uint64_t offset, std::string_view what);
    void truncate(std::uint64_t size);
    void sync();
    void crash(dice& d, double torn_writes);
};

class disk {
public:
    disk();

    /// Absolute and without ".", ".." and doubled slashes.
    static std::string normal(std::string_view folder, std::string_view path);

    std::shared_ptr<inode> find(const std::string& path) const;
    /// Null when the folder does not exist.
    std::shared_ptr<inode> make(const std::string& path, mode_t mode, time_point now);
    int remove(const std::string& path, bool folder);
    int rename(const std::string& from, const std::string& to, bool replaces);

    void sync_names();
    void crash(dice& d, double torn_writes);

    std::uint64_t used() const noexcept;

private:
    using names = std::map<std::string, std::shared_ptr<inode>>;
    /// Paths that change together, and what they name then; null is nothing.
    using transaction = std::vector<std::pair<std::string, std::shared_ptr<inode>>>;
    static void apply(names& to, const transaction& change);
    void commit(transaction change);
    bool has_entries(const std::string& folder) const;

    names names_;
    names safe_;
    std::vector<transaction> unsafe_;
    std::uint64_t numbers_ = 100;
};

}  // namespace ringlet::sim
