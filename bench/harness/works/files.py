"""Random reads of 4 KiB past the page cache, at several depths, beside fio.

A program takes `--file F --depth D` and is driven as load/fetches.hpp says,
but by `run <milliseconds>`. Of fio, which drives itself, the CPU time is taken
that it reports of its own job.
"""

import os
import tempfile

from .. import turns
from ..processes import CannotStart, Stage
from ..servers import programs_for


class Files:
    name = "files"
    baselines = ["raw-uring", "fio"]

    def run(self, setting):
        # Beside the benches and not in /tmp, which may be no disk at all.
        with tempfile.NamedTemporaryFile(dir=setting.build, prefix="files-") as file:
            setting.progress("files: writing what will be read")
            for _ in range(setting.choose(1, 256, 1024)):
                file.write(os.urandom(1 << 20))
            file.flush()
            os.fsync(file.fileno())
            for depth in setting.choose([4], [32], [1, 32, 128]):
                with Stage() as stage:
                    yield self._measure(setting, stage, file.name, depth)

    def _measure(self, setting, stage, file, depth):
        title = f"files 4 KiB random reads, {depth} at once"

        def start(program, on=stage, environment=None):
            process = on.start([*program.argv(setting), "--file", file, "--depth", str(depth)],
                               setting.server_core, environment)
            if (line := process.line(20)) != "ready":
                raise CannotStart(f"said {line!r}")
            return Reader(process, turns.driven(process, "run {}"))

        candidates = programs_for(self.name)
        contenders = turns.start_each(setting, candidates, start)
        rounds = setting.rounds or setting.choose(1, 3, 15)
        length = setting.slice_ms or setting.choose(20, 500, 500)
        tally = turns.take_turns(setting, title, contenders, self.baselines, rounds, lambda _: length)
        rows = [tally.row(name) for name in contenders]
        for row in rows:
            if row["server"] == "fio":  # A process of its own a slice: nothing to attach to.
                continue
            program = next(each for each in candidates if each.name == row["server"])
            with Stage() as apart:
                row |= turns.counts_per_message(setting, lambda environment: start(program, apart, environment), length)
        setting.progress("")
        return turns.section(title, rows, self.baselines, {"work": self.name, "depth": depth, "rounds": rounds,
                                                           "slice_ms": length}, "CPU per read", [])


class Reader(turns.Contender):
    """Trusts the CPU time that a program says, if it does."""

    def slice(self, length):
        result = super().slice(length)
        result["cpu_ns"] = result.pop("own_cpu_ns", result["cpu_ns"])
        return result
