// Echo on libuv: one buffer per connection, and a write that the socket takes
// at once (uv_try_write) makes no request object.

#include <arpa/inet.h>
#include <uv.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

struct connection {
    uv_tcp_t socket;
    char buffer[64 * 1024];
};

struct pending_write {
    uv_write_t request;
    std::vector<char> data;
};

void closed(uv_handle_t* handle) { delete static_cast<connection*>(handle->data); }

void written(uv_write_t* request, int) { delete static_cast<pending_write*>(request->data); }

void lend(uv_handle_t* handle, size_t, uv_buf_t* into) {
    auto* peer = static_cast<connection*>(handle->data);
    *into = uv_buf_init(peer->buffer, sizeof peer->buffer);
}

void received(uv_stream_t* stream, ssize_t size, const uv_buf_t* data) {
    if (size < 0)
        return uv_close(reinterpret_cast<uv_handle_t*>(stream), closed);
    uv_buf_t answer = uv_buf_init(data->base, static_cast<unsigned>(size));
    const int taken = uv_try_write(stream, &answer, 1);
    if (taken == size)
        return;
    auto* rest = new pending_write{{}, {data->base + (taken > 0 ? taken : 0), data->base + size}};
    rest->request.data = rest;
    answer = uv_buf_init(rest->data.data(), static_cast<unsigned>(rest->data.size()));
    if (uv_write(&rest->request, stream, &answer, 1, written) != 0)
        delete rest;
}

void connected(uv_stream_t* listener, int status) {
    if (status < 0)
        return;
    auto* peer = new connection;
    uv_tcp_init(listener->loop, &peer->socket);
    peer->socket.data = peer;
    auto* stream = reinterpret_cast<uv_stream_t*>(&peer->socket);
    if (uv_accept(listener, stream) != 0)
        return uv_close(reinterpret_cast<uv_handle_t*>(stream), closed);
    uv_tcp_nodelay(&peer->socket, 1);
    uv_read_start(stream, lend, received);
}

}  // namespace

int main(int argc, char** argv) {
    uv_loop_t* loop = uv_default_loop();
    uv_tcp_t listener;
    uv_tcp_init(loop, &listener);
    sockaddr_in address{};
    uv_ip4_addr("127.0.0.1", argc == 3 ? std::atoi(argv[2]) : 0, &address);
    uv_tcp_bind(&listener, reinterpret_cast<sockaddr*>(&address), 0);
    if (const int error = uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 4096, connected); error != 0) {
        std::fprintf(stderr, "libuv_echo: %s\n", uv_strerror(error));
        return 1;
    }
    int size = sizeof address;
    uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&address), &size);
    std::printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
