"""Work done by servers: start them all, connect a load to each of them, and
let them take turns. What is asked of them is the subclass's business."""

import dataclasses

from .. import accounting, turns
from ..processes import CannotStart, Stage, counts
from ..servers import programs_for


@dataclasses.dataclass
class Server(turns.Contender):
    rss_before: int      # Of the first connection.


class ServedWork:
    name: str
    programs: str        # The work for which the servers are listed.
    load: str            # Program in the build folder, driven as load/slices.hpp says.
    baselines: list[str]

    def shapes(self, setting) -> list[tuple[int, int, int]]:
        """(connections, size, depth) of each measurement."""
        raise NotImplementedError

    def title(self, connections, size, depth) -> str:
        return f"{self.name} {connections} x {size} B" + (f", {depth} in flight" if depth > 1 else "")

    def run(self, setting):
        for shape in [setting.shape] if setting.shape else self.shapes(setting):
            with Stage() as stage:
                yield self._measure(setting, stage, shape)

    def _measure(self, setting, stage, shape):
        title, connections = self.title(*shape), shape[0]
        candidates = programs_for(self.programs)
        contenders = turns.start_each(setting, candidates, lambda each: self._start(setting, stage, each, shape))

        # A slice must be long against its first and last burst.
        slice_ms = setting.slice_ms or max(setting.choose(5, 80, 80), connections // 20)
        rounds = setting.rounds or setting.choose(1, 5, 30 if connections < 1000 else 10)
        tally = turns.take_turns(setting, title, contenders, self.baselines, rounds, lambda _: slice_ms)
        rows = []
        for name, each in contenders.items():
            rss = accounting.rss_bytes(each.process.pid)
            rows.append(tally.row(name) | {"rss_bytes": rss, "bytes_per_connection": (rss - each.rss_before) / connections,
                                           "own_counts": counts(each.process.end())})
        stage.clear()
        for row in rows:
            setting.progress(f"{title}: counting what {row['server']} does")
            row |= self._counts(setting, candidates, row["server"], shape, slice_ms)
        setting.progress("")
        parameters = dict(zip(("connections", "size", "depth"), shape), slice_ms=slice_ms, rounds=rounds)
        return self._section(title, rows, parameters)

    def _counts(self, setting, candidates, name, shape, slice_ms):
        program = next(each for each in candidates if each.name == name)
        with Stage() as stage:
            return turns.counts_per_message(
                setting, lambda environment: self._start(setting, stage, program, shape, environment), slice_ms)

    # A load process for each server, of which all but one sleep: the hard
    # limit on descriptors may allow 10,000 connections, but not ten times that.
    def _start(self, setting, stage, program, shape, environment=None):
        process, port = start_server(setting, stage, program, environment)
        rss = accounting.rss_bytes(process.pid)
        load = connect(setting, stage, self.load, port, shape)
        return Server(process, turns.driven(load, "run 0 {}"), rss)

    def _section(self, title, rows, parameters):
        many = parameters["connections"] >= 1000  # Below that, RSS is the program and not its connections.
        columns = [*[(f"p{p} us", lambda row, p=p: f"{row[f'p{p}_ns'] / 1000:.0f}") for p in ("50", "99", "99.9")],
                   ("RSS MB", lambda row: f"{row['rss_bytes'] / 1e6:.1f}"),
                   ("B/conn", lambda row: f"{row['bytes_per_connection']:.0f}" if many else "-")]
        return turns.section(title, rows, self.baselines, {"work": self.name, **parameters},
                             "server CPU per message", columns)


def start_server(setting, stage, program, environment=None, arguments=()):
    return stage.start_server([*program.argv(setting), *arguments, "--port", "0"], program.where(setting),
                              environment)


def connect(setting, stage, load, port, shape):
    connections, size, depth = shape
    process = stage.start([f"{setting.build}/{load}", "--port", str(port), "--connections", str(connections),
                           "--size", str(size), "--depth", str(depth)], setting.load_core)
    if (line := process.line(60)) != "ready":
        raise CannotStart(f"{load} said {line!r}")
    return process
