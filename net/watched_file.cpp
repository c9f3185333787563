#include <ringlet/net/watched_file_private.hpp>

#include <ringlet/io/at_once.hpp>
#include <ringlet/io/fd.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace ringlet::net::detail {
namespace {

// What is larger is not read to its end; nobody means such a file.
constexpr std::size_t largest = 32U << 20;

constexpr std::string_view blanks = " \t\r\f\v";

}  // namespace

bool watched_file::changed() {
    struct statx now{};
    (void)io::stat_now(path_.c_str(), 0, STATX_MTIME | STATX_SIZE | STATX_INO, now);
    const timespec modified{now.stx_mtime.tv_sec, now.stx_mtime.tv_nsec};
    if (modified.tv_sec == modified_.tv_sec && modified.tv_nsec == modified_.tv_nsec && now.stx_size == size_ &&
        now.stx_ino == inode_)
        return false;
    modified_ = modified;
    size_ = now.stx_size;
    inode_ = now.stx_ino;
    text_.clear();
    // Never waits, whatever the path leads to.
    const io::fd fd(io::open_now(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    while (fd && text_.size() < largest) {
        char piece[16 * 1024];
        const int count = io::read_now(fd.get(), piece, sizeof piece);
        if (count <= 0)
            break;
        text_.append(piece, static_cast<std::size_t>(count));
    }
    return true;
}

std::string_view next_word(std::string_view& line) noexcept {
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(word.size());
    return word;
}

std::string_view next_line(std::string_view& text) noexcept {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

}  // namespace ringlet::net::detail
