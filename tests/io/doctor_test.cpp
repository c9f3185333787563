// Each cause is provoked in a child process, and the doctor asked there.

#include "support/seccomp.hpp"

#include <ringlet/core/sanitizer.hpp>
#include <ringlet/io/doctor.hpp>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

namespace io_doctor_test {

using namespace ringlet::io;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// What `tell` gives in a child process in which `provoke` was called before.
std::string in_child(const std::function<bool()>& provoke, const std::function<std::string()>& tell) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return "pipe failed";
    const pid_t child = fork();
    if (child == 0) {
        const std::string text = provoke() ? tell() : "could not be provoked";
        const bool written = write(ends[1], text.data(), text.size()) == ssize_t(text.size());
        _exit(written ? 0 : 1);
    }
    close(ends[1]);
    std::string text;
    char chunk[4096];
    for (ssize_t n = 0; (n = read(ends[0], chunk, sizeof chunk)) > 0;)
        text.append(chunk, static_cast<std::size_t>(n));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << text;
    return text;
}

std::string told_after(const std::function<bool()>& provoke, const diagnose_options& options = {}) {
    const std::string text = in_child(provoke, [&] { return to_text(diagnose(options)); });
    EXPECT_THAT(text, Not(HasSubstr("fix       \n"))) << "whatever is wrong, something mends it";
    return text;
}

bool limit(int what, rlim_t value) {
    const rlimit both{value, value};
    return setrlimit(static_cast<__rlimit_resource>(what), &both) == 0;
}

bool choose(const char* kernel) { return setenv("RINGLET_KERNEL", kernel, 1) == 0; }

/// A folder that looks like /proc.
class made_up_proc {
public:
    made_up_proc() { std::filesystem::create_directories(folder_ + "/self"); }
    ~made_up_proc() { std::filesystem::remove_all(folder_); }

    made_up_proc& file(const std::string& name, const std::string& text) {
        const std::filesystem::path path = folder_ + "/" + name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
        return *this;
    }
    diagnose_options options(std::size_t fibers = 1000) const {
        return diagnose_options().proc(folder_).fibers(fibers);
    }

private:
    std::string folder_ = testing::TempDir() + "made_up_proc_" + std::to_string(getpid());
};

/// The lines from the problem that has `what` in it to the next.
std::string problem_with(const std::string& text, const std::string& what) {
    const std::size_t at = text.find(what, text.find("\nproblem "));
    if (at == std::string::npos)
        return "no problem with \"" + what + "\" in:\n" + text;
    const std::size_t start = text.rfind("problem ", at);
    return text.substr(start, text.find("\n\n", start) - start);
}

class doctor : public testing::Test {
protected:
    doctor() { unsetenv("RINGLET_KERNEL"); }
};

TEST_F(doctor, finds_nothing_to_complain_about_where_all_is_well) {
    const std::string text = told_after([] { return limit(RLIMIT_NOFILE, 4096); }, diagnose_options().fibers(100));
    if (text.find("is refused") != std::string::npos)
        GTEST_SKIP() << "this machine refuses io_uring:\n" << text;
    EXPECT_THAT(text, AllOf(HasSubstr("kernel      uring (io_uring)\n"),
                            HasSubstr("why         nothing refuses io_uring\n"), HasSubstr("100 wanted")));
}

TEST_F(doctor, names_the_seccomp_filter_that_forbids) {
    const std::string text = told_after([] { return story::refuse_uring(EPERM); });
    EXPECT_THAT(text, HasSubstr("kernel      readiness (epoll and plain system calls)\n"));
    EXPECT_THAT(text, HasSubstr("why         io_uring is refused: a seccomp filter forbids io_uring_setup (EPERM)"));
    EXPECT_THAT(problem_with(text, "io_uring is refused"),
                AllOf(HasSubstr("costs     loops run on epoll"), HasSubstr("fix       in Docker or Podman: "),
                      HasSubstr("--security-opt seccomp=unconfined"), HasSubstr("SystemCallFilter=")));
}

TEST_F(doctor, names_the_seccomp_filter_that_hides) {
    EXPECT_THAT(told_after([] { return story::refuse_uring(ENOSYS); }),
                HasSubstr("a seccomp filter hides io_uring_setup (ENOSYS)"));
}

TEST_F(doctor, names_a_system_without_io_uring) {
    made_up_proc proc;
    proc.file("self/status", "Name: x\nSeccomp:\t0\n");
    EXPECT_THAT(problem_with(told_after([] { return story::refuse_uring(ENOSYS); }, proc.options()), "io_uring is"),
                AllOf(HasSubstr("no usable io_uring (ENOSYS): Linux before 5.11"), HasSubstr("gVisor"),
                      HasSubstr("runsc --iouring")));
}

TEST_F(doctor, names_the_sysctl_and_its_value) {
    made_up_proc proc;
    proc.file("sys/kernel/io_uring_disabled", "2\n");
    EXPECT_THAT(problem_with(told_after([] { return story::refuse_uring(EPERM); }, proc.options()), "io_uring is"),
                AllOf(HasSubstr("sysctl kernel.io_uring_disabled is 2 (EPERM)"),
                      HasSubstr("fix       sysctl -w kernel.io_uring_disabled=0\n")));
    proc.file("sys/kernel/io_uring_disabled", "1\n");
    EXPECT_THAT(problem_with(told_after([] { return story::refuse_uring(EPERM); }, proc.options()), "io_uring is"),
                AllOf(HasSubstr("io_uring_disabled is 1: only processes with CAP_SYS_ADMIN"),
                      HasSubstr("kernel.io_uring_group=GID")));
}

TEST_F(doctor, suspects_a_security_module_when_nothing_else_explains_it) {
    made_up_proc proc;
    proc.file("sys/kernel/io_uring_disabled", "0\n").file("self/status", "Seccomp:\t0\n");
    EXPECT_THAT(told_after([] { return story::refuse_uring(EPERM); }, proc.options()),
                HasSubstr("a security module or a sandbox forbids io_uring_setup (EPERM)"));
}

TEST_F(doctor, names_the_limit_of_locked_memory_and_what_is_needed) {
    const auto provoke = [] { return limit(RLIMIT_MEMLOCK, 64 * 1024) && story::refuse_uring(ENOMEM); };
    EXPECT_THAT(problem_with(told_after(provoke), "io_uring is"),
                AllOf(HasSubstr("locked memory is 64 KiB, and each loop needs 128 KiB (ENOMEM)"),
                      HasSubstr("ulimit -l 8192"), HasSubstr("LimitMEMLOCK=8M")));
    const auto out_of_memory = [] { return limit(RLIMIT_MEMLOCK, 1 << 20) && story::refuse_uring(ENOMEM); };
    EXPECT_THAT(told_after(out_of_memory), HasSubstr("there is no memory for a ring"));
}

TEST_F(doctor, says_that_no_loop_can_start_without_descriptors) {
    if (ringlet::built_with_sanitizer)
        GTEST_SKIP() << "a sanitizer's own end needs descriptors";
    const std::string text = told_after([] { return limit(RLIMIT_NOFILE, 1); });
    EXPECT_THAT(text, HasSubstr("kernel      none: no loop can start\n"));
    EXPECT_THAT(problem_with(text, "no file descriptor left"), HasSubstr("ulimit -n 65536"));
}

TEST_F(doctor, says_what_the_environment_forces) {
    EXPECT_THAT(problem_with(told_after([] { return choose("readiness"); }), "RINGLET_KERNEL=readiness"),
                AllOf(HasSubstr("loops run on epoll"), HasSubstr("fix       unset RINGLET_KERNEL")));
    EXPECT_THAT(told_after([] { return choose("virtual"); }), HasSubstr("time is not real"));
    EXPECT_THAT(told_after([] { return choose("sim"); }), HasSubstr("the network are not real"));
    EXPECT_THAT(
        told_after([] { return choose("epoll"); }),
        AllOf(HasSubstr("none: no loop can start"), HasSubstr("RINGLET_KERNEL=epoll is the name of no kernel")));
    EXPECT_THAT(told_after([] { return choose("uring") && story::refuse_uring(EPERM); }),
                AllOf(HasSubstr("none: no loop can start"),
                      HasSubstr("RINGLET_KERNEL=uring forces io_uring, which is refused"),
                      HasSubstr("unset RINGLET_KERNEL, and loops run on epoll")));
}

TEST_F(doctor, counts_the_mappings_that_fibers_need) {
    made_up_proc proc;
    proc.file("sys/vm/max_map_count", "1000\n");
    const auto without_guards = [] { return story::refuse_argument(__NR_madvise, 2, 102, EINVAL); };
    EXPECT_THAT(problem_with(told_after(without_guards, proc.options(10'000)), "10000 fibers need"),
                AllOf(HasSubstr("need 22048 mappings, two for each stack"), HasSubstr("vm.max_map_count is 1000"),
                      HasSubstr("fix       sysctl -w vm.max_map_count=44096\n")));
    EXPECT_THAT(told_after(without_guards, proc.options(10)), HasSubstr("guards by mprotect"));
    void* page = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const bool lightweight = madvise(page, 4096, 102) == 0;
    munmap(page, 4096);
    if (lightweight) {
        EXPECT_THAT(problem_with(told_after([] { return true; }, proc.options(100'000)), "100000 fibers"),
                    AllOf(HasSubstr("one for 64 stacks"), HasSubstr("sysctl -w vm.max_map_count=3126")));
    }
}

TEST_F(doctor, counts_the_descriptors_that_fibers_need) {
    const auto provoke = [] { return limit(RLIMIT_NOFILE, 500); };
    EXPECT_THAT(problem_with(told_after(provoke), "file descriptors"),
                AllOf(HasSubstr("1000 fibers with a connection each need 1064 file descriptors; the limit is 500"),
                      HasSubstr("ulimit -n 1064"), HasSubstr("as root, since the hard limit is 500")));
    EXPECT_THAT(told_after(provoke, diagnose_options().fibers(100)), Not(HasSubstr("file descriptors;")));
    made_up_proc proc;
    proc.file("sys/fs/nr_open", "1024\n");
    EXPECT_THAT(told_after(provoke, proc.options()), HasSubstr("sysctl -w fs.nr_open=2128, then ulimit -n 1064"));
}

TEST_F(doctor, warns_of_strict_accounting_of_memory) {
    made_up_proc proc;
    proc.file("sys/vm/overcommit_memory", "2\n");
    EXPECT_THAT(told_after([] { return true; }, proc.options()), HasSubstr("sysctl -w vm.overcommit_memory=0"));
}

TEST_F(doctor, tells_what_each_missing_feature_costs) {
    constexpr unsigned register_ring_fds = 20;
    constexpr unsigned register_buffer_ring = 22;
    const std::string text = told_after([] {
        return story::refuse_argument(__NR_io_uring_register, 1, register_buffer_ring, EINVAL) &&
               story::refuse_argument(__NR_io_uring_register, 1, register_ring_fds, EINVAL);
    });
    if (text.find("uring (io_uring)") != std::string::npos) {
        EXPECT_THAT(text,
                    AllOf(HasSubstr("lacks       buffer rings and multishot receive (Linux 6.0): costs a request"),
                          HasSubstr("lacks       registered ring descriptor (Linux 5.18): costs a look-up")));
    }
    EXPECT_THAT(
        told_after([] {
            return choose("readiness") && story::refuse_calls(__NR_epoll_pwait2, __NR_epoll_pwait2, ENOSYS) &&
                   story::refuse_calls(__NR_preadv2, __NR_preadv2, EOPNOTSUPP);
        }),
        AllOf(HasSubstr("lacks       timeouts in nanoseconds (epoll_pwait2) (Linux 5.11): costs sleeps"),
              HasSubstr("lacks       reads of pipes that do not wait (RWF_NOWAIT) (Linux 6.4): costs a helper")));
}

TEST_F(doctor, speaks_json) {
    diagnosis d;
    d.version = "1.2.3";
    d.linux_version = "6.1";
    d.kernel = "readiness";
    d.why = "a \"quoted\" \\ reason\n";
    d.uring_error = 1;
    d.features = {{"a", true, "b", "c"}};
    d.fibers = 7;
    d.problems = {{"what", "cost", "fix"}, {"more", "", ""}};
    EXPECT_EQ(
        to_json(d),
        R"({"version": "1.2.3", "linux_version": "6.1", "kernel": "readiness", )"
        R"("why": "a \"quoted\" \\ reason\u000a", "uring_error": 1, )"
        R"("features": [{"name": "a", "on": true, "cost": "b", "since": "c"}], "fibers": 7, )"
        R"("lightweight_guards": false, "mappings_allowed": 0, "mappings_used": 0, "mappings_needed": 0, )"
        R"("descriptors_allowed": 0, "descriptors_possible": 0, "descriptors_needed": 0, )"
        R"("locked_memory_allowed": 0, )"
        R"("problems": [{"what": "what", "cost": "cost", "fix": "fix"}, {"what": "more", "cost": "", "fix": ""}]})");
}

}  // namespace io_doctor_test
