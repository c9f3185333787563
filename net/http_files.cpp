#include <ringlet/net/http_files.hpp>

#include <ringlet/io/file.hpp>
#include <ringlet/net/http_byte_ranges.hpp>
#include <ringlet/net/http_conditions.hpp>
#include <ringlet/net/http_content_type.hpp>
#include <ringlet/net/http_date.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>
#include <system_error>

namespace ringlet::http {
namespace {

constexpr std::size_t piece_size = 64 * 1024;
// Random enough that no file has it by accident; a client splits at what the head says anyway.
constexpr std::string_view boundary = "ringlet-7e3a91c5f02d4b68";

struct folder {
    io::fd root;
    file_options options;
};

/// An open file and what is to be said of it.
struct found_file {
    io::file content;
    std::uint64_t size;
    std::time_t modified;
    std::string etag;
    std::string_view type;
};

std::string hex(std::uint64_t value) {
    char digits[16];
    return {digits, std::to_chars(digits, digits + sizeof digits, value, 16).ptr};
}

task<> plainly(response_writer& out, int status) {
    out.status(status).set("Content-Type", response::plain_text);
    out.send(std::to_string(status) + ' ' + std::string(reason_of(status)) + '\n');
    co_return;
}

/// The name below the folder, without what no name of ours has: "..", NUL, empty parts, hidden ones.
std::optional<std::string> name_of(std::string_view encoded, const file_options& options) {
    std::string name = percent_decode(encoded);
    if (name.find('\0') != name.npos || name.starts_with('/'))
        return std::nullopt;
    const bool shown = options.hidden() || name.starts_with(".well-known/");
    for (std::string_view rest = name; !rest.empty();) {
        const auto slash = std::min(rest.find('/'), rest.size());
        const std::string_view part = rest.substr(0, slash);
        rest.remove_prefix(std::min(slash + 1, rest.size()));
        if (part.empty() || part == "." || part == ".." || (part.front() == '.' && !shown))
            return std::nullopt;
    }
    return name;
}

/// The status that tells a client of an error of open(2), or 0 when it is not the client's business.
int status_of(const std::system_error& e) {
    switch (e.code().value()) {
        case EACCES:
        case EPERM: return 403;
        case ENOENT:
        case ENOTDIR:
        case ELOOP:
        case EXDEV:
        case ENXIO:
        case ENAMETOOLONG: return 404;
        default: return 0;
    }
}

/// Awaitable: the descriptor, and what it is. fstat(2) of an open file asks no disk; the ring would use
/// a helper thread for it.
task<io::fd> open_in(const folder& where, const std::string& name, struct stat& about) {
    // Not to wait for the other end of a pipe, nor to become the terminal's process.
    io::fd opened = co_await io::open_beneath(where.root.get(), name, O_RDONLY | O_NONBLOCK | O_NOCTTY,
                                              where.options.symbolic_links());
    if (::fstat(opened.get(), &about) != 0)
        throw std::system_error(errno, std::system_category(), "stat '" + name + "'");
    co_return opened;
}

found_file describe_file(io::fd opened, const std::string& name, const struct stat& about) {
    const auto size = static_cast<std::uint64_t>(about.st_size);
    const auto modified = static_cast<std::uint64_t>(about.st_mtim.tv_sec) * 1'000'000'000 +
                          static_cast<std::uint64_t>(about.st_mtim.tv_nsec);
    return {io::file(std::move(opened), name), size, about.st_mtim.tv_sec,
            '"' + hex(modified) + '-' + hex(size) + '"', content_type_of(name)};
}

/// Awaitable: sends a part of a file, by pieces that a slow reader has time for.
task<> send_part(const found_file& f, byte_range part, response_writer& out) {
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(part.size(), piece_size));
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(most);
    io::file& content = const_cast<io::file&>(f.content);  // reading at a place changes nothing
    for (std::uint64_t at = part.first; at <= part.last;) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(part.last - at + 1, piece_size));
        const std::span<std::byte> into(buffer.get(), wanted);
        if (co_await content.read_at(at, into) != wanted)
            throw std::runtime_error("send '" + content.path() + "': it has become shorter meanwhile");
        co_await out.write(std::string_view(reinterpret_cast<const char*>(buffer.get()), wanted));
        at += wanted;
    }
}

std::string head_of_part(const found_file& f, byte_range part) {
    return "\r\n--" + std::string(boundary) + "\r\nContent-Type: " + std::string(f.type) +
           "\r\nContent-Range: bytes " + std::to_string(part.first) + '-' + std::to_string(part.last) + '/' +
           std::to_string(f.size) + "\r\n\r\n";
}

/// Several parts in one answer (RFC 9110 section 14.6).
task<> send_parts(const found_file& f, const std::vector<byte_range>& parts, response_writer& out) {
    const std::string end = "\r\n--" + std::string(boundary) + "--\r\n";
    std::uint64_t length = end.size();
    for (const byte_range& part : parts)
        length += head_of_part(f, part).size() + part.size();
    out.status(206).set("Content-Type", "multipart/byteranges; boundary=" + std::string(boundary)).length(length);
    for (const byte_range& part : parts) {
        co_await out.write(head_of_part(f, part));
        co_await send_part(f, part, out);
    }
    co_await out.write(end);
}

task<> send_file(const found_file& f, request& asked, response_writer& out) {
    const bool head_only = asked.method() == "HEAD";
    const validators now{f.etag, f.modified};
    out.set("ETag", f.etag).set("Last-Modified", format_date(f.modified)).set("Accept-Ranges", "bytes");
    switch (judge_conditions(asked.method(), asked.fields(), now)) {
        case condition::not_modified: out.status(304); co_return;
        case condition::failed: co_await plainly(out, 412); co_return;
        case condition::holds: break;
    }
    std::vector<byte_range> parts;
    const auto range = asked.get("range");
    // RFC 9110 section 14.2: no other method has ranges.
    const bool counts = range && !head_only && range_counts(asked.fields(), now);
    const ranges which = counts ? parse_ranges(*range, f.size, parts) : ranges::all;
    if (which == ranges::none) {
        out.set("Content-Range", "bytes */" + std::to_string(f.size));
        co_await plainly(out, 416);
        co_return;
    }
    if (parts.size() > 1) {
        co_await send_parts(f, parts, out);
        co_return;
    }
    out.set("Content-Type", f.type);
    if (which == ranges::some)
        out.status(206).set("Content-Range", "bytes " + std::to_string(parts[0].first) + '-' +
                                                 std::to_string(parts[0].last) + '/' + std::to_string(f.size));
    else if (f.size > 0)
        parts.push_back({0, f.size - 1});
    out.length(parts.empty() ? 0 : parts[0].size());
    if (!head_only && !parts.empty())
        co_await send_part(f, parts[0], out);
}

/// A folder is asked for with a slash at its end, so that relative links in its page work. Two slashes
/// at the beginning would name another host.
void redirect_to_folder(request& asked, response_writer& out) {
    std::string_view path = asked.path();
    while (path.starts_with("//"))
        path.remove_prefix(1);
    std::string to = std::string(path) + '/';
    if (!asked.query().empty())
        to.append("?").append(asked.query());
    out.status(301).set("Location", to);
}

task<> serve_file(const folder& where, std::string name, request& asked, response_writer& out) {
    struct stat about;
    const std::string without_slash = name.substr(0, name.size() - (name.ends_with('/') ? 1 : 0));
    io::fd opened = co_await open_in(where, without_slash, about);
    if (S_ISDIR(about.st_mode) && !where.options.index().empty()) {
        if (!asked.path().ends_with('/')) {
            redirect_to_folder(asked, out);
            co_return;
        }
        name += where.options.index();
        opened = co_await open_in(where, name, about);
    }
    if (!S_ISREG(about.st_mode) || name.ends_with('/')) {
        co_await plainly(out, 404);
        co_return;
    }
    if (!where.options.cache_control().empty())
        out.set("Cache-Control", where.options.cache_control());
    const found_file f = describe_file(std::move(opened), name, about);
    co_await send_file(f, asked, out);
}

class file_handler {
public:
    explicit file_handler(std::shared_ptr<const folder> where) : where_(std::move(where)) {}

    task<> operator()(request& asked, response_writer& out) const {
        if (asked.method() != "GET" && asked.method() != "HEAD") {
            out.set("Allow", "GET, HEAD");
            co_await plainly(out, 405);
            co_return;
        }
        if (asked.parameters().size() == 0)
            throw std::logic_error("http files: the pattern of their route must end in {name...}");
        std::optional<std::string> name =
            name_of(asked.parameters()[asked.parameters().size() - 1].value, where_->options);
        int status = name ? 0 : 404;
        if (name) {
            try {
                co_await serve_file(*where_, std::move(*name), asked, out);
            } catch (const std::system_error& e) {
                status = out.begun() ? 0 : status_of(e);
                if (status == 0)
                    throw;
            }
        }
        if (status != 0)
            co_await plainly(out, status);
    }

private:
    std::shared_ptr<const folder> where_;
};

}  // namespace

handler files(const std::string& path, const file_options& options) {
    io::fd root(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root)
        throw std::system_error(errno, std::system_category(), "serve files of '" + path + "'");
    return file_handler(std::make_shared<const folder>(folder{std::move(root), options}));
}

}  // namespace ringlet::http
