"""The servers under comparison. Adding one is adding a line.

A server takes `--port 0`, prints `listening on 127.0.0.1:PORT` when ready and
ends on SIGTERM; if its last line on stderr is a JSON object, that is kept with
the results. One that cannot be started is skipped with the reason. {build} is
the folder of built benches, {here} the folder of their sources.
"""

import dataclasses

# The yardsticks, measured in every bracket.
BASELINES = ["raw-uring", "raw-epoll"]


@dataclasses.dataclass(frozen=True)
class Server:
    name: str
    protocol: str
    command: str

    def argv(self, build: str, here: str) -> list[str]:
        return [word.format(build=build, here=here) for word in self.command.split()] + ["--port", "0"]


# Debian's python3-gevent is seen by Debian's interpreter only, hence its full path.
SERVERS = [
    Server("raw-uring", "echo", "{build}/raw_uring_echo"),
    Server("raw-epoll", "echo", "{build}/raw_epoll_echo"),
    Server("ringlet", "echo", "{build}/echo_server"),
    Server("ringlet-fibers", "echo", "{build}/echo_server --fibers"),
    Server("ringlet-readiness", "echo", "env RINGLET_KERNEL=readiness {build}/echo_server"),
    Server("asio-epoll", "echo", "{build}/asio_epoll_echo"),
    Server("asio-uring", "echo", "{build}/asio_uring_echo"),
    Server("libuv", "echo", "{build}/libuv_echo"),
    Server("go", "echo", "{build}/go_echo"),
    Server("gevent", "echo", "/usr/bin/python3 {here}/rivals/gevent_echo.py"),
    Server("asyncio", "echo", "/usr/bin/python3 {here}/rivals/asyncio_echo.py"),
]

# What `suite.py --install` asks apt for: the rivals, the counters, the plots.
PACKAGES = ["libboost1.81-dev", "libuv1-dev", "golang-go", "python3-gevent", "linux-perf", "python3-matplotlib"]
