"""Very many greenlets of gevent that sleep."""

import argparse
import sys

import gevent

parser = argparse.ArgumentParser()
parser.add_argument("--count", type=int, required=True)
parser.add_argument("--seconds", type=float, required=True)
wanted = parser.parse_args()
awake = 0


def sleeper():
    global awake
    gevent.sleep(wanted.seconds)
    awake += 1


print("ready", flush=True)
sys.stdin.readline()
everybody = [gevent.spawn(sleeper) for _ in range(wanted.count)]
gevent.sleep(0)
if awake:
    sys.exit("some woke before all slept: they must sleep longer")
print("asleep", flush=True)
gevent.joinall(everybody)
print("awake", flush=True)
sys.stdin.readline()
