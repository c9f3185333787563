#include <ringlet/net/http_request_body_private.hpp>

#include <algorithm>
#include <stdexcept>

namespace ringlet::http {
namespace {

constexpr std::size_t piece_size = 64 * 1024;

[[noreturn]] void refuse(const std::string& what) {
    throw std::system_error(std::make_error_code(std::errc::io_error), what);
}

}  // namespace

request_body request_body::file(std::string path) {
    request_body b;
    segment s;
    s.text = std::move(path);
    s.is_file = true;
    b.rest_.push_back(std::move(s));
    return b;
}

request_body request_body::from(reader next, std::optional<std::uint64_t> length) {
    request_body b;
    segment s;
    s.next = std::move(next);
    s.length = length;
    b.rest_.push_back(std::move(s));
    return b;
}

request_body& request_body::append(request_body more) {
    if (rest_.empty()) {
        bytes_ += more.bytes_;
    } else if (!more.bytes_.empty()) {
        segment s;
        s.text = std::move(more.bytes_);
        rest_.push_back(std::move(s));
    }
    std::move(more.rest_.begin(), more.rest_.end(), std::back_inserter(rest_));
    return *this;
}

bool request_body::repeatable() const noexcept {
    return std::none_of(rest_.begin(), rest_.end(), [](const segment& s) { return static_cast<bool>(s.next); });
}

// --- on its way --------------------------------------------------------------------------------------

task<> sending_body::open() {
    for (const segment& s : body_.rest_)
        if (s.is_file) {
            io::file f = co_await io::file::open(s.text);
            const std::uint64_t size = co_await f.size();
            files_.emplace_back(std::move(f), size);
        }
}

bool sending_body::chunked() const {
    return std::any_of(body_.rest_.begin(), body_.rest_.end(), [](const segment& s) { return s.next && !s.length; });
}

body_size sending_body::size() const {
    if (body_.empty())
        return body_size::none();
    if (chunked())
        return body_size::chunked();
    std::uint64_t all = body_.bytes_.size();
    for (const segment& s : body_.rest_)
        all += s.next ? *s.length : s.is_file ? 0 : s.text.size();
    for (const auto& [file, size] : files_)
        all += size;
    return body_size::exactly(all);
}

task<> sending_body::send(connection& to) {
    co_await write(to, body_.bytes_);
    std::size_t file = 0;
    for (const segment& s : body_.rest_) {
        if (s.is_file) {
            auto& [from, size] = files_[file++];
            co_await send_file(to, from, size);
        } else if (s.next) {
            co_await send_pieces(to, s);
        } else {
            co_await write(to, s.text);
        }
    }
    if (chunked())
        co_await to.write_chunk({});
}

task<> sending_body::send_file(connection& to, io::file& from, std::uint64_t size) {
    std::vector<std::byte> buffer(static_cast<std::size_t>(std::min<std::uint64_t>(size, piece_size)));
    for (std::uint64_t at = 0; at < size;) {
        const std::uint64_t left = size - at;
        const std::span<std::byte> room =
            std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size())));
        const std::size_t count = co_await from.read_at(at, room);
        if (count == 0)
            refuse("send " + from.path() + ": it has become shorter meanwhile");
        co_await write(to, {reinterpret_cast<const char*>(buffer.data()), count});
        at += count;
    }
}

task<> sending_body::send_pieces(connection& to, const segment& s) {
    std::vector<std::byte> buffer(piece_size);
    std::uint64_t sent = 0;
    for (;;) {
        const std::size_t count = co_await s.next(buffer);
        if (count == 0)
            break;
        sent += count;
        if (s.length && sent > *s.length)
            refuse("send the body: it is longer than the " + std::to_string(*s.length) + " bytes announced");
        co_await write(to, {reinterpret_cast<const char*>(buffer.data()), count});
    }
    if (s.length && sent < *s.length)
        refuse("send the body: it ended after " + std::to_string(sent) + " of " + std::to_string(*s.length) +
               " bytes");
}

task<> sending_body::write(connection& to, std::string_view bytes) {
    if (bytes.empty())
        co_return;
    if (chunked())
        co_await to.write_chunk(bytes);
    else
        co_await to.write(bytes);
}

}  // namespace ringlet::http
