"""A hundred thousand and a million greenlets asleep: bytes each, page tables
included, and the CPU it takes to start them, let them sleep and wake them.

A program takes `--count N --seconds S`, prints `ready`, waits for a line,
starts N greenlets that sleep S seconds each, prints `asleep` when all are, and
`awake` when all have ended. Having woken one before the last slept is an error.
"""

from .. import accounting
from ..processes import CannotStart, Stage
from ..report import Section
from ..servers import programs_for
from ..slices import spread


class Sleepers:
    name = "sleepers"

    def run(self, setting):
        counts = setting.choose([500], [100_000], [100_000, 1_000_000])
        for count in [setting.shape[0]] if setting.shape else counts:
            # Long enough for the slowest to have started all of them before the first wakes.
            seconds = max(0.2, count / 80_000 if count < 1_000_000 else count / 60_000)
            yield self._measure(setting, count, seconds)

    def _measure(self, setting, count, seconds):
        title = f"{count:,} asleep"
        samples, rounds = {}, setting.rounds or setting.choose(1, 1, 5 if count < 1_000_000 else 3)
        left = [each for each in programs_for(self.name) if not setting.only or each.name in setting.only]
        if count >= 1_000_000 or setting.effort == "quick":  # Python would take most of the time.
            left = [each for each in left if each.slow == 1]
        for done in range(1, rounds + 1):
            for program in setting.rng.sample(left, len(left)):
                setting.progress(f"{title}: {program.name}, {done} of {rounds}")
                try:
                    sample = self._once(setting, program, count, seconds)
                    samples.setdefault(program.name, []).append(sample)
                except CannotStart as why:
                    setting.skip(program.name, why)
                    left.remove(program)
        setting.progress("")
        if not samples:
            raise CannotStart("sleepers: no program could be started")
        rows = [{"server": program.name,
                 **{key: spread([each[key] for each in samples[program.name]]) for key in ("bytes_each", "cpu_s")}}
                for program in programs_for(self.name) if program.name in samples]
        cells = [[row["server"], f"{row['bytes_each']['median']:.0f}", f"{row['cpu_s']['median']:.2f}",
                  f"{row['cpu_s']['low']:.2f}-{row['cpu_s']['high']:.2f}"] for row in rows]
        return Section(title, ["", "bytes each", "CPU s", "quartiles"], cells,
                       {"work": self.name, "count": count, "seconds": seconds, "servers": rows},
                       "bytes each", [(row["server"], row["bytes_each"]) for row in rows], are_ratios=False)

    def _once(self, setting, program, count, seconds):
        with Stage() as stage:
            process = stage.start([*program.argv(setting), "--count", str(count), "--seconds",
                                   str(seconds * program.slow)], setting.server_core)
            expect(process, "ready", 30)
            memory = accounting.resident_and_tables(process.pid)
            cpu = accounting.cpu_ns(process.pid)
            process.tell("go")
            expect(process, "asleep", 120)
            memory = accounting.resident_and_tables(process.pid) - memory
            expect(process, "awake", 120)
            return {"bytes_each": memory / count, "cpu_s": (accounting.cpu_ns(process.pid) - cpu) / 1e9}


def expect(process, word, patience):
    if (line := process.line(patience)) != word:
        raise CannotStart(f"said {line!r} where {word!r} was due")
