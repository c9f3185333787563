#include <ringlet/io/open_beneath.hpp>

#include "path_private.hpp"

#include <ringlet/io/ops.hpp>

#include <linux/openat2.h>

#include <cerrno>
#include <string_view>
#include <system_error>

namespace ringlet::io {
namespace {

std::string act_on(const std::string& path) { return "open '" + path + "'"; }

std::system_error cannot_open(const std::string& path, int error) {
    return {error, std::system_category(), act_on(path)};
}

}  // namespace

task<fd> open_beneath(int folder, std::string path, int flags, links how) {
    refuse_zeros(path, act_on(path));
    const std::string name = path.empty() ? "." : path;
    open_how about{};
    about.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    about.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (how == links::refuse ? RESOLVE_NO_SYMLINKS : 0U);
    int error = 0;
    // EAGAIN: a rename elsewhere raced with it, and it may be tried again (openat2(2)).
    for (int attempt = 0; attempt < 8; ++attempt) {
        operation<fd> open("open", -1,
                           [&](io_uring_sqe* sqe) { io_uring_prep_openat2(sqe, folder, name.c_str(), &about); });
        result<fd> opened = co_await as_result(std::move(open));
        if (opened)
            co_return std::move(*opened);
        error = opened.error().value();
        if (error != EAGAIN)
            break;
    }
    // Unknown to the kernel, or forbidden by a filter that does not know it either. EPERM can also be
    // the file's own answer; then it comes again.
    if (error == ENOSYS || error == EPERM || error == EINVAL || error == EOPNOTSUPP)
        co_return co_await detail::open_step_by_step(folder, std::move(path), flags);
    throw cannot_open(path, error);
}

task<fd> detail::open_step_by_step(int folder, std::string path, int flags) {
    refuse_zeros(path, act_on(path));
    if (path.starts_with('/'))
        throw cannot_open(path, EXDEV);
    std::string_view rest = path;
    fd at;
    for (;;) {
        const auto slash = rest.find('/');
        const bool last = slash == rest.npos;
        const std::string name(rest.substr(0, slash));
        if (name == "..")
            throw cannot_open(path, EXDEV);
        const int from = at ? at.get() : folder;
        const int how = (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW;
        auto step = openat(from, name.empty() ? "." : name.c_str(), how);
        result<fd> opened = co_await as_result(std::move(step));
        if (!opened)
            throw cannot_open(path, opened.error().value());
        at = std::move(*opened);
        if (last)
            co_return at;
        rest.remove_prefix(slash + 1);
    }
}

}  // namespace ringlet::io
