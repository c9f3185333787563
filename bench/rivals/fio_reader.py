"""The same reads by fio on io_uring: a run of fio for each turn. The CPU time
is what fio says of its job, so that its start is not counted. --registered has
memory and file registered with the ring."""

import argparse
import json
import shutil
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--file", required=True)
parser.add_argument("--depth", required=True)
parser.add_argument("--registered", action="store_true")
wanted = parser.parse_args()
if not shutil.which("fio"):
    sys.exit("fio is not installed")

registered = ["--fixedbufs=1", "--registerfiles=1"] if wanted.registered else []
print("ready", flush=True)
for line in sys.stdin:
    milliseconds = line.split()[1]
    output = subprocess.run(
        ["fio", "--name=reads", f"--filename={wanted.file}", "--ioengine=io_uring", "--direct=1", "--rw=randread",
         "--bs=4k", f"--iodepth={wanted.depth}", "--time_based", f"--runtime={milliseconds}ms", "--thread",
         "--norandommap", "--random_generator=lfsr", "--output-format=json", *registered],
        stdout=subprocess.PIPE, check=True).stdout
    job = json.loads(output)["jobs"][0]
    elapsed = job["read"]["runtime"] * 1_000_000
    print(json.dumps({"messages": job["read"]["total_ios"], "elapsed_ns": elapsed,
                      "own_cpu_ns": (job["usr_cpu"] + job["sys_cpu"]) / 100 * job["job_runtime"] * 1_000_000}), flush=True)
