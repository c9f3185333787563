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


def file_name(section: Section) -> str:
    return re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-") + ".svg"


def write_markdown(path: str, sections: list[Section], run: dict, plots: str | None) -> None:
    """All tables, and the plots if there are some, with what a reader needs to judge and repeat them."""
    here = machine()
    beside = os.path.dirname(os.path.abspath(path))
    method = os.path.relpath(os.path.join(os.path.dirname(__file__), "../../docs/benchmarks.md"), beside)
    lines = ["# Figures of one run", "",
             f"`{run['command']}` on {time.strftime('%Y-%m-%d')}: {here['cpu']}, {here['cores']} cores, Linux "
             f"{here['kernel']}, seed {run['seed']}. How to read and repeat it: [benchmarks.md]({method}). "
             "Compare what stands in one table, and not with another run."]
    work = None
    for section in sections:
        if section.data["work"] != work:
            work = section.data["work"]
            lines += ["", f"## {work}"]
        lines += ["", f"### {section.title}", "", *markdown_rows(section)]
        if plots and section.bars:
            where = os.path.relpath(os.path.join(plots, file_name(section)), beside)
            lines += ["", f"![{section.title}]({where})"]
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    print(f"written: {path}")


def markdown_rows(section: Section) -> list[str]:
    rows = [section.header, ["---", *["--:" for _ in section.header[1:]]], *section.cells]
    return ["| " + " | ".join(cell.strip() for cell in row) + " |" for row in rows]


def write_svg(folder: str, sections: list[Section]) -> None:
    try:
        import matplotlib
        matplotlib.use("svg")
        from matplotlib import pyplot
    except ImportError:
        print(f"suite: no plots: this interpreter ({sys.executable}) has no matplotlib "
              "(package python3-matplotlib, /usr/bin/python3)", file=sys.stderr)
        return
    # Text as text, and nothing that differs from run to run but what was measured.
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "ringlet", "font.size": 9}
    os.makedirs(folder, exist_ok=True)
    for section in sections:
        if not section.bars:
            continue
        figure = draw(section, pyplot)
        path = os.path.join(folder, file_name(section))
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)
        print(f"written: {path}")


def draw(section: Section, pyplot):
    """Points, which are read the same on a logarithmic scale: that is taken where one is many times the other."""
    from matplotlib import ticker
    labels = [label for label, _ in section.bars][::-1]
    spreads = [spread for _, spread in section.bars][::-1]
    medians = [each["median"] for each in spreads]
    errors = [[each["median"] - each["low"] for each in spreads], [each["high"] - each["median"] for each in spreads]]
    figure, axes = pyplot.subplots(figsize=(7, 0.9 + 0.28 * len(labels)), layout="constrained")
    if section.are_ratios:
        axes.axvline(1, color="#999999", linewidth=1, zorder=0)
    for at, (label, median) in enumerate(zip(labels, medians)):
        color = "#b03030" if label.startswith("ringlet") else "#305880"
        axes.errorbar(median, at, xerr=[[errors[0][at]], [errors[1][at]]], fmt="o", color=color, capsize=3)
        axes.annotate(f"{median:.2f}" if section.are_ratios else f"{median:.0f}", (median, at), xytext=(0, 5),
                      textcoords="offset points", ha="center", fontsize=8)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(-0.5, len(labels) - 0.2)
    if max(medians) > 8 * min(medians) > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        axes.xaxis.set_minor_locator(ticker.NullLocator())
    else:
        axes.set_xlim(left=0)
    axes.margins(x=0.1)
    axes.grid(axis="y", color="#eeeeee")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"{section.title}: {section.bars_title} (median, quartiles)", fontsize=9)
    return figure
