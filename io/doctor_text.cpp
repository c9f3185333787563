// A diagnosis in words, and as JSON.

#include <ringlet/io/doctor.hpp>

#include <cstdio>
#include <string_view>

namespace ringlet::io {
namespace {

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        if (static_cast<unsigned char>(c) >= 0x20) {
            out += c;
        } else {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
            out += escape;
        }
    }
    return out + '"';
}

std::string join(const std::vector<std::string>& parts, const char* separator) {
    std::string out;
    for (const std::string& each : parts)
        out += (out.empty() ? "" : separator) + each;
    return out;
}

/// Members of an object, in the order in which they are added.
class object {
public:
    object& raw(const char* name, const std::string& value) {
        members_.push_back(quoted(name) + ": " + value);
        return *this;
    }
    object& text(const char* name, const std::string& value) { return raw(name, quoted(value)); }
    object& number(const char* name, std::size_t value) { return raw(name, std::to_string(value)); }
    object& truth(const char* name, bool value) { return raw(name, value ? "true" : "false"); }
    std::string done() const { return "{" + join(members_, ", ") + "}"; }

private:
    std::vector<std::string> members_;
};

std::string line(const char* label, const std::string& text) {
    char start[16];
    std::snprintf(start, sizeof start, "%-12s", label);
    return start + text + "\n";
}

std::string name_of(const std::string& kernel) {
    if (kernel == "uring")
        return "uring (io_uring)";
    if (kernel == "readiness")
        return "readiness (epoll and plain system calls)";
    return kernel.empty() ? "none: no loop can start" : kernel;
}

}  // namespace

std::string to_text(const diagnosis& d) {
    std::string out = line("ringlet", d.version + " on Linux " + d.linux_version);
    out += line("kernel", name_of(d.kernel));
    out += line("why", d.why);
    for (const feature& f : d.features)
        out += line(f.on ? "has" : "lacks", f.name + (f.on ? "" : " (Linux " + f.since + "): costs " + f.cost));
    out += line("fibers", std::to_string(d.fibers) + " wanted, " +
                              (d.lightweight_guards ? "lightweight guards" : "guards by mprotect"));
    out += line("mappings", std::to_string(d.mappings_needed) + " needed, " + std::to_string(d.mappings_used) +
                                " used, " + std::to_string(d.mappings_allowed) + " allowed");
    out += line("descriptors", std::to_string(d.descriptors_needed) + " needed, " +
                                   std::to_string(d.descriptors_allowed) + " allowed");
    if (d.problems.empty())
        return out + line("problems", "none");
    for (const problem& p : d.problems)
        out += "\n" + line("problem", p.what) + line("  costs", p.cost) + line("  fix", p.fix);
    return out;
}

std::string to_json(const diagnosis& d) {
    std::vector<std::string> features;
    for (const feature& f : d.features)
        features.push_back(
            object().text("name", f.name).truth("on", f.on).text("cost", f.cost).text("since", f.since).done());
    std::vector<std::string> problems;
    for (const problem& p : d.problems)
        problems.push_back(object().text("what", p.what).text("cost", p.cost).text("fix", p.fix).done());
    return object()
        .text("version", d.version)
        .text("linux_version", d.linux_version)
        .text("kernel", d.kernel)
        .text("why", d.why)
        .number("uring_error", static_cast<std::size_t>(d.uring_error))
        .raw("features", "[" + join(features, ", ") + "]")
        .number("fibers", d.fibers)
        .truth("lightweight_guards", d.lightweight_guards)
        .number("mappings_allowed", d.mappings_allowed)
        .number("mappings_used", d.mappings_used)
        .number("mappings_needed", d.mappings_needed)
        .number("descriptors_allowed", d.descriptors_allowed)
        .number("descriptors_possible", d.descriptors_possible)
        .number("descriptors_needed", d.descriptors_needed)
        .number("locked_memory_allowed", d.locked_memory_allowed)
        .raw("problems", "[" + join(problems, ", ") + "]")
        .done();
}

}  // namespace ringlet::io
