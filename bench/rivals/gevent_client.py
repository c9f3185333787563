"""A crawler on gevent and requests: a pool of greenlets, one session whose
adapter keeps a connection for each."""

from gevent import monkey

monkey.patch_all()

import argparse
import json
import sys
import time

import requests
from gevent.pool import Pool

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--page", required=True)
parser.add_argument("--concurrency", type=int, required=True)
wanted = parser.parse_args()
url = f"http://127.0.0.1:{wanted.port}{wanted.page}"

session = requests.Session()
session.trust_env = False  # No proxies and no netrc, which are looked for at every request.
session.mount("http://", requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=wanted.concurrency))
workers = Pool(wanted.concurrency)


def fetch(_):
    return len(session.get(url).content)


print("ready", flush=True)
for line in sys.stdin:
    fetches = int(line.split()[1])
    start = time.monotonic_ns()
    total = sum(workers.imap_unordered(fetch, range(fetches)))
    print(json.dumps({"messages": fetches, "elapsed_ns": time.monotonic_ns() - start, "bytes": total}), flush=True)
