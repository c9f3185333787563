"""The kinds of work the suite can measure. Adding one is writing a class with
`name` and `run(setting) -> Iterable[Section]` and naming it in this list."""

from .beside import Beside
from .crawl import Crawl
from .echo import Echo, TwoLoops
from .files import Files
from .http import Http
from .http2 import Http2, Https
from .idle import Idle
from .micro import Micro
from .sleepers import Sleepers

WORKS = [Echo(), Http(), Http2(), Https(), Crawl(), Sleepers(), Idle(), Beside("handover", "from greenlet to greenlet"),
         Beside("timers", "timers"), Files(), TwoLoops(), Micro()]
