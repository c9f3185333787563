"""Work done by servers: start them all, connect a load to each of them, and
let them take turns. What is asked of them is the subclass's business."""

import json

from .. import accounting, slices
from ..processes import CannotStart, Stage, counts
from ..report import Section
from ..servers import BASELINES, SERVERS


class ServedWork:
    name: str
    protocol: str      # Which of SERVERS take part.
    load: str          # Program in the build folder, driven as load/slices.hpp says.

    def shapes(self, setting) -> list[tuple[int, int, int]]:
        """(connections, size, depth) of each measurement."""
        raise NotImplementedError

    def run(self, setting):
        for shape in [setting.shape] if setting.shape else self.shapes(setting):
            with Stage() as stage:
                yield self._measure(setting, stage, *shape)

    def _measure(self, setting, stage, connections, size, depth):
        title = f"{self.name} {connections} x {size} B" + (f", {depth} in flight" if depth > 1 else "")
        setting.progress(f"{title}: starting")
        servers, ports = self._start(setting, stage)
        if not servers:
            raise CannotStart(f"{self.name}: no server could be started")
        bare = {name: accounting.rss_bytes(each.pid) for name, each in servers.items()}
        loads = {name: self._connect(setting, stage, port, connections, size, depth) for name, port in ports.items()}

        # A slice must be long against its first and last burst.
        slice_ms = setting.slice_ms or max(setting.choose(10, 80, 80), connections // 20)

        def run_slice(name: str, milliseconds: int) -> dict:
            before = accounting.cpu_ns(servers[name].pid)
            loads[name].tell(f"run 0 {milliseconds}")
            result = json.loads(loads[name].line(60))
            result["cpu_ns"] = accounting.cpu_ns(servers[name].pid) - before
            return result

        for name in servers:
            run_slice(name, slice_ms)
        tally = slices.Tally(BASELINES)
        rounds = setting.rounds or setting.choose(1, 10, 30)
        plan = list(slices.brackets(list(servers), BASELINES, rounds, setting.rng))
        for done, bracket in enumerate(plan, 1):
            setting.progress(f"{title}: {done} of {len(plan)} brackets")
            tally.add_bracket({name: run_slice(name, slice_ms) for name in bracket})

        rows = []
        for name, server in servers.items():
            rss = accounting.rss_bytes(server.pid)
            row = tally.row(name) | {"rss_bytes": rss, "bytes_per_connection": (rss - bare[name]) / connections}
            with accounting.KernelCounts(server.pid, setting.load_core) as kernel:
                counted = run_slice(name, slice_ms)
            row |= {f"{key}_per_message": n / counted["messages"] for key, n in kernel.counts.items()}
            rows.append(row)
        for row in rows:
            row["own_counts"] = counts(servers[row["server"]].end())
        setting.progress("")
        return self._section(title, rows, {"connections": connections, "size": size, "depth": depth,
                                           "slice_ms": slice_ms, "rounds": rounds})

    def _start(self, setting, stage):
        running, ports = {}, {}
        for server in SERVERS:
            if server.protocol != self.protocol or (setting.only and server.name not in setting.only):
                continue
            try:
                process, port = stage.start_server(server.argv(setting.build, setting.here), setting.server_core)
            except CannotStart as why:
                setting.skip(server.name, why)
                continue
            running[server.name] = process
            ports[server.name] = port
        return running, ports

    # A load process for each server, of which all but one sleep: the hard
    # limit on descriptors may allow 10,000 connections, but not ten times that.
    def _connect(self, setting, stage, port, connections, size, depth):
        load = stage.start([f"{setting.build}/{self.load}", "--port", str(port), "--connections", str(connections),
                            "--size", str(size), "--depth", str(depth)], setting.load_core)
        if (line := load.line(60)) != "ready":
            raise CannotStart(f"{self.load} said {line!r}")
        return load

    def _section(self, title, rows, parameters):
        def ratio(row, base):
            if base not in row["ratio"]:
                return "1" if row["server"] == base else "-"
            value = row["ratio"][base]
            return f"{value['median']:.3f} ({value['low']:.2f}-{value['high']:.2f})"

        def optional(row, key, digits=3):
            return f"{row[key]:.{digits}f}" if key in row else "-"

        many = parameters["connections"] >= 1000  # Below that, RSS is the program and not its connections.
        header = ["server", *[f"/ {base}" for base in BASELINES], "CPU ns", "per s", "p50 us", "p99 us", "p99.9 us",
                  "syscalls", "sqes", "RSS MB", "B/conn"]
        cells = [[row["server"], *[ratio(row, base) for base in BASELINES], f"{row['cpu_ns']['median']:.0f}",
                  f"{row['per_second']['median']:.0f}", *[f"{row[f'p{p}_ns'] / 1000:.0f}" for p in ("50", "99", "99.9")],
                  optional(row, "system_calls_per_message"), optional(row, "sqes_per_message"),
                  f"{row['rss_bytes'] / 1e6:.1f}", f"{row['bytes_per_connection']:.0f}" if many else "-"]
                 for row in rows]
        bars = [(row["server"], row["ratio"][base]) for row in rows for base in BASELINES[:1] if base in row["ratio"]]
        return Section(title, header, cells, {"work": self.name, **parameters, "servers": rows},
                       f"server CPU per message / {BASELINES[0]}", bars)
