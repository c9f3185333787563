"""Results for eyes (a table), for programs (JSON) and for the docs (SVG)."""

import dataclasses
import json
import os
import platform
import re
import sys
import time


@dataclasses.dataclass
class Section:
    """The outcome of one measurement, already worded by the work that made it."""
    title: str
    header: list[str]
    cells: list[list[str]]
    data: dict                        # For the JSON file.
    bars_title: str
    bars: list[tuple[str, dict]]      # (label, spread), drawn on request.
    are_ratios: bool = True           # Whether the bars are measured against 1.


def print_table(section: Section) -> None:
    widths = [max(len(row[i]) for row in [section.header, *section.cells]) for i in range(len(section.header))]
    print(f"\n{section.title}")
    for row in [section.header, *section.cells]:
        print("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))).rstrip())
    sys.stdout.flush()


def machine() -> dict:
    with open("/proc/cpuinfo") as cpuinfo:
        model = re.search(r"model name\s*:\s*(.*)", cpuinfo.read())
    return {"kernel": platform.release(), "cpu": model.group(1) if model else platform.machine(),
            "cores": os.cpu_count(), "load_average": os.getloadavg()[0]}


def write_json(path: str, sections: list[Section], run: dict) -> None:
    with open(path, "w") as file:
        json.dump({"machine": machine(), "when": time.strftime("%Y-%m-%d %H:%M"), "run": run,
                   "results": [section.data | {"title": section.title} for section in sections]}, file, indent=1)
    print(f"\nwritten: {path}")


def write_svg(folder: str, sections: list[Section]) -> None:
    try:
        import matplotlib
        matplotlib.use("svg")
        from matplotlib import pyplot
    except ImportError:
        print(f"suite: no plots: this interpreter ({sys.executable}) has no matplotlib "
              "(package python3-matplotlib, /usr/bin/python3)", file=sys.stderr)
        return
    os.makedirs(folder, exist_ok=True)
    for section in sections:
        if not section.bars:
            continue
        labels = [label for label, _ in section.bars][::-1]
        spreads = [spread for _, spread in section.bars][::-1]
        figure, axes = pyplot.subplots(figsize=(7, 0.9 + 0.35 * len(labels)), layout="constrained")
        medians = [each["median"] for each in spreads]
        errors = [[each["median"] - each["low"] for each in spreads], [each["high"] - each["median"] for each in spreads]]
        bars = axes.barh(labels, medians, xerr=errors, color="#4878a8", ecolor="#555555", capsize=3)
        axes.bar_label(bars, fmt="%.2f" if section.are_ratios else "%.0f", padding=6)
        if section.are_ratios:
            axes.axvline(1, color="#b03030", linewidth=1)
        axes.margins(x=0.12)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title(f"{section.title}: {section.bars_title} (median, quartiles)", fontsize=9)
        path = os.path.join(folder, re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-") + ".svg")
        figure.savefig(path)
        pyplot.close(figure)
        print(f"written: {path}")
