"""Micro benches: programs that time one mechanism beside its bare counterpart.

Each program prints one JSON object per line:
    {"name": "fiber yield", "ns": 11.2, "baseline": "fcontext switch pair",
     "baseline_ns": 8.1, "ratio": 1.38}
`name` and `ns` are required, all other fields are kept in the JSON output.
A program interleaves mechanism and baseline itself, for the same reason as
the servers take turns; it is run several times and medians are shown. It is
given `--tiny` when only its working order is in question.
"""

import collections
import os

from ..processes import NotThere
from ..report import Section
from ..slices import spread
from .beside import run_once

# Adding a program is adding its name, and how many cores it takes.
PROGRAMS = {"added": 1, "raw_switch": 1, "micro": 1, "tls": 1, "cores": 2}


class Micro:
    name = "micro"

    def run(self, setting):
        for program in PROGRAMS:
            if not os.path.exists(f"{setting.build}/{program}"):
                setting.skip(program, NotThere("not built"))
                continue
            yield self._measure(setting, program)

    def _measure(self, setting, program):
        samples = collections.defaultdict(list)
        cores = setting.server_core if PROGRAMS[program] == 1 else {setting.server_core, setting.load_core}
        runs = setting.rounds or setting.choose(1, 1, 11)
        for done in range(1, runs + 1):
            setting.progress(f"{program}: run {done} of {runs}")
            for sample in run_once(setting, [f"{setting.build}/{program}"], cores):
                samples[sample["name"]].append(sample)
        setting.progress("")

        rows, cells, bars = [], [], []
        for name, all_of_it in samples.items():
            row = {"name": name, "baseline": all_of_it[0].get("baseline"), "samples": all_of_it,
                   **{key: spread([each[key] for each in all_of_it]) for key in ("ns", "baseline_ns", "ratio")
                      if all(key in each for each in all_of_it)}}
            rows.append(row)
            cells.append([name, *(f"{row[key]['median']:.3g}" if key in row else "-" for key in ("ns", "ratio")),
                          f"{row['ratio']['low']:.3g}-{row['ratio']['high']:.3g}" if "ratio" in row else "-",
                          row["baseline"] or "-"])
            if "ratio" in row:
                bars.append((name, row["ratio"]))
        return Section(program, ["what", "ns", "ratio", "quartiles", "to"], cells,
                       {"work": self.name, "program": program, "runs": runs, "results": rows},
                       "time / bare mechanism", bars)
