"""What other people's HTTP/2 clients make of our server:

    http2_peers_test.py HTTP2_SERVER OPENSSL
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SERVER, OPENSSL = map(os.path.abspath, sys.argv[1:3])
folder = tempfile.TemporaryDirectory()
HERE = pathlib.Path(folder.name)


def run(*command, **more):
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=30, **more)


def needs(program):
    return unittest.skipUnless(shutil.which(program), f'{program} is not installed')


def curl_has_http2():
    return shutil.which('curl') and 'HTTP2' in run('curl', '--version').stdout


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


if __name__ == '__main__':
    del sys.argv[1:]
    unittest.main(verbosity=2)
