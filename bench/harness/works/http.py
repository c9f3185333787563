"""HTTP hello: `GET /` over connections that are kept, one request at a time and pipelined."""

from .served import ServedWork


class Http(ServedWork):
    name = "http"
    programs = "http"
    load = "http_load"
    baselines = ["raw-epoll"]

    def shapes(self, setting):
        return setting.choose(
            tiny=[(4, 64, 1)],
            quick=[(64, 64, 1)],
            full=[(64, 64, 1), (64, 64, 16), (1, 64, 1), (1000, 64, 1)])

    def title(self, connections, size, depth):
        return f"http {connections} connections" + (f", {depth} in flight" if depth > 1 else "")
