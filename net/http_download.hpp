#pragma once
// A file from a url: written beside its place and renamed when it is complete, so that a broken transfer
// never looks like a file. One that broke goes on where it was, in this call and, if the server says how to
// tell that nothing has changed, in a later one.

#include <ringlet/net/http_client.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace ringlet::http {

/// How far a download is.
struct progress {
    std::uint64_t done = 0;  // bytes that are in the file
    std::optional<std::uint64_t> total;  // if the server said so
};

class download_options {
public:
    download_options() {}  // not an aggregate: temporaries of it are safe in a co_await

    /// Its body_limit is how large a file may be; without it, as large as it likes.
    request_options request;
    /// Called whenever bytes were written. What it throws ends the download.
    std::function<void(const http::progress&)> on_progress;
    bool resume = true;  // go on with what an earlier call left
    unsigned attempts = 5;  // so many in a row without a byte are the end
    any_duration backoff = 500ms;  // between two; doubles
    /// The bytes are on the disk before the file has its name, and only such are gone on with. Without, the
    /// machine must not crash.
    bool sync = true;
};

/// What became of it.
class downloaded {
public:
    std::string url;  // after redirects
    std::uint64_t size = 0;
    std::uint64_t resumed_at = 0;  // bytes that an earlier call had fetched
    unsigned attempts = 0;
};

/// Awaitable: fetches `url` into `path`. What is there already stays until all of the new file is. Meanwhile
/// there are `path`.part and `path`.part.info, which a failed download leaves for the next one; two at a time
/// must not share a path. The info has the url, but for a password in it. Throws request_error, status_error, and
/// what files throw.
task<downloaded> download(client& by, std::string url, std::string path, download_options options = {});

}  // namespace ringlet::http
