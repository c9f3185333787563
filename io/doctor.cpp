#include <ringlet/io/doctor.hpp>

#include "doctor_probes_private.hpp"
#include "refusal_private.hpp"

#include <ringlet/core/version.hpp>

#include <sys/resource.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>

namespace ringlet::io {
namespace {

// What core/stack.cpp leaves to the rest of the process, and how many stacks it carves at a time.
constexpr std::size_t spare_mappings = 2048;
constexpr std::size_t stacks_per_region = 64;

// Listeners, files, the ring, the streams of the process.
constexpr std::size_t spare_descriptors = 64;

const char* const cost_of_readiness =
    "loops run on epoll: two system calls for every message instead of a share of one, and a helper thread "
    "for what files cannot do without waiting";

std::string cost_of(const std::string& kernel) {
    if (kernel == "readiness")
        return cost_of_readiness;
    return kernel == "sim" ? "time, files and the network are not real"
                           : "time is not real, and nothing but sleeping works";
}

std::size_t number_in(const std::string& path, std::size_t otherwise) {
    std::size_t value = otherwise;
    std::ifstream file(path);
    if (!(file >> value))
        return otherwise;
    return value;
}

std::size_t lines_in(const std::string& path) {
    std::ifstream file(path);
    std::size_t count = 0;
    for (std::string line; std::getline(file, line);)
        ++count;
    return count;
}

std::string say(std::size_t number) { return std::to_string(number); }

void choose_kernel(diagnosis& d, const std::string& proc) {
    const char* variable = std::getenv("RINGLET_KERNEL");
    const std::string asked = variable != nullptr ? variable : "";
    d.uring_error = uring_error();
    const refusal refused = d.uring_error != 0 ? why_refused(d.uring_error, proc) : refusal{};
    if (asked == "virtual" || asked == "sim" || asked == "readiness") {
        d.kernel = asked;
        d.why = "RINGLET_KERNEL=" + asked + " asks for it";
        d.problems.push_back({d.why, cost_of(asked), "unset RINGLET_KERNEL"});
    } else if (!asked.empty() && asked != "uring") {
        d.why = "RINGLET_KERNEL=" + asked + " is the name of no kernel";
        d.problems.push_back({d.why, "no loop can start", "unset RINGLET_KERNEL"});
        return;
    } else if (d.uring_error == 0) {
        d.kernel = "uring";
        d.why = asked.empty() ? "nothing refuses io_uring" : "RINGLET_KERNEL=uring asks for it";
        return;
    } else if (!asked.empty()) {
        d.why = "RINGLET_KERNEL=uring forces io_uring, which is refused: " + refused.cause;
    } else if (d.uring_error == EMFILE || d.uring_error == ENFILE) {
        d.why = refused.cause;
    } else {
        d.kernel = "readiness";
        d.why = "io_uring is refused: " + refused.cause;
    }
    if (d.uring_error == 0)
        return;
    d.problems.push_back({"io_uring is refused: " + refused.cause,
                          d.kernel.empty() ? "no loop can start" : cost_of_readiness, refused.fix});
    if (!asked.empty() && d.kernel.empty())
        d.problems.push_back({d.why, "no loop can start", "unset RINGLET_KERNEL, and loops run on epoll"});
}

void look_at_mappings(diagnosis& d, const std::string& proc) {
    d.lightweight_guards = has_lightweight_guards();
    d.mappings_allowed = number_in(proc + "/sys/vm/max_map_count", 65530);
    d.mappings_used = lines_in(proc + "/self/maps");
    const std::size_t regions = d.fibers / stacks_per_region + 1;
    d.mappings_needed = d.lightweight_guards ? d.mappings_used + regions : 2 * d.fibers + spare_mappings;
    const std::string why = d.lightweight_guards
                                ? "one for " + say(stacks_per_region) + " stacks"
                                : "two for each stack, since this Linux lacks lightweight guards (6.13 has them)";
    if (d.mappings_needed > d.mappings_allowed)
        d.problems.push_back({say(d.fibers) + " fibers need " + say(d.mappings_needed) + " mappings, " + why +
                                  "; vm.max_map_count is " + say(d.mappings_allowed),
                              "starting a fiber fails at the limit",
                              "sysctl -w vm.max_map_count=" + say(2 * d.mappings_needed)});
    if (number_in(proc + "/sys/vm/overcommit_memory", 0) == 2)
        d.problems.push_back({"sysctl vm.overcommit_memory is 2",
                              "each fiber counts as 320 KiB of memory, touched or not",
                              "sysctl -w vm.overcommit_memory=0"});
}

std::string to_raise_descriptors(const diagnosis& d, const std::string& proc) {
    const std::string wanted = say(d.descriptors_needed);
    std::string fix =
        "ulimit -n " + wanted + "; under systemd: LimitNOFILE=" + wanted + "; in Docker: --ulimit nofile=" + wanted;
    if (d.descriptors_needed > d.descriptors_possible)
        fix += "; as root, since the hard limit is " + say(d.descriptors_possible);
    const std::size_t most = number_in(proc + "/sys/fs/nr_open", 1'048'576);
    if (d.descriptors_needed > most)
        fix = "sysctl -w fs.nr_open=" + say(2 * d.descriptors_needed) + ", then " + fix;
    return fix;
}

void look_at_descriptors(diagnosis& d, const std::string& proc) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    d.descriptors_allowed = limit.rlim_cur;
    d.descriptors_possible = limit.rlim_max;
    d.descriptors_needed = d.fibers + spare_descriptors;
    if (d.descriptors_needed > d.descriptors_allowed)
        d.problems.push_back({say(d.fibers) + " fibers with a connection each need " + say(d.descriptors_needed) +
                                  " file descriptors; the limit is " + say(d.descriptors_allowed),
                              "connections wait, or fail with EMFILE", to_raise_descriptors(d, proc)});
    getrlimit(RLIMIT_MEMLOCK, &limit);
    d.locked_memory_allowed = limit.rlim_cur;
}

}  // namespace

diagnosis diagnose(const diagnose_options& options) {
    diagnosis d;
    d.version = version();
    utsname name{};
    uname(&name);
    d.linux_version = name.release;
    d.fibers = options.fibers();
    choose_kernel(d, options.proc());
    if (d.kernel == "uring")
        d.features = features_of_uring();
    else if (d.kernel == "readiness")
        d.features = features_of_readiness();
    look_at_mappings(d, options.proc());
    look_at_descriptors(d, options.proc());
    return d;
}

}  // namespace ringlet::io
