"""Many fetches of one page by an HTTP client. The clients are measured; the
raw epoll server that they all fetch from has the other core."""

from .. import accounting, turns
from ..processes import CannotStart, Stage
from ..servers import programs_for


class Crawl:
    name = "crawl"
    baselines = ["raw-epoll"]

    def run(self, setting):
        # (fetches at once, bytes, milliseconds until the server answers)
        shapes = setting.choose(
            tiny=[(4, 1024, 0), (4, 1024, 1)],
            quick=[(100, 1024, 0)],
            full=[(100, 1024, 0), (1000, 1024, 0), (100, 32_768, 0), (1000, 32_768, 0), (1000, 1024, 100)])
        if setting.shape:
            shapes = [(*setting.shape[:2], 0)]
        for shape in shapes:
            with Stage() as stage:
                yield self._measure(setting, stage, *shape)

    def _measure(self, setting, stage, concurrency, size, wait_ms):
        title = f"crawl {size} B, {concurrency} at once" + (f", answered after {wait_ms} ms" if wait_ms else "")
        server, port = stage.start_server([f"{setting.build}/raw_epoll_http", "--port", "0"], setting.load_core)
        page = f"/{size}" + (f"?wait={wait_ms}" if wait_ms else "")
        in_all = setting.choose(100, 4000, 20_000)

        def length(name):
            return max(in_all // next(each.slow for each in candidates if each.name == name), 1)

        def start(program, on=stage, environment=None):
            process = on.start([*program.argv(setting), "--port", str(port), "--page", page,
                                "--concurrency", str(concurrency)], setting.server_core, environment)
            if (line := process.line(60)) != "ready":
                raise CannotStart(f"said {line!r}")
            return turns.Contender(process, checked(turns.driven(process, "run {}"), size))

        candidates = programs_for(self.name)
        contenders = turns.start_each(setting, candidates, start)
        rounds = setting.rounds or setting.choose(1, 3, 7)
        tally = turns.take_turns(setting, title, contenders, self.baselines, rounds, length)
        rows = [tally.row(name) | {"rss_bytes": accounting.rss_bytes(each.process.pid)}
                for name, each in contenders.items()]
        for row in rows:
            setting.progress(f"{title}: counting what {row['server']} does")
            program = next(each for each in candidates if each.name == row["server"])
            with Stage() as apart:
                row |= turns.counts_per_message(setting, lambda environment: start(program, apart, environment),
                                                length(program.name))
        setting.progress("")
        data = {"work": self.name, "concurrency": concurrency, "size": size, "wait_ms": wait_ms, "rounds": rounds,
                "fetches": in_all}
        return turns.section(title, rows, self.baselines, data, "client CPU per fetch",
                             [("RSS MB", lambda row: f"{row['rss_bytes'] / 1e6:.1f}")])


def checked(run, size):
    """A slice that only counts when every byte of every body has come."""
    def run_and_check(length):
        result = run(length)
        if result["bytes"] != size * length:
            raise CannotStart(f"{result['bytes']} bytes came where {size * length} were due")
        return result
    return run_and_check
