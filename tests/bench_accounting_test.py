"""What the benches count through the kernel's tracepoints, and what they say where they cannot."""

import contextlib
import io
import os
import pathlib
import random
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(sys.argv.pop()) / "bench"))

from harness import accounting, setting, turns  # noqa: E402


class Machine:
    """One with tracepoints in these of its folders, and with perf or without."""

    def __init__(self, *folders, perf=True):
        self._folders, self._perf = folders, perf

    def __enter__(self):
        self._left = contextlib.ExitStack()
        here = self._left.enter_context(tempfile.TemporaryDirectory())
        for folder in self._folders:
            for event in accounting.TRACEPOINTS.values():
                os.makedirs(f"{here}/{folder}/events/{event.replace(':', '/')}")
        self._left.enter_context(mock.patch.object(accounting, "TRACING", (f"{here}/tracing", f"{here}/debug/tracing")))
        self._left.enter_context(mock.patch("shutil.which", lambda name: f"/bin/{name}" if self._perf else None))

    def __exit__(self, *_):
        self._left.close()


def uncounted():
    return accounting.why_uncounted(accounting.tracepoints())


class Accounting(unittest.TestCase):
    def test_tracepoints_are_found_in_either_place(self):
        for folder in ("tracing", "debug/tracing"):
            with Machine(folder):
                self.assertEqual(accounting.tracepoints(), list(accounting.TRACEPOINTS.values()))
                self.assertEqual(uncounted(), "")

    def test_what_is_missing_is_told(self):
        with Machine():
            self.assertIn("no raw_syscalls:sys_enter and no io_uring:io_uring_submit_req in", uncounted())
            with mock.patch("os.geteuid", lambda: 0):
                self.assertTrue(uncounted().endswith("/tracing shows them"))
            with mock.patch("os.geteuid", lambda: 1000):
                self.assertTrue(uncounted().endswith("as far as others than root can see"))
        with Machine("tracing", perf=False):
            self.assertEqual(uncounted(), "there is no perf")

    def test_it_is_told_once_and_not_where_counts_are_not_wanted(self):
        class Contender:
            process = mock.Mock(pid=os.getpid())

            def run(self, length):
                return {"messages": length}

            slice = run

        for effort, lines in (("tiny", 0), ("quick", 1)):
            on = setting.Setting("/none", "/none", 0, 0, effort, [], None, None, None, random.Random(1))
            said = io.StringIO()
            with Machine(), contextlib.redirect_stderr(said):
                for _ in range(2):
                    turns.counts_per_message(on, lambda environment: Contender(), 10)
            self.assertEqual(said.getvalue().count("suite: system calls and SQEs are not all counted: "), lines)
            self.assertEqual(len(said.getvalue().splitlines()), lines)


unittest.main()
