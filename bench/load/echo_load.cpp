// Closed-loop load for echo servers: `--connections` peers, each with
// `--depth` messages of `--size` bytes in flight. How it is driven: slices.hpp.

#include "slices.hpp"

int main(int argc, char** argv) try {
    const load::arguments wanted = load::parse(argc, argv);
    load::shape traffic{.connections = wanted.connections,
                        .depth = wanted.depth,
                        .request = {},
                        .answer_size = wanted.size,
                        .answer_is_request = true};
    for (std::size_t i = 0; i < wanted.size; ++i)
        traffic.request += static_cast<char>('a' + i % 26);
    load::serve(wanted, traffic);
} catch (const std::exception& error) {
    std::cerr << "echo_load: " << error.what() << '\n';
    return 1;
}
