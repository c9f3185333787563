// The yardstick of echo servers as a program: the loop is in uring_echo.hpp.

#include "uring_echo.hpp"

int main(int argc, char** argv) try {
    const std::uint16_t port = raw::port_argument(argc, argv);
    raw::raise_descriptor_limit();
    const int stop_fd = raw::stop_signal();
    const int listener = raw::listen_on_loopback(port);
    raw::uring_echo server(listener, stop_fd);
    raw::announce(listener);
    server.run();
} catch (const std::exception& error) {
    std::fprintf(stderr, "uring_echo_server: %s\n", error.what());
    return 1;
}
