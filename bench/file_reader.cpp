// Random reads of 4 KiB past the page cache: `--depth` greenlets, each of which reads, waits and reads
// again. --fibers does the same on stacks. How the suite drives it is in file_turns.hpp.

#include "load/file_turns.hpp"

#include <ringlet/core/run.hpp>
#include <ringlet/io/file.hpp>

#include <functional>
#include <vector>

using namespace ringlet;

namespace {

struct turn_of_all {
    io::file& file;
    load::blocks& blocks;
    load::clock::time_point end;
    std::size_t reads = 0;
};

task<> read_some(turn_of_all& turn, std::span<std::byte> into) {
    while (load::clock::now() < turn.end) {
        co_await turn.file.read_at(turn.blocks.next(), into);
        ++turn.reads;
    }
}

void read_some_on_fiber(turn_of_all& turn, std::span<std::byte> into) {
    while (load::clock::now() < turn.end) {
        await(turn.file.read_at(turn.blocks.next(), into));
        ++turn.reads;
    }
}

}  // namespace

int main(int argc, char** argv) {
    const load::file_work wanted = load::parse_file_work(argc, argv);
    run([&wanted] {
        auto file = await(io::file::open(wanted.file, io::file_mode::read().direct()));
        load::blocks blocks(await(file.size()));
        load::aligned_memory memory(wanted.depth);
        load::at_each_file_turn([&](load::clock::time_point end) {
            turn_of_all turn{file, blocks, end};
            std::vector<greenlet<>> readers;
            for (std::size_t i = 0; i < wanted.depth; ++i)
                readers.push_back(wanted.fibers ? spawn(read_some_on_fiber, std::ref(turn), memory.block(i))
                                                : spawn(read_some, std::ref(turn), memory.block(i)));
            for (const auto& each : readers)
                await(each.get());
            return turn.reads;
        });
    });
}
