#include "refusal_private.hpp"

#include <ringlet/io/uring.hpp>

#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace ringlet::io {
namespace {

// What one ring of ours takes: 512 SQEs of 64 bytes, 2,048 CQEs of 16, and their headers; rounded up
// for a second one. Only Linux before 5.12 counts it as locked memory.
constexpr std::size_t memory_of_a_ring = 128 * 1024;

int seccomp_mode(const std::string& proc) {
    std::ifstream status(proc + "/self/status");
    for (std::string word; status >> word;)
        if (word == "Seccomp:") {
            int mode = 0;
            status >> mode;
            return mode;
        }
    return 0;
}

refusal forbidden(const std::string& proc) {
    int disabled = 0;
    std::ifstream(proc + "/sys/kernel/io_uring_disabled") >> disabled;
    if (disabled == 1)
        return {
            "sysctl kernel.io_uring_disabled is 1: only processes with CAP_SYS_ADMIN or in the group "
            "kernel.io_uring_group may use it (EPERM)",
            "sysctl -w kernel.io_uring_disabled=0, or sysctl -w kernel.io_uring_group=GID with a group "
            "of this process"};
    if (disabled != 0)
        return {"sysctl kernel.io_uring_disabled is " + std::to_string(disabled) + " (EPERM)",
                "sysctl -w kernel.io_uring_disabled=0"};
    const std::string fix =
        "in Docker or Podman: --security-opt seccomp=unconfined, or a profile that allows io_uring_setup, "
        "io_uring_enter and io_uring_register; in Kubernetes: seccompProfile: {type: Unconfined}; under "
        "systemd: SystemCallFilter=@io-event io_uring_setup io_uring_enter io_uring_register";
    if (seccomp_mode(proc) == 2)
        return {"a seccomp filter forbids io_uring_setup (EPERM), as Docker's default profile does", fix};
    return {"a security module or a sandbox forbids io_uring_setup (EPERM)",
            "allow io_uring in the policy of SELinux, AppArmor or the sandbox"};
}

}  // namespace

refusal why_refused(int error, const std::string& proc) {
    switch (error) {
        case EPERM:
        case EACCES: return forbidden(proc);
        case ENOSYS:
            if (seccomp_mode(proc) == 2)
                return {"a seccomp filter hides io_uring_setup (ENOSYS)",
                        "use a seccomp profile that allows io_uring_setup, io_uring_enter and io_uring_register; "
                        "in Docker or Podman: --security-opt seccomp=unconfined"};
            return {
                "this kernel has no usable io_uring (ENOSYS): Linux before 5.11, one built without "
                "CONFIG_IO_URING, or a sandbox such as gVisor",
                "run Linux 6.1 or newer; in gVisor: runsc --iouring"};
        case ENOMEM: {
            rlimit limit{};
            getrlimit(RLIMIT_MEMLOCK, &limit);
            const std::string needed = std::to_string(memory_of_a_ring / 1024);
            if (limit.rlim_cur < memory_of_a_ring)
                return {"the limit of locked memory is " + std::to_string(limit.rlim_cur / 1024) +
                            " KiB, and each loop needs " + needed + " KiB (ENOMEM)",
                        "ulimit -l 8192; under systemd: LimitMEMLOCK=8M; in Docker: --ulimit memlock=8388608"};
            return {"there is no memory for a ring of " + needed + " KiB (ENOMEM)",
                    "raise the memory limit of the container or cgroup (memory.max), or ulimit -l 8192 on Linux "
                    "before 5.12"};
        }
        case EMFILE:
            return {"this process has no file descriptor left (EMFILE)",
                    "ulimit -n 65536; under systemd: LimitNOFILE=65536"};
        case ENFILE: return {"the system has no file descriptor left (ENFILE)", "sysctl -w fs.file-max=1048576"};
        default: return {std::string("io_uring_setup answers: ") + std::strerror(error), "run Linux 6.1 or newer"};
    }
}

std::string explain_uring_refusal(int error) {
    const refusal r = why_refused(error);
    return "io_uring was refused: " + r.cause + "; to allow it: " + r.fix;
}

}  // namespace ringlet::io
