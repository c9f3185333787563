#pragma once
// A small file of the system's configuration that may change while we run.

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

namespace ringlet::net::detail {

class watched_file {
public:
    explicit watched_file(std::string path) : path_(std::move(path)) {}

    /// True at first, and whenever the file has changed; take_text() is then what it says now. A file
    /// that is not there is an empty one.
    bool changed();
    std::string take_text() noexcept { return std::exchange(text_, {}); }

private:
    std::string path_;
    std::string text_;
    timespec modified_{-1, 0};
    std::uint64_t size_ = UINT64_MAX;
    std::uint64_t inode_ = 0;
};

/// Takes the first word off `line`; empty at its end.
std::string_view next_word(std::string_view& line) noexcept;

/// Takes the first line off `text`, without what ends it.
std::string_view next_line(std::string_view& text) noexcept;

}  // namespace ringlet::net::detail
