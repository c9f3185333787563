// The command `ringlet`. Its one subcommand so far is doctor.

#include <ringlet/io/doctor.hpp>

#include <charconv>
#include <cstdio>
#include <string_view>

namespace {

constexpr const char* usage_text =
    "usage: ringlet doctor [--json] [--fibers N]\n"
    "\n"
    "Says which kernel event loops get on this machine and why, what is missing and what that costs,\n"
    "whether the limits suffice for N fibers with a connection each (1000), and how to fix what does not.\n"
    "Ends with 0 when there is no problem, 1 when there is one, 2 when it is called wrongly.\n";

int usage() {
    std::fputs(usage_text, stderr);
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && (std::string_view(argv[1]) == "--help" || std::string_view(argv[1]) == "-h")) {
        std::fputs(usage_text, stdout);
        return 0;
    }
    if (argc < 2 || std::string_view(argv[1]) != "doctor")
        return usage();
    bool json = false;
    ringlet::io::diagnose_options options;
    for (int i = 2; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--json") {
            json = true;
        } else if (argument == "--fibers" && i + 1 < argc) {
            const std::string_view number = argv[++i];
            std::size_t count = 0;
            const auto read = std::from_chars(number.begin(), number.end(), count);
            if (read.ec != std::errc() || read.ptr != number.end() || count > 1'000'000'000)
                return usage();
            options.fibers(count);
        } else {
            return usage();
        }
    }
    const ringlet::io::diagnosis found = diagnose(options);
    const std::string text = json ? to_json(found) + "\n" : to_text(found);
    std::fputs(text.c_str(), stdout);
    return found.problems.empty() ? 0 : 1;
}
