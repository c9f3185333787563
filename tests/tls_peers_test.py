"""Talks to OpenSSL's own client and server on loopback:

    tls_peers_test.py TLS_TALK OPENSSL
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

TALK, OPENSSL = map(os.path.abspath, sys.argv[1:3])
TEXT = 'hello from the other end\n'
folder = tempfile.TemporaryDirectory()
HERE = pathlib.Path(folder.name)


def openssl(*args, **more):
    subprocess.run([OPENSSL, *args], check=True, cwd=HERE, capture_output=True, **more)


def make_certificates():
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2',
            '-subj', '/CN=Peers')
    for name, kind in (('localhost', ('ec', '-pkeyopt', 'ec_paramgen_curve:P-256')), ('alice', ('rsa:2048',))):
        (HERE / 'ext').write_text(f'subjectAltName=DNS:{name}\n')
        openssl('req', '-newkey', *kind, '-nodes', '-keyout', f'{name}.key', '-out', f'{name}.csr', '-subj', f'/CN={name}')
        openssl('x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days',
                '2', '-extfile', 'ext', '-out', f'{name}.pem')


class Server:
    """A server that prints the port it chose."""

    def __init__(self, *command, pattern):
        self.process = subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        stdin=subprocess.PIPE, text=True)
        while not (found := re.search(pattern, line := self.process.stdout.readline())):
            if not line:
                raise RuntimeError('no server: ' + self.process.stderr.read())
        self.port = found[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.out, self.err = self.process.communicate()


def s_server(*options):
    return Server(OPENSSL, 's_server', '-accept', '127.0.0.1:0', '-cert', 'localhost.pem', '-key', 'localhost.key',
                  '-rev', *options, pattern=r'ACCEPT .*:(\d+)')


def talk(port, *options, host='localhost'):
    return subprocess.run([TALK, host, port, '--ca', 'ca.pem', *options], cwd=HERE, input=TEXT, capture_output=True,
                          text=True, timeout=20)


def echo_server(*options):
    return Server(TALK, '--listen', '0', 'localhost.pem', 'localhost.key', *options, pattern=r'listening on .*:(\d+)')


class Client:
    """openssl s_client; its letters: Q ends it, K changes keys, R renegotiates."""

    def __init__(self, port, *options):
        self.process = subprocess.Popen([OPENSSL, 's_client', '-connect', f'127.0.0.1:{port}', '-servername', 'localhost',
                                         '-CAfile', 'ca.pem', '-verify_return_error', *options], cwd=HERE, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def say(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()

    def hear(self, line):
        seen = ''
        while got := self.process.stdout.readline():
            seen += got
            if line in got:
                return seen
        raise AssertionError(f'{line} was not said in: {seen}')

    def end(self):
        self.say('Q')
        return self.process.communicate(timeout=20)[0]


class Peers(unittest.TestCase):
    def test_client_of_s_server(self):
        for version, options in (('TLSv1.3', ()), ('TLSv1.2', ('-tls1_2',))):
            with s_server(*options) as server:
                done = talk(server.port)
            self.assertIn(TEXT.strip()[::-1], done.stdout, done.stderr)
            self.assertIn(version, done.stderr)
            self.assertIn('with CN=localhost', done.stderr)

    def test_client_resumes_with_s_server(self):
        for options in ((), ('-tls1_2',)):
            with s_server(*options) as server:
                done = talk(server.port, '--times', '3')
            self.assertEqual(done.stderr.count(' resumed'), 2, done.stderr)

    def test_client_agrees_on_alpn(self):
        with s_server('-alpn', 'h2,http/1.1') as server:
            done = talk(server.port, '--alpn', 'http/1.1')
        self.assertIn('alpn http/1.1', done.stderr)

    def test_client_refuses_another_name(self):
        with s_server('-cert', 'alice.pem', '-key', 'alice.key') as server:
            done = talk(server.port)
        self.assertIn('certificate is for alice, not localhost', done.stderr)
        self.assertEqual(done.returncode, 1)

    def test_server_of_s_client(self):
        for options in ((), ('-tls1_2',), ('-ciphersuites', 'TLS_CHACHA20_POLY1305_SHA256')):
            with echo_server('--alpn', 'h2') as server:
                client = Client(server.port, '-alpn', 'http/1.1,h2', *options)
                client.say('one')
                self.assertIn('Verification: OK', client.hear('ONE'))
                client.say('two')
                client.hear('TWO')
                client.end()
            self.assertIn('alpn h2', server.err)

    def test_server_goes_on_after_a_key_update(self):
        with echo_server() as server:
            client = Client(server.port)
            client.say('before')
            client.hear('BEFORE')
            client.say('K')
            client.hear('KEYUPDATE')
            client.say('after')
            client.hear('AFTER')
            client.end()

    def test_server_refuses_renegotiation(self):
        with echo_server() as server:
            client = Client(server.port, '-tls1_2')
            client.say('before')
            client.hear('BEFORE')
            client.say('R')
            self.assertIn('no renegotiation', client.process.communicate(timeout=20)[0])

    def test_server_asks_for_a_certificate(self):
        with echo_server('--clients', 'ca.pem') as server:
            client = Client(server.port, '-cert', 'alice.pem', '-key', 'alice.key')
            client.say('me')
            client.hear('ME')
            client.end()
            nobody = Client(server.port)
            nobody.process.communicate(timeout=20)
        self.assertIn('with CN=alice', server.err)
        self.assertIn('the client showed no certificate', server.err)


if __name__ == '__main__':
    make_certificates()
    del sys.argv[1:]
    unittest.main(verbosity=2)
