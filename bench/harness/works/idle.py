"""What a connection costs that does nothing: memory of the server in user
space, with its page tables. Each has been used once, for one message."""

from .. import accounting
from ..processes import CannotStart, Stage
from ..report import Section
from ..servers import programs_for
from ..slices import spread
from .served import connect, start_server


class Idle:
    name = "idle"

    def run(self, setting):
        for programs, load in (("echo", "echo_load"), ("http", "http_load")):
            yield self._measure(setting, programs, load, setting.choose(50, 10_000, 10_000))

    def _measure(self, setting, programs, load, connections):
        rows = []
        for program in programs_for(programs):
            if setting.only and program.name not in setting.only:
                continue
            setting.progress(f"idle {programs}: {program.name}")
            try:
                samples = [self._bytes_each(setting, program, load, connections)
                           for _ in range(setting.choose(1, 1, 3))]
            except CannotStart as why:
                setting.skip(program.name, why)
                continue
            rows.append({"server": program.name, "bytes_each": spread(samples)})
        setting.progress("")
        return Section(f"idle {programs} connections, {connections}", ["", "bytes each", "quartiles"],
                       [[row["server"], f"{row['bytes_each']['median']:.0f}",
                         f"{row['bytes_each']['low']:.0f}-{row['bytes_each']['high']:.0f}"] for row in rows],
                       {"work": self.name, "protocol": programs, "connections": connections, "servers": rows},
                       "bytes each", [(row["server"], row["bytes_each"]) for row in rows], are_ratios=False)

    def _bytes_each(self, setting, program, load, connections):
        with Stage() as stage:
            server, port = start_server(setting, stage, program)
            # What is made once, for the first connections, belongs to none of them.
            connect(setting, stage, load, port, (64, 64, 1))
            before = accounting.resident_and_tables(server.pid)
            connect(setting, stage, load, port, (connections, 64, 1))
            return (accounting.resident_and_tables(server.pid) - before) / connections
