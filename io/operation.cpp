#include <ringlet/io/operation.hpp>

#include <string>

namespace ringlet::io {

std::system_error failure(const char* act, int fd, int error) {
    std::string text = act;
    if (fd >= 0)
        text += " on fd " + std::to_string(fd);
    return {error, std::system_category(), text};
}

}  // namespace ringlet::io
