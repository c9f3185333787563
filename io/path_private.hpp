#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace ringlet::io {

/// No file has such a name, and the system would take what stands before the zero. `what` begins the error.
inline void refuse_zeros(const std::string& path, const std::string& what) {
    if (path.find('\0') != path.npos)
        throw std::system_error(ENOENT, std::system_category(), what);
}

}  // namespace ringlet::io
