"""Comparing servers on a machine that drifts.

Speed changes by tens of percent within seconds here, so absolute figures of
two runs say nothing about each other. All servers are up at once and take
turns in slices of some 80 ms. A *bracket* is one slice of each baseline and
one of the server in question, in random order, back to back; ratios are only
ever formed within a bracket, and their median and quartiles are reported.
"""

import collections
import random
import statistics


def brackets(servers: list[str], baselines: list[str], rounds: int, rng: random.Random):
    """The schedule: lists of names, each list to be run without a pause."""
    rivals = [name for name in servers if name not in baselines]
    for _ in range(rounds):
        for rival in rng.sample(rivals, len(rivals)) or [None]:
            bracket = [name for name in [*baselines, rival] if name in servers]
            yield rng.sample(bracket, len(bracket))


class Tally:
    """Slices as they come in, and what they add up to."""

    def __init__(self, baselines: list[str]):
        self._baselines = baselines
        self._cpu: dict[str, list[float]] = collections.defaultdict(list)
        self._ratios: dict[tuple[str, str], list[float]] = collections.defaultdict(list)
        self._rate: dict[str, list[float]] = collections.defaultdict(list)
        self._latency: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)

    def add_bracket(self, slices: dict[str, dict]) -> None:
        """Each slice: messages, elapsed_ns, cpu_ns, and a histogram where latency is measured."""
        cost = {name: each["cpu_ns"] / each["messages"] for name, each in slices.items()}
        for name, each in slices.items():
            self._cpu[name].append(cost[name])
            self._rate[name].append(each["messages"] / each["elapsed_ns"] * 1e9)
            for ns, count in each.get("histogram", []):
                self._latency[name][ns] += count
            for base in self._baselines:
                if base in cost and base != name:
                    self._ratios[name, base].append(cost[name] / cost[base])

    def row(self, name: str) -> dict:
        return {
            "server": name,
            "slices": len(self._cpu[name]),
            "cpu_ns": spread(self._cpu[name]),
            "ratio": {base: spread(self._ratios[name, base]) for base in self._baselines
                      if self._ratios[name, base]},
            "per_second": spread(self._rate[name]),
            **({f"p{percent:g}_ns": percentile(self._latency[name], percent) for percent in (50, 99, 99.9)}
               if self._latency[name] else {}),
        }


def spread(values: list[float]) -> dict:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return {"median": middle, "low": low, "high": high, "n": len(values)}


def percentile(histogram: dict[int, int], percent: float) -> int:
    wanted, seen = sum(histogram.values()) * percent / 100, 0
    for ns in sorted(histogram):
        seen += histogram[ns]
        if seen >= wanted:
            return ns
    return 0
