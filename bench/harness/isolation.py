"""A quiet place to measure in: a network namespace of our own, cores assigned.

Loopback TCP is tuned per network namespace, and machines that default to bbr
pace even loopback, so a figure is only worth something in a namespace set to
reno. The namespace belongs to this process and its children and vanishes with
them; nothing is named, so nothing can be left behind.
"""

import ctypes
import fcntl
import os
import resource
import socket
import struct
import sys

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
SIGKILL = 9
SIOCSIFFLAGS = 0x8914
IFF_UP = 1

_libc = ctypes.CDLL(None, use_errno=True)


def enter_network_namespace() -> bool:
    """As root directly, otherwise inside a user namespace where that is allowed."""
    if _libc.unshare(CLONE_NEWNET) != 0 and _libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        print(f"suite: no network namespace ({os.strerror(ctypes.get_errno())}): measuring in the "
              "host's, whose congestion control may pace loopback. Run as root.", file=sys.stderr)
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    for name, value in (("tcp_congestion_control", "reno"), ("ip_local_port_range", "1024 65535")):
        with open(f"/proc/sys/net/ipv4/{name}", "w") as setting:
            setting.write(value)
    return True


def congestion_control() -> str:
    with open("/proc/sys/net/ipv4/tcp_congestion_control") as setting:
        return setting.read().strip()


def cores() -> tuple[int, int]:
    """One core for the server, another for the load and for this process."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        print("suite: one core only: server and load share it", file=sys.stderr)
    return available[0], available[-1]


def raise_descriptor_limit() -> None:
    """As far as we may: ten thousand connections need as many descriptors."""
    with open("/proc/sys/fs/nr_open") as limit:
        ceiling = int(limit.read())
    for wanted in ((ceiling, ceiling), (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2):
        try:
            return resource.setrlimit(resource.RLIMIT_NOFILE, wanted)
        except (ValueError, PermissionError):
            continue


def before_exec(core: int | set[int]):
    """What a child does before it becomes the program: its core or cores, a process
    group of its own so that Ctrl-C reaches only us, and death with us."""
    def prepare():
        os.sched_setaffinity(0, core if isinstance(core, set) else {core})
        os.setpgid(0, 0)
        _libc.prctl(PR_SET_PDEATHSIG, SIGKILL)
    return prepare
