"""The programs under comparison. Adding one is adding a line.

A server takes `--port 0`, prints `listening on 127.0.0.1:PORT` when ready and
ends on SIGTERM; if its last line on stderr is a JSON object, that is kept with
the results. A client takes `--port P --page /BYTES --concurrency N` and is
driven as load/fetches.hpp says. One that cannot be started is skipped with
the reason. {build} is the folder of built benches, {here} that of their sources.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Program:
    name: str
    work: str
    command: str
    slow: int = 1        # Gets so many times less to do, where the amount is given.
    cores: int = 1

    def argv(self, setting) -> list[str]:
        return [word.format(build=setting.build, here=setting.here) for word in self.command.split()]

    def where(self, setting) -> int | set[int]:
        return setting.server_core if self.cores == 1 else {setting.server_core, setting.load_core}


PYTHON = "/usr/bin/python3"  # Debian's modules are seen by Debian's interpreter only.

PROGRAMS = [
    Program("raw-uring", "echo", "{build}/raw_uring_echo"),
    Program("raw-epoll", "echo", "{build}/raw_epoll_echo"),
    Program("ringlet", "echo", "{build}/echo_server"),
    Program("ringlet-fibers", "echo", "{build}/echo_server --fibers"),
    Program("ringlet-readiness", "echo", "env RINGLET_KERNEL=readiness {build}/echo_server"),
    Program("asio-epoll", "echo", "{build}/asio_epoll_echo"),
    Program("asio-uring", "echo", "{build}/asio_uring_echo"),
    Program("libuv", "echo", "{build}/libuv_echo"),
    Program("tokio", "echo", "{build}/tokio_echo"),
    Program("go", "echo", "{build}/go_echo"),
    Program("gevent", "echo", f"{PYTHON} {{here}}/rivals/gevent_echo.py"),
    Program("asyncio", "echo", f"{PYTHON} {{here}}/rivals/asyncio_echo.py"),

    Program("raw-epoll", "http", "{build}/raw_epoll_http"),
    Program("ringlet", "http", "{build}/http_server"),
    Program("ringlet-fibers", "http", "{build}/http_server --fibers"),
    Program("beast", "http", "{build}/beast_http"),
    Program("hyper", "http", "{build}/hyper_http"),
    Program("nginx", "http", f"{PYTHON} {{here}}/rivals/nginx_http.py"),
    Program("go", "http", "{build}/go_http"),
    Program("gevent", "http", f"{PYTHON} {{here}}/rivals/gevent_http.py"),
    Program("asyncio", "http", f"{PYTHON} {{here}}/rivals/asyncio_http.py"),

    Program("ringlet", "http2", "{build}/http_server"),
    Program("ringlet-fibers", "http2", "{build}/http_server --fibers"),
    Program("hyper", "http2", "{build}/hyper_http"),
    Program("nginx", "http2", f"{PYTHON} {{here}}/rivals/nginx_http.py --http2"),
    Program("go", "http2", "{build}/go_h2c"),

    # These are given --tls FOLDER too.
    Program("ringlet", "https", "{build}/http_server"),
    Program("ringlet-fibers", "https", "{build}/http_server --fibers"),
    Program("hyper", "https", "{build}/hyper_http"),
    Program("nginx", "https", f"{PYTHON} {{here}}/rivals/nginx_http.py"),
    Program("go", "https", "{build}/go_http"),

    Program("raw-epoll", "crawl", "{build}/raw_epoll_client"),
    Program("raw-epoll-kept", "crawl", "{build}/raw_epoll_client --keep"),
    Program("raw-epoll-parsed", "crawl", "{build}/raw_epoll_client --parse"),
    Program("ringlet", "crawl", "{build}/http_client"),
    Program("ringlet-fibers", "crawl", "{build}/http_client --fibers"),
    Program("beast", "crawl", "{build}/beast_client"),
    Program("hyper", "crawl", "{build}/hyper_client"),
    Program("libcurl", "crawl", "{build}/curl_client", slow=2),
    Program("go", "crawl", "{build}/go_client", slow=2),
    Program("gevent", "crawl", f"{PYTHON} {{here}}/rivals/gevent_client.py", slow=20),

    Program("one-loop", "loops", "{build}/echo_server"),
    Program("two-loops", "loops", "{build}/echo_server --threads 2", cores=2),

    Program("ringlet", "sleepers", "{build}/sleepers"),
    Program("ringlet-fibers", "sleepers", "{build}/sleepers --fibers"),
    Program("asio-coroutines", "sleepers", "{build}/asio_sleepers"),
    Program("asio-spawn", "sleepers", "{build}/asio_sleepers --fibers"),
    Program("boost-fiber", "sleepers", "{build}/fiber_sleepers"),
    Program("tokio", "sleepers", "{build}/tokio_sleepers"),
    Program("go", "sleepers", "{build}/go_sleepers"),
    Program("gevent", "sleepers", f"{PYTHON} {{here}}/rivals/gevent_sleepers.py", slow=5),
    Program("asyncio", "sleepers", f"{PYTHON} {{here}}/rivals/asyncio_sleepers.py", slow=5),

    Program("ringlet", "handover", "{build}/handover"),
    Program("ringlet-fibers", "handover", "{build}/handover --fibers"),
    Program("asio", "handover", "{build}/asio_handover"),
    Program("boost-fiber", "handover", "{build}/fiber_handover"),
    Program("tokio", "handover", "{build}/tokio_handover"),
    Program("go", "handover", "{build}/go_handover"),

    Program("ringlet", "timers", "{build}/timers"),
    Program("libuv", "timers", "{build}/libuv_timers"),
    Program("asio", "timers", "{build}/asio_timers"),
    Program("go", "timers", "{build}/go_timers"),

    Program("raw-uring", "files", "{build}/raw_uring_reader"),
    Program("raw-uring-registered", "files", "{build}/raw_uring_reader --registered"),
    Program("ringlet", "files", "{build}/file_reader"),
    Program("ringlet-registered", "files", "{build}/file_reader --registered"),
    Program("ringlet-fibers", "files", "{build}/file_reader --fibers"),
    Program("fio", "files", f"{PYTHON} {{here}}/rivals/fio_reader.py"),
    Program("fio-registered", "files", f"{PYTHON} {{here}}/rivals/fio_reader.py --registered"),
]


def programs_for(work: str) -> list[Program]:
    return [each for each in PROGRAMS if each.work == work]


# What `suite.py --install` asks apt for: the rivals, the counters, the plots.
PACKAGES = ["libboost1.81-dev", "libboost-fiber1.81-dev", "libuv1-dev", "libcurl4-openssl-dev", "nginx-light",
            "golang-go", "golang-golang-x-net-dev", "cargo", "librust-tokio-dev", "librust-hyper-dev",
            "librust-h2-dev", "librust-tokio-rustls-dev", "python3-gevent", "python3-requests", "nghttp2-client",
            "openssl", "fio", "linux-perf", "python3-matplotlib"]
