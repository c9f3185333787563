"""Starting and ending what is measured. Everything started is ended by its
own process id, in reverse order, however the run ends."""

import json
import os
import select
import signal
import subprocess
import tempfile
import time

from . import isolation


class CannotStart(Exception):
    pass


class NotThere(CannotStart):
    """Not built, or not installed."""


class Process:
    """A child pinned to a core or several, with its output lines and its last words."""

    def __init__(self, command: list[str], core: int | set[int], environment: dict | None = None):
        self._errors = tempfile.TemporaryFile(mode="w+")
        try:
            self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
                env=os.environ | (environment or {}), preexec_fn=isolation.before_exec(core))
        except OSError as error:
            raise NotThere(f"not there ({error.strerror})") from error
        self._pending = b""

    @property
    def pid(self) -> int:
        return self._child.pid

    def tell(self, line: str) -> None:
        self._child.stdin.write(line.encode() + b"\n")
        self._child.stdin.flush()

    def line(self, patience: float) -> str:
        """The next line it prints."""
        deadline = time.monotonic() + patience
        output = self._child.stdout.fileno()
        while b"\n" not in self._pending:
            ready, _, _ = select.select([output], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise CannotStart(f"said nothing for {patience:g} s")
            chunk = os.read(output, 1 << 20)
            if not chunk:
                self._child.wait()
                raise CannotStart(self._last_error() or f"ended with code {self._child.returncode}")
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode()

    def whole_output(self) -> tuple[str, int]:
        """Waits for the end of a program that ends by itself."""
        self._child.stdin.close()
        text = self.rest_of_output()
        return text, self._child.wait()

    def rest_of_output(self) -> str:
        """What it printed and nobody read, once it has ended."""
        if not self._child.stdout.closed:
            self._pending += self._child.stdout.read()
            self._child.stdout.close()
        return self._pending.decode()

    def end(self, with_signal=signal.SIGTERM, patience: float = 5) -> str:
        """Ends the process and gives the last line it wrote to stderr."""
        if self._child.poll() is None:
            self._child.send_signal(with_signal)
            try:
                self._child.wait(patience)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        return self._last_error()

    def _last_error(self) -> str:
        self._errors.seek(0)
        lines = [line for line in self._errors.read().splitlines() if line.strip()]
        return lines[-1] if lines else ""


class Stage:
    """All processes of one measurement. `with Stage() as stage:` ends them."""

    def __init__(self):
        self._running: list[Process] = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()

    def start(self, command: list[str], core: int | set[int], environment: dict | None = None) -> Process:
        process = Process(command, core, environment)
        self._running.append(process)
        return process

    def start_server(self, command: list[str], core: int | set[int], environment: dict | None = None,
                     patience: float = 10) -> tuple[Process, int]:
        """Starts it and waits for `listening on 127.0.0.1:PORT`."""
        process = self.start(command, core, environment)
        line = process.line(patience)
        prefix, _, port = line.rpartition(":")
        if prefix != "listening on 127.0.0.1" or not port.isdigit():
            raise CannotStart(f"said {line!r} where `listening on 127.0.0.1:PORT` was due")
        return process, int(port)

    def clear(self) -> None:
        while self._running:
            self._running.pop().end()


def counts(last_words: str) -> dict:
    """The counters a server of ours prints when it ends, if it does."""
    try:
        parsed = json.loads(last_words)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
