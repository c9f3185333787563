"""What other people's HTTP/2 clients make of our server, and a server of our client:

    http2_peers_test.py HTTP2_SERVER OPENSSL FETCH_ALL

FETCH_ALL is a client of ours, for what nginx makes of that.
"""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

SERVER, OPENSSL, FETCH_ALL = map(os.path.abspath, sys.argv[1:4])
folder = tempfile.TemporaryDirectory()
HERE = pathlib.Path(folder.name)


def run(*command, **more):
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=30, **more)


def needs(program):
    return unittest.skipUnless(shutil.which(program), f'{program} is not installed')


def curl_has_http2():
    return shutil.which('curl') and 'HTTP2' in run('curl', '--version').stdout


NGINX = shutil.which('nginx', path=os.environ.get('PATH', '') + ':/usr/sbin')
NGINX_CONF = """
daemon off; master_process off; error_log stderr error; pid {here}/pid;
events {{ worker_connections 500; }}
http {{
    log_format version "$server_protocol $connection"; access_log {here}/log version;
    keepalive_requests 100; http2_max_concurrent_streams 16;
    client_body_temp_path {here}; proxy_temp_path {here}; fastcgi_temp_path {here};
    uwsgi_temp_path {here}; scgi_temp_path {here};
    server {{
        listen 127.0.0.1:{port} ssl http2; ssl_certificate {here}/cert.pem; ssl_certificate_key {here}/key.pem;
        location / {{ return 200 "Hello, World!\n"; }}
    }}
}}
"""


class Peers(unittest.TestCase):
    def serve(self, *args):
        process = subprocess.Popen([SERVER, '0', *args], cwd=HERE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        return re.search(r':(\d+)', process.stdout.readline())[1]

    def certificate(self):
        run(OPENSSL, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key.pem',
            '-out', 'cert.pem', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost')

    @unittest.skipUnless(curl_has_http2(), 'curl without HTTP/2')
    def test_curl(self):
        url = f'http://127.0.0.1:{self.serve()}'
        asked = ('curl', '-sS', '--http2-prior-knowledge', '-w', ' %{http_version} %{http_code}')
        self.assertEqual(run(*asked, url).stdout, 'hello\n 2 200')
        self.assertEqual(len(run(*asked, url + '/3000000').stdout), 3_000_006)
        (HERE / 'much').write_text('0123456789' * 200_000)
        back = run(*asked, '--data-binary', '@much', url).stdout
        self.assertEqual(back[:-6], '0123456789' * 200_000)
        self.assertIn('content-length: 5', run(*asked, '-I', url + '/5').stdout.lower())
        waits = run(*asked, '-H', 'Expect: 100-continue', '--data-binary', '@much', url).stdout
        self.assertEqual(len(waits), 2_000_006)
        old = ('curl', '-sS', '--http1.1', '-w', ' %{http_version} %{http_code}')
        self.assertEqual(run(*old, url).stdout, 'hello\n 1.1 200')

    @unittest.skipUnless(curl_has_http2(), 'curl without HTTP/2')
    def test_curl_by_tls(self):
        self.certificate()
        port = self.serve('cert.pem', 'key.pem')
        for how, version in ('--http2', '2'), ('--http1.1', '1.1'), ('--no-alpn', '1.1'):
            done = run('curl', '-sS', '-4', how, '--cacert', 'cert.pem', '-w', ' %{http_version}', f'https://localhost:{port}/')
            self.assertEqual(done.stdout, f'hello\n {version}', done.stderr)

    @needs('nghttp')
    def test_nghttp(self):
        port = self.serve()
        done = run('nghttp', '-v', '-n', '-m', '20', f'http://127.0.0.1:{port}/100000')
        self.assertEqual(done.stdout.count(':status: 200'), 20)
        self.assertEqual(len(re.findall(r'recv DATA frame <length=\d+, flags=0x01', done.stdout)), 20)
        self.assertNotIn('RST_STREAM', done.stdout)

    @needs('h2load')
    def test_h2load(self):
        port = self.serve()
        done = run('h2load', '-n', '3000', '-c', '10', '-m', '20', f'http://127.0.0.1:{port}/1000')
        self.assertIn('3000 succeeded, 0 failed, 0 errored', done.stdout)

    @needs('h2load')
    def test_h2load_by_tls(self):
        self.certificate()
        port = self.serve('cert.pem', 'key.pem')
        done = run('h2load', '-n', '1000', '-c', '5', '-m', '20', f'https://127.0.0.1:{port}/100000')
        self.assertIn('1000 succeeded, 0 failed, 0 errored', done.stdout)


    @unittest.skipUnless(NGINX, 'nginx is not installed')
    def test_nginx(self):
        self.certificate()
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        (HERE / 'conf').write_text(NGINX_CONF.format(here=HERE, port=port))
        nginx = subprocess.Popen([NGINX, '-c', HERE / 'conf'], cwd=HERE, stderr=subprocess.DEVNULL)
        self.addCleanup(nginx.wait)
        self.addCleanup(nginx.terminate)
        for _ in range(200):
            with socket.socket() as trial:
                if trial.connect_ex(('127.0.0.1', port)) == 0:
                    break
            time.sleep(0.02)
        urls = [f'https://localhost:{port}/{i}' for i in range(300)]
        done = run(FETCH_ALL, *urls, env=os.environ | {'SSL_CERT_FILE': str(HERE / 'cert.pem')})
        self.assertEqual(done.stdout.count('14 bytes received'), 300, done.stdout[-300:] + done.stderr[-300:])
        lines = (HERE / 'log').read_text().split('\n')[:-1]
        self.assertEqual(len([line for line in lines if line.startswith('HTTP/2.0')]), 300)
        # nginx ends a connection after 100 requests here, and takes 16 at a time.
        self.assertLess(len(set(lines)), 40, 'connections')


if __name__ == '__main__':
    del sys.argv[1:]
    unittest.main(verbosity=2)
