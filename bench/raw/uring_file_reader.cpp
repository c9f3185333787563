// The yardstick of file reads: a bare ring that keeps `--depth` reads of 4 KiB in flight. --registered
// does it with memory and a file that the ring knows.

#include "../load/file_turns.hpp"
#include "ring.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace {

class reader {
public:
    explicit reader(const load::file_work& wanted)
        : fd_(raw::must(::open(wanted.file.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC), "open")),
          blocks_(size()),
          memory_(wanted.depth),
          depth_(wanted.depth),
          registered_(wanted.registered) {
        if (!registered_)
            return;
        const iovec all{memory_.block(0).data(), depth_ * load::block_size};
        if (const int answer = io_uring_register_buffers(ring_.get(), &all, 1); answer < 0)
            throw std::system_error(-answer, std::generic_category(), "register buffers");
        if (const int answer = io_uring_register_files(ring_.get(), &fd_, 1); answer < 0)
            throw std::system_error(-answer, std::generic_category(), "register files");
    }

    std::size_t read_until(load::clock::time_point end) {
        std::size_t reads = 0;
        std::size_t in_flight = 0;
        for (; in_flight < depth_; ++in_flight)
            read(in_flight);
        while (in_flight > 0) {
            ring_.turn();
            ring_.drain([&](const io_uring_cqe& cqe) {
                if (cqe.res != static_cast<int>(load::block_size))
                    throw std::system_error(-std::min(cqe.res, 0), std::generic_category(), "read");
                ++reads;
                if (load::clock::now() < end)
                    read(cqe.user_data);
                else
                    --in_flight;
            });
        }
        return reads;
    }

private:
    std::uint64_t size() const {
        struct stat about{};
        raw::must(::fstat(fd_, &about), "fstat");
        return static_cast<std::uint64_t>(about.st_size);
    }

    void read(std::uint64_t slot) {
        io_uring_sqe* sqe = ring_.next_sqe();
        if (registered_) {
            io_uring_prep_read_fixed(sqe, 0, memory_.block(slot).data(), load::block_size, blocks_.next(), 0);
            sqe->flags |= IOSQE_FIXED_FILE;
        } else {
            io_uring_prep_read(sqe, fd_, memory_.block(slot).data(), load::block_size, blocks_.next());
        }
        sqe->user_data = slot;
    }

    int fd_;
    load::blocks blocks_;
    load::aligned_memory memory_;
    std::size_t depth_;
    bool registered_;
    raw::ring ring_{256};
};

}  // namespace

int main(int argc, char** argv) try {
    reader all(load::parse_file_work(argc, argv));
    load::at_each_file_turn([&](load::clock::time_point end) { return all.read_until(end); });
} catch (const std::exception& error) {
    std::fprintf(stderr, "uring_file_reader: %s\n", error.what());
    return 1;
}
