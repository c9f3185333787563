"""Several programs doing the same work in turns, and what comes of it. Who
does the work, and what one slice of it is, is the caller's business."""

import collections
import dataclasses
import json
import statistics
from typing import Callable

from . import accounting, slices
from .processes import CannotStart, Process
from .report import Section


@dataclasses.dataclass
class Contender:
    process: Process                 # Whose CPU is counted.
    run: Callable[[int], dict]       # One slice of a given length: messages, elapsed_ns, perhaps a histogram.

    def slice(self, length: int) -> dict:
        before = accounting.cpu_ns(self.process.pid)
        result = self.run(length)
        result["cpu_ns"] = accounting.cpu_ns(self.process.pid) - before
        return result


def driven(process: Process, command: str, patience: float = 60) -> Callable[[int], dict]:
    """A slice that a process is told to make by a line like `run 80`."""
    def run(length: int) -> dict:
        process.tell(command.format(length))
        return json.loads(process.line(patience))
    return run


def take_turns(setting, title: str, contenders: dict[str, Contender], baselines: list[str], rounds: int,
               length: Callable[[str], int]) -> slices.Tally:
    for name, each in contenders.items():
        setting.progress(f"{title}: {name} warms up")
        each.slice(length(name))
    tally = slices.Tally(baselines)
    plan = list(slices.brackets(list(contenders), baselines, rounds, setting.rng))
    for done, bracket in enumerate(plan, 1):
        setting.progress(f"{title}: {done} of {len(plan)} brackets")
        tally.add_bracket({name: contenders[name].slice(length(name)) for name in bracket})
    return tally


def counts_per_message(setting, start: Callable[[dict], Contender], length: int) -> dict:
    """System calls, SQEs and allocations, by an instance of the program that
    is started for it, with the environment that counts: the medians of a few
    slices with pauses between them, because in any one of them messages may
    happen to come one by one."""
    counts = collections.defaultdict(list)
    with accounting.Allocations(setting.build) as allocations:
        contender = start(allocations.environment)
        contender.slice(length)
        for _ in range(setting.choose(1, 5, 5)):
            with accounting.KernelCounts(contender.process.pid, setting.load_core, setting.effort != "tiny") as kernel:
                before = allocations.count()
                messages = contender.run(length)["messages"]
                after = allocations.count()
            if kernel.missing:
                setting.say_once(f"system calls and SQEs are not all counted: {kernel.missing}")
            for key, count in (kernel.counts | ({"allocations": after - before} if before else {})).items():
                counts[f"{key}_per_message"].append(count / messages)
    return {key: statistics.median(each) for key, each in counts.items()}


def section(title: str, rows: list[dict], baselines: list[str], data: dict, what: str, columns: list[tuple]) -> Section:
    """`columns`: (header, row -> text), after the ratios and before the counts."""
    def ratio(row, base):
        if base not in row["ratio"]:
            return "1" if row["server"] == base else "-"
        value = row["ratio"][base]
        return f"{value['median']:.3f} ({value['low']:.2f}-{value['high']:.2f})"

    def count(row, key):
        return f"{row[key]:.3f}" if key in row else "-"

    counted = [("syscalls", "system_calls_per_message"), ("sqes", "sqes_per_message"),
               ("allocs", "allocations_per_message")]
    header = ["", *[f"/ {base}" for base in baselines], "CPU ns", "per s", *[name for name, _ in columns],
              *[name for name, _ in counted]]
    cells = [[row["server"], *[ratio(row, base) for base in baselines], f"{row['cpu_ns']['median']:.0f}",
              f"{row['per_second']['median']:.0f}", *[text(row) for _, text in columns],
              *[count(row, key) for _, key in counted]] for row in rows]
    present = [base for base in baselines if any(row["server"] == base for row in rows)][:1]
    bars = [(row["server"], row["ratio"][base]) for row in rows for base in present if base in row["ratio"]]
    return Section(title, header, cells, data | {"servers": rows}, f"{what} / {present[0] if present else ''}", bars)


def start_each(setting, candidates, start: Callable) -> dict:
    """Those of the candidates that could be started; the others are skipped with the reason."""
    running = {}
    for each in candidates:
        if setting.only and each.name not in setting.only:
            continue
        setting.progress(f"starting {each.name}")
        try:
            running[each.name] = start(each)
        except CannotStart as why:
            setting.skip(each.name, why)
    setting.progress("")
    if not running:
        raise CannotStart("none of " + ", ".join(each.name for each in candidates) + " could be started")
    return running
