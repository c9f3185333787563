"""HTTP/2 hello in the clear: `GET /` over connections that carry many requests
at a time. The load is h2load, which makes its connections anew in each slice."""

import re
import shutil
import subprocess
import time

from .. import turns
from ..processes import CannotStart, NotThere
from .http import Http
from .served import start_server


class Http2(Http):
    name = "http2"
    programs = "http2"
    baselines = ["nginx"]

    def shapes(self, setting):
        return setting.choose(
            tiny=[(2, 64, 4)],
            quick=[(10, 64, 10)],
            full=[(10, 64, 10), (1, 64, 100), (64, 64, 1)])

    def title(self, connections, size, depth):
        return f"http2 {connections} connections, {depth} streams each"

    def run(self, setting):
        if shutil.which("h2load"):
            yield from super().run(setting)
        else:
            setting.skip(self.name, NotThere("h2load is not installed (nghttp2-client)"))

    def _start(self, setting, stage, program, shape, environment=None):
        process, port = start_server(setting, stage, program, environment)
        url = f"http://127.0.0.1:{port}/"
        return Server(process, lambda length: load(url, shape, length * 100), 0)


    def _section(self, title, rows, parameters):
        return turns.section(title, rows, self.baselines, {"work": self.name, **parameters}, "server CPU per request",
                             [("RSS MB", lambda row: f"{row['rss_bytes'] / 1e6:.1f}")])


class Server(turns.Contender):
    def __init__(self, process, run, rss_before):
        super().__init__(process, run)
        self.rss_before = rss_before


def load(url, shape, requests):
    """So many requests, each of which must succeed."""
    connections, _, depth = shape
    start = time.monotonic_ns()
    said = subprocess.run(["h2load", "-n", str(requests), "-c", str(connections), "-m", str(depth), url],
                          capture_output=True, text=True, timeout=120).stdout
    elapsed = time.monotonic_ns() - start
    succeeded = re.search(r"(\d+) succeeded, 0 failed, 0 errored", said)
    if not succeeded or int(succeeded[1]) != requests:
        raise CannotStart(f"h2load said {said.strip()[-300:]!r}")
    return {"messages": requests, "elapsed_ns": elapsed}
