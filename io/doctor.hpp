#pragma once
// What this machine lets ringlet do: which kernel loops get and why, which features are on and what
// each missing one costs, whether the limits suffice for the fibers wanted, and for every problem what
// fixes it. The command `ringlet doctor` prints it.

#include <cstddef>
#include <string>
#include <vector>

namespace ringlet::io {

class diagnose_options {
public:
    diagnose_options() = default;
    /// How many fibers, each with a connection, the program is to have at a time.
    diagnose_options& fibers(std::size_t count) {
        fibers_ = count;
        return *this;
    }
    /// Where the files of proc(5) are.
    diagnose_options& proc(std::string folder) {
        proc_ = std::move(folder);
        return *this;
    }

    std::size_t fibers() const noexcept { return fibers_; }
    const std::string& proc() const noexcept { return proc_; }

private:
    std::size_t fibers_ = 1000;
    std::string proc_ = "/proc";
};

/// Something that the running Linux has or lacks.
struct feature {
    std::string name;
    bool on = false;
    std::string cost;  // of lacking it
    std::string since;  // the Linux that has it
};

/// Something that a command or a setting changes.
struct problem {
    std::string what;
    std::string cost;
    std::string fix;
};

struct diagnosis {
    std::string version;  // of ringlet
    std::string linux_version;
    std::string kernel;  // "uring", "readiness", "virtual", "sim", or empty when no loop can start
    std::string why;
    int uring_error = 0;  // what io_uring_setup(2) answered
    std::vector<feature> features;

    std::size_t fibers = 0;  // wanted
    bool lightweight_guards = false;
    std::size_t mappings_allowed = 0;
    std::size_t mappings_used = 0;
    std::size_t mappings_needed = 0;
    std::size_t descriptors_allowed = 0;
    std::size_t descriptors_possible = 0;  // the hard limit
    std::size_t descriptors_needed = 0;
    std::size_t locked_memory_allowed = 0;

    std::vector<problem> problems;
};

diagnosis diagnose(const diagnose_options& options = {});

/// For people.
std::string to_text(const diagnosis& d);

/// For programs: one object, whose members have the names above.
std::string to_json(const diagnosis& d);

}  // namespace ringlet::io
