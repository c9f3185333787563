"""HTTP hello by nginx: one process, no log, keep-alive without end; --http2 for
that alone, --tls FOLDER with the cert.pem and key.pem in it. nginx can neither
choose a free port nor say when it listens: both is done here."""

import argparse
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
    server {{ listen 127.0.0.1:{port}{how} backlog=4096; {secrets} location = / {{ return 200 "Hello, World!"; }} }}
}}
"""

nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
if not nginx:
    sys.exit("nginx is not installed")
parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--http2", action="store_true")
parser.add_argument("--tls")
wanted = parser.parse_args()
port = wanted.port
if port == 0:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
how = (" ssl http2" if wanted.tls else "") + (" http2" if wanted.http2 else "")
secrets = (f"ssl_certificate {wanted.tls}/cert.pem; ssl_certificate_key {wanted.tls}/key.pem; "
           "ssl_protocols TLSv1.2 TLSv1.3;" if wanted.tls else "")
folder = tempfile.mkdtemp(prefix="bench-nginx-")
with open(f"{folder}/conf", "w") as config:
    config.write(CONFIG.format(folder=folder, port=port, how=how, secrets=secrets))

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
