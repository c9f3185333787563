"""What the kernel knows about a process: CPU time, memory, system calls.

CPU time is taken from schedstat because it counts nanoseconds; stat counts
ticks of 4 to 10 ms, a tenth of a slice. All threads are added up, the
kernel's io_uring workers among them.
"""

import mmap
import os
import shutil
import signal
import struct
import tempfile
import time

from .processes import Stage

# Where the kernel shows its tracepoints: by itself, or, if nobody has mounted that, as a part of debugfs.
TRACING = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
TRACEPOINTS = {"system_calls": "raw_syscalls:sys_enter", "sqes": "io_uring:io_uring_submit_req"}


def cpu_ns(pid: int) -> int:
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat") as schedstat:
                total += int(schedstat.read().split()[0])
        except FileNotFoundError:
            continue  # The thread ended between the listing and the reading.
    return total


def rss_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def resident_and_tables(pid: int) -> int:
    """Bytes of memory of a process, with the page tables that map them."""
    with open(f"/proc/{pid}/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return sum(int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmPTE"))


class Allocations:
    """Calls of malloc in a process that is started with `environment`, and
    counted since then. 0 where the counter was not built, and in programs
    that bring an allocator of their own."""

    def __init__(self, build: str):
        self._library = f"{build}/libcount_allocations.so"

    def __enter__(self):
        self._file = tempfile.NamedTemporaryFile()
        self._file.truncate(mmap.PAGESIZE)
        self._memory = mmap.mmap(self._file.fileno(), mmap.PAGESIZE)
        # Python's own allocator would hide most of what Python allocates.
        self.environment = {"LD_PRELOAD": self._library, "RINGLET_ALLOCATION_COUNT": self._file.name,
                            "PYTHONMALLOC": "malloc"} if os.path.exists(self._library) else {}
        return self

    def __exit__(self, *_):
        self._memory.close()
        self._file.close()

    def count(self) -> int:
        return struct.unpack_from("Q", self._memory)[0]


def tracepoints() -> list[str]:
    """Those of ours that are to be seen."""
    return [event for event in TRACEPOINTS.values()
            if any(os.path.exists(f"{folder}/events/{event.replace(':', '/')}") for folder in TRACING)]


def why_uncounted(events: list[str]) -> str:
    """Why perf cannot count all of TRACEPOINTS where only these are to be seen; empty if it can."""
    if not shutil.which("perf"):
        return "there is no perf"
    missing = [event for event in TRACEPOINTS.values() if event not in events]
    if not missing:
        return ""
    why = f"no {' and no '.join(missing)} in {' or '.join(TRACING)}"
    if events:
        return why
    if os.geteuid() != 0:
        return f"{why}, as far as others than root can see"
    return f"{why}; where the kernel has them, mount -t tracefs tracefs {TRACING[0]} shows them"


class KernelCounts:
    """System calls and SQEs of one process while the block runs, counted by
    perf at the tracepoints; so they cost nothing in the timed slices and are
    had for any program. Empty where perf or the tracepoints are not, which
    `missing` tells, and when they are not wanted: perf takes its time to
    attach."""

    def __init__(self, pid: int, core: int, wanted: bool = True):
        self._pid, self._core, self._wanted = pid, core, wanted
        self._stage = Stage()
        self.counts: dict[str, int] = {}
        self.missing = ""

    def __enter__(self):
        self._events = tracepoints()
        self._perf = None
        if self._wanted:
            self.missing = why_uncounted(self._events)
        if self._wanted and self._events and shutil.which("perf"):
            self._perf = self._stage.start(
                ["perf", "stat", "--log-fd", "1", "-x", ",", "-e", ",".join(self._events), "-p", str(self._pid)],
                self._core)
            time.sleep(0.2)  # perf does not say when it has attached.
        return self

    def __exit__(self, *_):
        if not self._perf:
            return
        self._perf.end(signal.SIGINT)
        said = self._perf.rest_of_output()
        for name, event in TRACEPOINTS.items():
            for line in said.splitlines():
                fields = line.split(",")
                if event in fields and fields[0].isdigit():
                    self.counts[name] = int(fields[0])
        if not self.counts and not self.missing:
            self.missing = f"perf counted nothing, but said: {' '.join(said.split())[:200] or 'nothing'}"
