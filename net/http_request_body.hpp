#pragma once
// What a request sends after its head: bytes, files, and what a function gives piece by piece, one after
// the other. With a length when that is known before, in chunks otherwise.

#include <ringlet/core/task.hpp>
#include <ringlet/io/stream.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ringlet::http {

class connection;

class request_body {
public:
    /// Fills a part of the span and gives how many bytes; 0 at the end. Called as fast as the server takes
    /// what it gave.
    using reader = std::function<task<std::size_t>(std::span<std::byte>)>;

    request_body() = default;
    request_body(std::string bytes) : bytes_(std::move(bytes)) {}
    request_body(const char* bytes) : bytes_(bytes) {}

    /// A file, opened when it is to be sent.
    static request_body file(std::string path);
    /// What `next` gives, which can be sent once: a request that would have to send it again fails instead.
    static request_body from(reader next, std::optional<std::uint64_t> length = std::nullopt);
    /// The rest of a stream, which this owns.
    template <io::stream S>
    static request_body from_stream(S s, std::optional<std::uint64_t> length = std::nullopt) {
        auto shared = std::make_shared<S>(std::move(s));
        return from(read_from<S>{std::move(shared)}, length);
    }

    /// Puts `more` behind it.
    request_body& append(request_body more);

    /// Nothing at all.
    bool empty() const noexcept { return bytes_.empty() && rest_.empty(); }
    /// All of it, if it is nothing but bytes; null otherwise.
    const std::string* plain() const noexcept { return rest_.empty() ? &bytes_ : nullptr; }
    /// It may be sent a second time, after a redirect or when a connection broke.
    bool repeatable() const noexcept;

private:
    friend class sending_body;
    template <class S>
    struct read_from {
        std::shared_ptr<S> stream;
        task<std::size_t> operator()(std::span<std::byte> into) const { co_return co_await stream->read(into); }
    };
    struct segment {
        std::string text;  // bytes, or the path of a file
        bool is_file = false;
        reader next;
        std::optional<std::uint64_t> length;
    };

    std::string bytes_;  // come first; nearly always all there is
    std::vector<segment> rest_;
};

}  // namespace ringlet::http
