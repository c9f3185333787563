"""HTTP hello on gevent's pywsgi, which sets Date by itself. It leaves Nagle's
algorithm on, which costs 40 ms an answer here, so that is turned off."""

import socket
import sys

from gevent.pywsgi import WSGIHandler, WSGIServer


class Handler(WSGIHandler):
    def __init__(self, sock, *rest):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(sock, *rest)


def hello(environ, start_response):
    found = environ["PATH_INFO"] == "/"
    body = b"Hello, World!" if found else b"Not Found"
    start_response("200 OK" if found else "404 Not Found",
                   [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


port = int(sys.argv[2]) if len(sys.argv) == 3 else 0
server = WSGIServer(("127.0.0.1", port), hello, handler_class=Handler, backlog=4096, log=None)
server.start()
print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
