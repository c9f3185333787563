#!/usr/bin/env python3
"""Measures ringlet, its rivals and the bare mechanisms side by side.

    bench/suite.py --build build/bench --quick
    bench/suite.py --build build/bench echo --connections 50 --size 64
    bench/suite.py --build build/bench micro --json out.json --svg plots

Run it as root on a machine that is otherwise idle. The method is described in
docs/benchmarks.md; the programs are listed in harness/servers.py, kinds of work
in harness/works/.
"""

import argparse
import os
import random
import shlex
import signal
import subprocess
import sys
import tempfile

from harness import isolation, report
from harness.processes import CannotStart
from harness.servers import PACKAGES, PROGRAMS
from harness.setting import Setting
from harness.works import WORKS


def main() -> int:
    options = parse()
    if options.install:
        return subprocess.call(["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES])
    if options.packages:
        print(*PACKAGES)
        return 0
    if options.list:
        for work in WORKS:
            print(f"{work.name}:", *[each.name for each in PROGRAMS if each.work == getattr(work, "programs", work.name)])
        return 0

    # Ended politely, the processes under measurement are ended as on Ctrl-C.
    # SIGINT is said too, since a background job of a shell starts with it ignored.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    server_core, load_core = isolation.cores()
    isolated = isolation.enter_network_namespace()
    isolation.raise_descriptor_limit()
    os.sched_setaffinity(0, {load_core})

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.environ["TMPDIR"] = folder  # Of everything that is started: what one leaves behind goes with it.
        return measure(options, Setting(
            build=os.path.abspath(options.build), here=os.path.dirname(os.path.abspath(__file__)),
            server_core=server_core, load_core=load_core,
            effort="tiny" if options.tiny else "quick" if options.quick else "full",
            only=options.servers, shape=shape(options), rounds=options.rounds, slice_ms=options.slice_ms,
            rng=random.Random(options.seed)), isolated)


def measure(options, setting: Setting, isolated: bool) -> int:
    sections = []
    try:
        for work in WORKS:
            if options.work and work.name not in options.work:
                continue
            try:
                for section in work.run(setting):
                    report.print_table(section)
                    sections.append(section)
            except CannotStart as error:
                print(f"suite: {error}", file=sys.stderr)
                setting.failed = True
    finally:  # interrupted too: half an hour of figures is not thrown away
        write(options, sections, {"command": command(), "effort": setting.effort, "isolated": isolated,
                                  "seed": options.seed, "congestion_control": isolation.congestion_control()})
    if not sections:
        print("suite: nothing was measured", file=sys.stderr)
    return 1 if setting.failed or not sections else 0


def write(options, sections: list, run: dict):
    if options.json:
        report.write_json(options.json, sections, run)
    if options.svg:
        report.write_svg(options.svg, sections)
    if options.markdown:
        report.write_markdown(options.markdown, sections, run, options.svg)


def command() -> str:
    """As one would type it anywhere: without what is where on this machine."""
    words = sys.argv[1:]
    for own in ("--build", "--json"):
        if own in words:
            at = words.index(own)
            del words[at:at + 2]
    return shlex.join(["./dev", "bench", *words])


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", nargs="*", help="kinds of work (all without)")
    parser.add_argument("--build", default="build/bench", help="folder of the built benches (build/bench)")
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument("--quick", action="store_true", help="two minutes, the shapes that tell most")
    effort.add_argument("--tiny", action="store_true", help="a second: does everything still run? Figures mean nothing")
    parser.add_argument("--servers", metavar="NAMES", type=lambda text: text.split(","), default=[], help="only these programs, by comma")
    parser.add_argument("--connections", type=int, help="one shape instead of the list: connections, fetches at once, or sleepers")
    parser.add_argument("--size", type=int, default=64, help="... bytes per message or page (64)")
    parser.add_argument("--depth", type=int, default=1, help="... messages in flight per connection (1)")
    parser.add_argument("--rounds", type=int, help="rounds of brackets, or runs of each program")
    parser.add_argument("--slice-ms", type=int, help="length of a turn (80; longer with many connections)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of the order of turns")
    parser.add_argument("--json", metavar="FILE", help="write everything there")
    parser.add_argument("--svg", metavar="FOLDER", help="draw plots there (needs python3-matplotlib)")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables there, and the plots of --svg into it")
    parser.add_argument("--list", action="store_true", help="name the kinds of work and the programs compared in each")
    parser.add_argument("--install", action="store_true", help="install the rivals' Debian packages, as root")
    parser.add_argument("--packages", action="store_true", help="name those packages")
    options = parser.parse_args()
    unknown = set(options.work) - {work.name for work in WORKS} | set(options.servers) - {each.name for each in PROGRAMS}
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))} (see --list)")
    return options


def shape(options):
    return (options.connections, options.size, options.depth) if options.connections else None


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nsuite: interrupted, everything started has been ended", file=sys.stderr)
        sys.exit(130)
