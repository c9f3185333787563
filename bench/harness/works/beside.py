"""Programs that time the same small things, each by itself, put side by side.

Each prints one JSON object per line, {"name": "queue", "ns": 41.5}: CPU time
of the program. They are run in turns in random order, and what is compared is
the median; the ratio is to the first program's run of the same round.
"""

import json

from ..processes import CannotStart, Stage
from ..report import Section
from ..servers import programs_for
from ..slices import spread


class Beside:
    def __init__(self, name: str, title: str):
        self.name = name
        self._title = title

    def run(self, setting):
        programs = [each for each in programs_for(self.name) if not setting.only or each.name in setting.only]
        samples = {}  # name of the thing -> name of the program -> [ns]
        rounds = setting.rounds or setting.choose(1, 1, 7)
        for done in range(1, rounds + 1):
            for program in setting.rng.sample(programs, len(programs)):
                setting.progress(f"{self.name}: {program.name}, {done} of {rounds}")
                try:
                    for row in run_once(setting, program.argv(setting), setting.server_core):
                        samples.setdefault(row["name"], {}).setdefault(program.name, []).append(row["ns"])
                except CannotStart as why:
                    setting.skip(program.name, why)
                    programs.remove(program)
        setting.progress("")
        if not samples:
            raise CannotStart(f"{self.name}: no program could be started")
        rows = [{"name": thing, "ns": {name: spread(values) for name, values in by.items()}}
                for thing, by in samples.items()]
        names = [each.name for each in programs_for(self.name) if each in programs]
        cells = [[row["name"], *[cell(row["ns"].get(name)) for name in names]] for row in rows]
        yield Section(f"{self._title}, ns", ["", *names], cells, {"work": self.name, "rounds": rounds, "results": rows},
                      "ns", [(f"{row['name']}: {name}", row["ns"][name]) for row in rows for name in names
                             if name in row["ns"]], are_ratios=False)


def cell(value):
    return f"{value['median']:.3g} ({value['low']:.3g}-{value['high']:.3g})" if value else "-"


def run_once(setting, command, core):
    """The rows that a program prints, one JSON object a line."""
    with Stage() as stage:
        process = stage.start([*command, *(["--tiny"] if setting.effort == "tiny" else [])], core)
        text, code = process.whole_output()
    if code != 0:
        raise CannotStart(f"{command[0]} ended with code {code}: {process.end()}")
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
