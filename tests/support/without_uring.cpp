// without_uring ERROR PROGRAM [ARG...]: runs a program that is refused io_uring by a seccomp filter, as
// in a container. ERROR is eperm (Docker's default profile) or enosys (gVisor, an old kernel).

#include "support/seccomp.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
    const std::string_view error = argc > 2 ? argv[1] : "";
    if (error != "eperm" && error != "enosys") {
        std::fprintf(stderr, "usage: without_uring eperm|enosys PROGRAM [ARG...]\n");
        return 2;
    }
    if (!story::refuse_uring(error == "eperm" ? EPERM : ENOSYS)) {
        std::perror("without_uring: seccomp");
        return 77;  // what Meson takes for skipped
    }
    execv(argv[2], argv + 2);
    std::perror(argv[2]);
    return 127;
}
