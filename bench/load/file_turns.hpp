// What the readers of the work "files" have in common: command line, blocks in random order, and how the
// suite drives them: `run <milliseconds>` on stdin, answered by one line of JSON.
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace load {

using clock = std::chrono::steady_clock;
constexpr std::size_t block_size = 4096;

struct file_work {
    std::string file;
    std::size_t depth = 0;
    bool fibers = false;
    bool registered = false;  // into buffers that the ring knows
};

inline file_work parse_file_work(int argc, char** argv) {
    file_work wanted;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--fibers")
            wanted.fibers = true;
        else if (name == "--registered")
            wanted.registered = true;
        else if (name == "--file" && i + 1 < argc)
            wanted.file = argv[++i];
        else if (name == "--depth" && i + 1 < argc)
            wanted.depth = std::strtoul(argv[++i], nullptr, 10);
    }
    if (wanted.file.empty() || wanted.depth == 0) {
        std::fprintf(stderr, "usage: %s --file F --depth D [--registered]\n", argv[0]);
        std::exit(2);
    }
    return wanted;
}

// Where to read next: any block of the file, always in the same order (xorshift).
class blocks {
public:
    explicit blocks(std::uint64_t file_size) : count_(file_size / block_size) {}

    std::uint64_t next() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_ % count_ * block_size;
    }

private:
    std::uint64_t count_;
    std::uint64_t state_ = 88'172'645'463'325'252U;
};

// Buffers as O_DIRECT wants them.
class aligned_memory {
public:
    explicit aligned_memory(std::size_t blocks) : size_(blocks * block_size) {
        memory_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory_ == MAP_FAILED)
            throw std::system_error(errno, std::generic_category(), "mmap buffers");
    }
    ~aligned_memory() { ::munmap(memory_, size_); }
    aligned_memory(const aligned_memory&) = delete;
    aligned_memory& operator=(const aligned_memory&) = delete;

    std::span<std::byte> block(std::size_t i) {
        return {static_cast<std::byte*>(memory_) + i * block_size, block_size};
    }

private:
    void* memory_;
    std::size_t size_;
};

// Calls read(end), which reads until then and gives how many blocks it was, at each turn.
template <typename Fn>
void at_each_file_turn(Fn read) {
    std::puts("ready");
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line);) {
        if (!line.starts_with("run "))
            throw std::runtime_error("not a command: " + line);
        const auto start = clock::now();
        const std::size_t reads = read(start + std::chrono::milliseconds(std::stoul(line.substr(4))));
        const std::chrono::nanoseconds took = clock::now() - start;
        std::printf("{\"messages\":%zu,\"elapsed_ns\":%lld}\n", reads, static_cast<long long>(took.count()));
        std::fflush(stdout);
    }
}

}  // namespace load
