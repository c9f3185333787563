// Closed-loop load for web servers: `--connections` peers that ask for / on one connection each, with
// `--depth` requests in flight. What servers answer differs by a header or two, so the size of an answer
// is learnt from the first one and has to stay the same. How it is driven: slices.hpp.

#include "slices.hpp"

#include <string_view>

namespace {

constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n";

int check(ssize_t answer, const char* act) {
    if (answer < 0)
        throw std::system_error(errno, std::generic_category(), act);
    return static_cast<int>(answer);
}

std::size_t content_length(std::string_view head) {
    std::string lower(head);
    for (char& c : lower)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const std::size_t at = lower.find("\r\ncontent-length: ");
    if (at == std::string::npos)
        throw std::runtime_error("an answer without Content-Length: " + std::string(head));
    return std::stoul(lower.substr(at + 18));
}

// Asks once, on a connection of its own.
std::size_t size_of_answer(std::uint16_t port) {
    const int fd = check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    check(::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), "SO_RCVTIMEO");
    check(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), "connect");
    check(::send(fd, request.data(), request.size(), MSG_NOSIGNAL), "first request");
    std::string answer;
    char bytes[4096];
    for (;;) {
        const int got = check(::recv(fd, bytes, sizeof bytes, 0), "first answer");
        if (got == 0)
            throw std::runtime_error("the server closed the connection: " + answer);
        answer.append(bytes, static_cast<std::size_t>(got));
        const std::size_t end = answer.find("\r\n\r\n");
        if (end == std::string::npos)
            continue;
        const std::size_t whole = end + 4 + content_length(answer.substr(0, end));
        if (answer.size() < whole)
            continue;
        ::close(fd);
        if (!answer.starts_with("HTTP/1.1 200") || !answer.ends_with("Hello, World!"))
            throw std::runtime_error("not the answer that was expected: " + answer);
        return whole;
    }
}

}  // namespace

int main(int argc, char** argv) try {
    const load::arguments wanted = load::parse(argc, argv);
    const load::shape traffic{.connections = wanted.connections,
                              .depth = wanted.depth,
                              .request = std::string(request),
                              .answer_size = size_of_answer(wanted.ports.front())};
    load::serve(wanted, traffic);
} catch (const std::exception& error) {
    std::cerr << "http_load: " << error.what() << '\n';
    return 1;
}
