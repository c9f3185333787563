#pragma once
// The hosts file (hosts(5)): names that need no name server. It is read again when it has changed.

#include <ringlet/net/address.hpp>

#include <chrono>
#include <ctime>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ringlet::net::detail {

/// From a name in lower case to its addresses, in the order of the file. Lines and words that make no
/// sense are skipped, as everybody who reads this file does.
using hosts = std::unordered_map<std::string, std::vector<address>>;
hosts parse_hosts(std::string_view text);

/// A file small enough to be read in one go, and whether it is another one than before.
class watched_file {
public:
    explicit watched_file(std::string path) : path_(std::move(path)) {}

    /// True at first and whenever the file has changed; the text is then in text().
    bool changed();
    std::string& text() noexcept { return text_; }

private:
    // What is larger is not read to its end; nobody writes such a file by hand.
    static constexpr std::size_t most = 32U << 20;

    std::string path_;
    std::string text_;
    timespec modified_{-1, 0};
    off_t size_ = -1;
    ino_t inode_ = 0;
};

class hosts_file {
public:
    explicit hosts_file(std::string path) : file_(std::move(path)) {}

    /// The addresses of a name in lower case; empty when it is not there.
    const std::vector<address>& find(const std::string& name);

private:
    watched_file file_;
    hosts entries_;
};

}  // namespace ringlet::net::detail
