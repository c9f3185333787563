"""Echo on gevent: a greenlet per connection."""

import socket
import sys

from gevent.server import StreamServer


def echo(peer, _address):
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while data := peer.recv(16 * 1024):
            peer.sendall(data)
    except OSError:
        pass


server = StreamServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) == 3 else 0), echo, backlog=4096)
server.start()
print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
