#include <ringlet/net/hosts_file_private.hpp>

#include <ringlet/io/fd.hpp>
#include <ringlet/net/ascii.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

namespace ringlet::net::detail {
namespace {

constexpr std::string_view blanks = " \t\r\f\v";

/// Takes the first word off `line`; empty at its end.
std::string_view next_word(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(word.size());
    return word;
}

}  // namespace

hosts parse_hosts(std::string_view text) {
    hosts entries;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        line = line.substr(0, line.find('#'));
        const auto where = address::try_ip(next_word(line), 0);
        if (!where)
            continue;
        for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
            std::string name(word);
            std::ranges::transform(name, name.begin(), ascii::lower);
            auto& known = entries[std::move(name)];
            if (std::ranges::find(known, *where) == known.end())
                known.push_back(*where);
        }
    }
    return entries;
}

bool watched_file::changed() {
    struct stat now {};
    if (::stat(path_.c_str(), &now) != 0)
        now.st_size = 0;  // a file that is not there is an empty one
    if (now.st_mtim.tv_sec == modified_.tv_sec && now.st_mtim.tv_nsec == modified_.tv_nsec &&
        now.st_size == size_ && now.st_ino == inode_)
        return false;
    modified_ = now.st_mtim;
    size_ = now.st_size;
    inode_ = now.st_ino;
    text_.clear();
    const io::fd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    while (fd && text_.size() < most) {
        char piece[16 * 1024];
        const ssize_t count = ::read(fd.get(), piece, sizeof piece);
        if (count <= 0)
            break;
        text_.append(piece, static_cast<std::size_t>(count));
    }
    return true;
}

const std::vector<address>& hosts_file::find(const std::string& name) {
    static const std::vector<address> none;
    if (file_.changed()) {
        entries_ = parse_hosts(file_.text());
        std::string().swap(file_.text());
    }
    const auto found = entries_.find(name);
    return found != entries_.end() ? found->second : none;
}

}  // namespace ringlet::net::detail
