"""HTTP/2 hello in the clear, and hello over TLS by either version. The load is
h2load, which makes its connections anew in each slice."""

import functools
import re
import shutil
import subprocess
import tempfile
import time

from .. import turns
from ..processes import CannotStart, NotThere
from .http import Http
from .served import Server, start_server


class Http2(Http):
    name = "http2"
    programs = "http2"
    baselines = ["nginx"]
    needed = ["h2load"]
    scheme = "http"
    arguments: list[str] = []

    def shapes(self, setting):
        return setting.choose(
            tiny=[(2, 64, 4)],
            quick=[(10, 64, 10)],
            full=[(10, 64, 10), (1, 64, 100), (64, 64, 1)])

    def title(self, connections, size, depth):
        return f"{self.name} {connections} connections, {depth} streams each"

    def run(self, setting):
        missing = [each for each in self.needed if not shutil.which(each)]
        if missing:
            setting.skip(self.name, NotThere(f"{missing[0]} is not installed"))
        else:
            yield from super().run(setting)

    def _start(self, setting, stage, program, shape, environment=None):
        process, port = start_server(setting, stage, program, environment, self.arguments)
        return Server(process, lambda length: self._ask(f"{self.scheme}://127.0.0.1:{port}/", shape, length), 0)

    def _ask(self, url, shape, length):
        connections, _, depth = shape
        return load(["-c", str(connections), "-m", str(depth)], url, length * 100)

    def _section(self, title, rows, parameters):
        return turns.section(title, rows, self.baselines, {"work": self.name, **parameters}, "server CPU per request",
                             [("RSS MB", lambda row: f"{row['rss_bytes'] / 1e6:.1f}")])


class Https(Http2):
    """Depth 0: each request has a connection of its own. 1: HTTP/1.1. More: HTTP/2."""
    name = "https"
    programs = "https"
    needed = ["h2load", "openssl"]
    scheme = "https"

    def shapes(self, setting):
        return setting.choose(
            tiny=[(2, 64, 4), (4, 64, 0)],
            quick=[(64, 64, 1), (100, 64, 0)],
            full=[(64, 64, 1), (10, 64, 10), (100, 64, 0)])

    def title(self, connections, size, depth):
        how = ("a connection for each request" if depth == 0 else "HTTP/1.1" if depth == 1
               else f"HTTP/2, {depth} streams each")
        return f"https {connections} connections, {how}"

    @property
    def arguments(self):
        return ["--tls", certificate().name]

    def _ask(self, url, shape, length):
        connections, _, depth = shape
        if depth == 0:
            return load(["--h1", "-c", str(connections)], url, connections)
        # Enough that the handshakes at the beginning do not count for much.
        return load(["-c", str(connections), *(["--h1"] if depth == 1 else ["-m", str(depth)])], url,
                    max(length * 100, connections * 200) if length > 5 else 100)


def load(how, url, requests):
    """So many requests, each of which must succeed."""
    start = time.monotonic_ns()
    said = subprocess.run(["h2load", "-n", str(requests), *how, url], capture_output=True, text=True,
                          timeout=120).stdout
    elapsed = time.monotonic_ns() - start
    succeeded = re.search(r"(\d+) succeeded, 0 failed, 0 errored", said)
    if not succeeded or int(succeeded[1]) != requests:
        raise CannotStart(f"h2load said {said.strip()[-300:]!r}")
    return {"messages": requests, "elapsed_ns": elapsed}


@functools.cache
def certificate():
    """A folder with a certificate and its key, once as text and once not, as long as this process lives."""
    folder = tempfile.TemporaryDirectory(prefix="bench-tls-")

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder.name, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem")
    openssl("x509", "-in", "cert.pem", "-outform", "der", "-out", "cert.der")
    openssl("pkcs8", "-in", "key.pem", "-topk8", "-nocrypt", "-outform", "der", "-out", "key.der")
    return folder
