"""HTTP hello by nginx: one process, no log, keep-alive without end; --http2 for
that alone. nginx can neither choose a free port nor say when it listens: both
is done here."""

import os
import shutil
import socket
import sys
import tempfile
import time

CONFIG = """
daemon off; master_process off; error_log stderr error; pid {folder}/pid;
worker_rlimit_nofile 100000;
events {{ worker_connections 50000; multi_accept on; }}
http {{
    access_log off; server_tokens off; tcp_nodelay on; default_type text/plain;
    keepalive_requests 1000000000; keepalive_timeout 1h;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{ listen 127.0.0.1:{port}{http2} backlog=4096; location = / {{ return 200 "Hello, World!"; }} }}
}}
"""

nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
if not nginx:
    sys.exit("nginx is not installed")
http2 = " http2" if "--http2" in sys.argv else ""
arguments = [each for each in sys.argv[1:] if each != "--http2"]
if len(arguments) == 2 and arguments[1] != "0":
    port = int(arguments[1])
else:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
folder = tempfile.mkdtemp(prefix="bench-nginx-")
with open(f"{folder}/conf", "w") as config:
    config.write(CONFIG.format(folder=folder, port=port, http2=http2))

if os.fork() != 0:
    os.execv(nginx, ["nginx", "-c", f"{folder}/conf"])

# The child: waits until nginx answers.
deadline = time.monotonic() + 5
while time.monotonic() < deadline:
    with socket.socket() as trial:
        if trial.connect_ex(("127.0.0.1", port)) == 0:
            print(f"listening on 127.0.0.1:{port}", flush=True)
            break
    time.sleep(0.02)
