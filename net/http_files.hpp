#pragma once
// Files of a folder as answers: what browsers, caches and download managers expect of a web server,
// with conditions, ranges and types, and no way out of the folder.
//
//     server.get("/static/{path...}", http::files("/srv/www"));

#include <ringlet/io/open_beneath.hpp>
#include <ringlet/net/http_handler.hpp>

#include <string>
#include <utility>

namespace ringlet::http {

class file_options {
public:
    file_options() = default;
    /// What stands for a folder; empty: nothing, a folder is answered 404.
    file_options& index(std::string name) {
        index_ = std::move(name);
        return *this;
    }
    /// What becomes of symbolic links; without a word none is followed.
    file_options& symbolic_links(io::links how) {
        links_ = how;
        return *this;
    }
    /// Names that begin with a dot are there too. Below "/.well-known/" they always are (RFC 8615).
    file_options& hidden(bool shown) {
        hidden_ = shown;
        return *this;
    }
    /// For the Cache-Control field: "max-age=3600".
    file_options& cache_control(std::string value) {
        cache_control_ = std::move(value);
        return *this;
    }

    const std::string& index() const noexcept { return index_; }
    io::links symbolic_links() const noexcept { return links_; }
    bool hidden() const noexcept { return hidden_; }
    const std::string& cache_control() const noexcept { return cache_control_; }

private:
    std::string index_ = "index.html", cache_control_;
    io::links links_ = io::links::refuse;
    bool hidden_ = false;
};

/// A handler for a pattern that ends in `{name...}`, which becomes the name of a file below `folder`.
/// Throws std::system_error when the folder cannot be opened now.
handler files(const std::string& folder, const file_options& options = {});

}  // namespace ringlet::http
