"""Runs a program with the urls of a web server that answers the last page first:

    with_server.py PROGRAM [ARG...]

Page 1 comes when page 2 was sent, page 2 when page 3 was; who fetches one after the other waits for ever.
"""
import http.server
import subprocess
import sys
import threading

PAGES = 3
sent = [threading.Event() for _ in range(PAGES + 2)]
sent[PAGES + 1].set()


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        number = int(self.path[1:])
        sent[number + 1].wait()
        body = b'x' * number * 1000
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        sent[number].set()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Pages)
threading.Thread(target=server.serve_forever, daemon=True).start()
urls = [f'http://127.0.0.1:{server.server_port}/{n}' for n in range(1, PAGES + 1)]
sys.exit(subprocess.run(sys.argv[1:] + urls, timeout=20).returncode)
