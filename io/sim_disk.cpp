#include "sim_disk_private.hpp"

#include "sim_random_private.hpp"

#include <algorithm>
#include <cerrno>

namespace ringlet::sim {
namespace {

constexpr std::size_t sector = 512;  // what a disk writes whole

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

void apply(std::string& to, const inode::change& c, std::size_t count) {
    if (c.truncates) {
        to.resize(c.offset);
        return;
    }
    if (to.size() < c.offset + count)
        to.resize(c.offset + count);
    to.replace(c.offset, count, c.bytes, 0, count);
}

}  // namespace

// --- files -------------------------------------------------------------------------------------------

void inode::write(std::uint64_t offset, std::string_view what) {
    unsafe.push_back({offset, std::string(what), false});
    apply(bytes, unsafe.back(), what.size());
}

void inode::truncate(std::uint64_t size) {
    unsafe.push_back({size, {}, true});
    apply(bytes, unsafe.back(), 0);
}

void inode::sync() {
    safe = bytes;
    unsafe.clear();
}

/// Each write that was not synced was written, or not, or its first sectors were.
void inode::crash(dice& d, double torn_writes) {
    for (const change& c : unsafe) {
        if (!c.truncates && d.chance(torn_writes))
            apply(safe, c, std::min(c.bytes.size(), d.below(c.bytes.size() / sector + 1) * sector));
        else if (d.chance(0.5))
            apply(safe, c, c.bytes.size());
    }
    unsafe.clear();
    bytes = safe;
}

// --- names -------------------------------------------------------------------------------------------

disk::disk() {
    for (const char* folder : {"/", "/etc", "/tmp", "/var"}) {
        auto made = std::make_shared<inode>();
        made->number = ++numbers_;
        made->mode = S_IFDIR | 0755;
        safe_[folder] = names_[folder] = std::move(made);
    }
}

std::string disk::normal(std::string_view folder, std::string_view path) {
    std::string whole = path.starts_with('/') ? std::string(path) : std::string(folder) + "/" + std::string(path);
    std::string result;
    for (std::size_t at = 0; at < whole.size();) {
        const std::size_t end = std::min(whole.find('/', at), whole.size());
        const std::string_view part = std::string_view(whole).substr(at, end - at);
        at = end + 1;
        if (part == "..")
            result.erase(std::min(result.rfind('/'), result.size()));
        else if (!part.empty() && part != ".")
            (result += '/') += part;
    }
    return result.empty() ? "/" : result;
}

std::shared_ptr<inode> disk::find(const std::string& path) const {
    const auto found = names_.find(path);
    return found != names_.end() ? found->second : nullptr;
}

void disk::apply(names& to, const transaction& change) {
    for (const auto& [path, what] : change)
        if (what != nullptr)
            to[path] = what;
        else
            to.erase(path);
}

void disk::commit(transaction change) {
    apply(names_, change);
    unsafe_.push_back(std::move(change));
}

std::shared_ptr<inode> disk::make(const std::string& path, mode_t mode, time_point now) {
    const auto folder = find(folder_of(path));
    if (folder == nullptr || !folder->is_folder())
        return nullptr;
    auto made = std::make_shared<inode>();
    made->number = ++numbers_;
    made->mode = mode;
    made->changed = now;
    commit({{path, made}});
    return made;
}

bool disk::has_entries(const std::string& folder) const {
    const std::string prefix = folder == "/" ? folder : folder + "/";
    const auto next = names_.upper_bound(prefix);
    return next != names_.end() && next->first.starts_with(prefix);
}

int disk::remove(const std::string& path, bool folder) {
    const auto found = find(path);
    if (found == nullptr)
        return -ENOENT;
    if (found->is_folder() != folder)
        return folder ? -ENOTDIR : -EISDIR;
    if (folder && has_entries(path))
        return -ENOTEMPTY;
    commit({{path, nullptr}});
    return 0;
}

int disk::rename(const std::string& from, const std::string& to, bool replaces) {
    const auto found = find(from);
    const auto there = find(to);
    if (found == nullptr || find(folder_of(to)) == nullptr)
        return -ENOENT;
    if (there != nullptr && !replaces)
        return -EEXIST;
    if (from == to)
        return 0;
    if (to.starts_with(from + "/"))
        return -EINVAL;
    if (there != nullptr && there->is_folder() != found->is_folder())
        return there->is_folder() ? -EISDIR : -ENOTDIR;
    if (there != nullptr && there->is_folder() && has_entries(to))
        return -ENOTEMPTY;
    transaction moved{{from, nullptr}, {to, found}};
    for (auto at = names_.upper_bound(from + "/"); at != names_.end() && at->first.starts_with(from + "/"); ++at) {
        moved.emplace_back(at->first, nullptr);
        moved.emplace_back(to + at->first.substr(from.size()), at->second);
    }
    commit(std::move(moved));
    return 0;
}

void disk::sync_names() {
    safe_ = names_;
    unsafe_.clear();
}

/// A journal: what was done to names before some moment is there, what came after is not.
void disk::crash(dice& d, double torn_writes) {
    const std::size_t kept = d.below(unsafe_.size() + 1);
    for (std::size_t i = 0; i < kept; ++i)
        apply(safe_, unsafe_[i]);
    unsafe_.clear();
    names_ = safe_;
    // By age, because programs make up names of which no seed knows.
    std::map<std::uint64_t, inode*> by_age;
    for (auto& [path, what] : names_)
        by_age[what->number] = what.get();
    for (auto& [number, what] : by_age)
        what->crash(d, torn_writes);
}

std::uint64_t disk::used() const noexcept {
    std::uint64_t total = 0;
    for (const auto& [path, what] : names_)
        total += what->bytes.size();
    return total;
}

}  // namespace ringlet::sim
