"""HTTP hello on asyncio. The standard library has no asynchronous web server,
so this is the least that parses a request, by a protocol and not by streams."""

import asyncio
import email.utils
import sys
import time

stamp = (0, b"")


def date():
    """Formatted once a second."""
    global stamp
    now = int(time.time())
    if now != stamp[0]:
        stamp = (now, email.utils.formatdate(now, usegmt=True).encode())
    return stamp[1]


def answer(head):
    line, *fields = head.split(b"\r\n")
    method, target, _ = line.split(b" ")
    headers = dict(field.lower().split(b": ", 1) for field in fields)
    found = method == b"GET" and target == b"/" and b"host" in headers
    body = b"Hello, World!" if found else b"Not Found"
    return (b"HTTP/1.1 " + (b"200 OK" if found else b"404 Not Found") + b"\r\nContent-Type: text/plain\r\n"
            b"Content-Length: %d\r\nDate: %b\r\n\r\n%b" % (len(body), date(), body))


class Http(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.pending = transport, b""

    def data_received(self, data):
        *heads, self.pending = (self.pending + data).split(b"\r\n\r\n")
        if heads:
            self.transport.write(b"".join(map(answer, heads)))

    # Stop reading from a peer that does not read.
    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


async def main():
    port = int(sys.argv[2]) if len(sys.argv) == 3 else 0
    server = await asyncio.get_running_loop().create_server(Http, "127.0.0.1", port, backlog=4096)
    print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main())
