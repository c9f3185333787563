// Random reads of 4 KiB past the page cache: `--depth` greenlets, each of which reads, waits and reads
// again. --fibers does the same on stacks, --registered with memory that the ring knows. How the
// suite drives it is in file_turns.hpp.

#include "load/file_turns.hpp"

#include <ringlet/core/run.hpp>
#include <ringlet/io/file.hpp>
#include <ringlet/io/registered_buffer.hpp>

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

template <class Memory>
task<> read_some(turn_of_all& turn, Memory into) {
    while (load::clock::now() < turn.end) {
        co_await turn.file.read_at(turn.blocks.next(), into);
        ++turn.reads;
    }
}

template <class Memory>
void read_some_on_fiber(turn_of_all& turn, Memory into) {
    while (load::clock::now() < turn.end) {
        await(turn.file.read_at(turn.blocks.next(), into));
        ++turn.reads;
    }
}

/// `block` gives the memory of one of them.
template <class Block>
void read_in_turns(const load::file_work& wanted, Block block) {
    auto file = await(io::file::open(wanted.file, io::file_mode::read().direct()));
    load::blocks blocks(await(file.size()));
    load::at_each_file_turn([&](load::clock::time_point end) {
        using memory = decltype(block(0));
        turn_of_all turn{file, blocks, end};
        std::vector<greenlet<>> readers;
        for (std::size_t i = 0; i < wanted.depth; ++i)
            readers.push_back(wanted.fibers ? spawn(read_some_on_fiber<memory>, std::ref(turn), block(i))
                                            : spawn(read_some<memory>, std::ref(turn), block(i)));
        for (const auto& each : readers)
            await(each.get());
        return turn.reads;
    });
}

}  // namespace

int main(int argc, char** argv) {
    const load::file_work wanted = load::parse_file_work(argc, argv);
    run([&wanted] {
        if (wanted.registered) {
            const io::registered_buffer all(wanted.depth * load::block_size);
            read_in_turns(wanted, [&](std::size_t i) { return all.subspan(i * load::block_size, load::block_size); });
        } else {
            load::aligned_memory all(wanted.depth);
            read_in_turns(wanted, [&](std::size_t i) { return all.block(i); });
        }
    });
}
