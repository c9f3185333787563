#pragma once
// Seccomp filters that refuse system calls to this process and its children, for good.

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstddef>

namespace story {

/// Refuses the system calls first … last. False when the system allows no filters.
inline bool refuse_calls(unsigned first, unsigned last, int error) {
    const auto answer = SECCOMP_RET_ERRNO | (static_cast<unsigned>(error) & SECCOMP_RET_DATA);
    sock_filter program[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
        {BPF_JMP | BPF_JGE | BPF_K, 0, 2, first},
        {BPF_JMP | BPF_JGT | BPF_K, 1, 0, last},
        {BPF_RET | BPF_K, 0, 0, answer},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    const sock_fprog filter{sizeof program / sizeof program[0], program};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/// The three calls have neighbouring numbers, the same on every architecture.
inline bool refuse_uring(int error) {
    static_assert(__NR_io_uring_register == __NR_io_uring_setup + 2);
    return refuse_calls(__NR_io_uring_setup, __NR_io_uring_register, error);
}

/// Refuses one system call when its argument (0 is the first) has this value.
inline bool refuse_argument(unsigned call, unsigned argument, unsigned value, int error) {
    const auto answer = SECCOMP_RET_ERRNO | (static_cast<unsigned>(error) & SECCOMP_RET_DATA);
    // The low half of the argument, on machines that store it first.
    const auto where = static_cast<unsigned>(offsetof(seccomp_data, args) + argument * sizeof(__u64));
    sock_filter program[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, call},
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, where},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value},
        {BPF_RET | BPF_K, 0, 0, answer},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    const sock_fprog filter{sizeof program / sizeof program[0], program};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace story
