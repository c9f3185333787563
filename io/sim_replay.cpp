#include "sim_replay_private.hpp"

#include <ringlet/core/report.hpp>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>

// Present when a sanitizer is linked in; it ends a program without SIGABRT.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*)());

namespace ringlet::sim::replay {
namespace {

// Made before anything goes wrong: a signal handler can only write.
constinit thread_local char last_words[1024] = "";
constinit thread_local bool told = false;

void say_last_words() noexcept {
    if (last_words[0] != '\0' && !told)
        (void)!write(STDERR_FILENO, last_words, std::strlen(last_words));
    told = true;
}

void on_signal(int number) {
    say_last_words();
    std::signal(number, SIG_DFL);
    std::raise(number);
}

void listen_for_death() {
    for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
        struct sigaction now{};
        sigaction(number, nullptr, &now);
        if (now.sa_handler != SIG_DFL)
            continue;  // somebody else's, a sanitizer's perhaps
        now.sa_handler = on_signal;
        now.sa_flags |= SA_ONSTACK;
        sigaction(number, &now, nullptr);
    }
    if (__sanitizer_set_death_callback != nullptr)
        __sanitizer_set_death_callback([] { say_last_words(); });
}

}  // namespace

std::string command(std::uint64_t seed) {
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    std::string line((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (!line.empty() && line.back() == '\0')
        line.pop_back();
    std::replace(line.begin(), line.end(), '\0', ' ');
    return "SIM_SEED=" + std::to_string(seed) + " " + line;
}

void begin(std::uint64_t seed) noexcept {
    static const bool once = (listen_for_death(), true);
    (void)once;
    static const std::string line = command(0).substr(std::strlen("SIM_SEED=0"));
    told = false;
    std::snprintf(last_words, sizeof last_words,
                  "ringlet: simulation: this was seed %llu; again with: SIM_SEED=%llu%s\n",
                  static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed), line.c_str());
}

void end() noexcept { last_words[0] = '\0'; }

void tell(const std::string& what) {
    if (told || last_words[0] == '\0')
        return;
    told = true;
    std::string text = last_words;
    text.erase(0, std::strlen("ringlet: "));
    text.pop_back();
    report("simulation: " + what + "\n" + text);
}

}  // namespace ringlet::sim::replay
