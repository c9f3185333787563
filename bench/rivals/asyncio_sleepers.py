"""Very many tasks of asyncio that sleep."""

import argparse
import asyncio
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--count", type=int, required=True)
parser.add_argument("--seconds", type=float, required=True)
wanted = parser.parse_args()
awake = 0


async def sleeper():
    global awake
    await asyncio.sleep(wanted.seconds)
    awake += 1


async def main():
    everybody = [asyncio.create_task(sleeper()) for _ in range(wanted.count)]
    await asyncio.sleep(0)
    if awake:
        sys.exit("some woke before all slept: they must sleep longer")
    print("asleep", flush=True)
    await asyncio.gather(*everybody)


print("ready", flush=True)
sys.stdin.readline()
asyncio.run(main())
print("awake", flush=True)
sys.stdin.readline()
