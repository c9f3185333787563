"""The kinds of work the suite can measure. Adding one is writing a class with
`name` and `run(setting) -> Iterable[Section]` and naming it in this list."""

from .echo import Echo
from .micro import Micro

WORKS = [Echo(), Micro()]
