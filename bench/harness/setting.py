"""What every kind of work is told about the run it is part of."""

import dataclasses
import random
import sys

from .processes import NotThere


@dataclasses.dataclass
class Setting:
    build: str        # Folder of the built benches.
    here: str         # Folder of their sources.
    server_core: int
    load_core: int
    effort: str       # tiny, quick or full.
    only: list[str]   # Servers wanted; empty for all.
    shape: tuple[int, int, int] | None  # Connections, size, depth; None for the work's own.
    rounds: int | None
    slice_ms: int | None
    rng: random.Random
    failed: bool = False
    said: set[str] = dataclasses.field(default_factory=set)

    def choose(self, tiny, quick, full):
        return {"tiny": tiny, "quick": quick, "full": full}[self.effort]

    def progress(self, text: str) -> None:
        """A line that overwrites itself, on a terminal only."""
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def say_once(self, text: str) -> None:
        """What holds for the whole run, although it is met with every program."""
        if text not in self.said:
            self.said.add(text)
            self.progress("")
            print(f"suite: {text}", file=sys.stderr)

    def skip(self, what: str, why: object) -> None:
        """What was asked for by name and is there has to work."""
        self.failed = self.failed or (bool(self.only) and not isinstance(why, NotThere))
        self.progress("")
        print(f"suite: skipped {what}: {why}", file=sys.stderr)
