"""Our server and the clients that others have: curl, and ab, wrk, slowhttptest and python3-websockets where
they are installed.

    http_peers_test.py FILE_SERVER [WEBSOCKET_CHAT]
"""
import asyncio
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

TEXT = 'hello from a folder\n'


class Server:
    """A program that says where it listens, and must end well when it is told to."""

    def __init__(self, *command):
        self.process = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.port = int(re.search(r':(\d+)\s*$', line)[1])
        self.url = f'http://127.0.0.1:{self.port}'

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, 'it did not end well'


def run(*command, seconds=30):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=seconds).stdout


def try_curl(url, folder):
    assert run('curl', '-s', url + '/a.txt') == TEXT
    assert run('curl', '-s', '-r', '6-9', url + '/a.txt') == 'from'
    assert 'HTTP/1.1 200 OK' in run('curl', '-sI', url + '/a.txt')
    status = ['-s', '-o', '/dev/null', '-w', '%{http_code} %{num_connects}']
    assert run('curl', *status, '-z', folder / 'a.txt', url + '/a.txt').startswith('304')
    assert run('curl', *status, '--path-as-is', url + '/../secret').startswith('404')
    assert run('curl', *status, '-d', 'x', url + '/a.txt').startswith('405')
    assert run('curl', *status, '-H', 'Content-Length: 1', '-H', 'Transfer-Encoding: chunked', '-d', 'x', url + '/').startswith('400')
    both = run('curl', '-s', '-w', '%{num_connects}\n', url + '/a.txt', url + '/a.txt')
    assert both == f'{TEXT}1\n{TEXT}0\n', f'the connection was not kept: {both!r}'
    (folder / 'half').write_text('01234')
    (folder / 'digits').write_text('0123456789')
    run('curl', '-s', '-C', '-', '-o', folder / 'half', url + '/digits')
    assert (folder / 'half').read_text() == '0123456789'


def try_load(url):
    if shutil.which('ab'):
        said = run('ab', '-q', '-k', '-n', 2000, '-c', 50, url + '/a.txt')
        assert re.search(r'Failed requests:\s+0\b', said) and 'Non-2xx' not in said, said
        print('ab agrees')
    if shutil.which('wrk'):
        said = run('wrk', '-d', '1s', '-c', 50, '-t', 1, url + '/a.txt')
        assert 'Requests/sec' in said and 'Non-2xx' not in said and 'Socket errors' not in said, said
        print('wrk agrees')
    if shutil.which('slowhttptest'):
        slow = subprocess.Popen(['slowhttptest', '-H', '-c', '300', '-r', '300', '-i', '1', '-l', '5', '-u', url + '/'],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(20):
            assert run('curl', '-s', '-m', 2, url + '/a.txt') == TEXT, 'slow clients hold up others'
        slow.wait(30)
        print('slowhttptest holds up nobody')


async def chat(url):
    """Two of them in our chat, one that compresses and one that does not."""
    import websockets
    async with websockets.connect(url, compression=None) as one, websockets.connect(url) as other:
        assert [e.name for e in other.extensions] == ['permessage-deflate'] and not one.extensions
        assert await one.recv() == 'guest 1 comes in'
        assert await one.recv() == 'guest 2 comes in'
        assert await other.recv() == 'guest 2 comes in'
        for i in range(20):
            line = f'grüße {i} ' + f'{i}' * (5_000 * i)
            await other.send(line)
            assert await one.recv() == 'guest 2: ' + line
            assert await other.recv() == 'guest 2: ' + line
        await other.send(iter(['in ', 'fragments ', 'y' * 1000]))
        assert await one.recv() == await other.recv() == 'guest 2: in fragments ' + 'y' * 1000
        await (await one.ping())


async def call(program):
    """Our client in a server of theirs, whatever that asks of the compression."""
    import websockets
    from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory as Deflate

    async def echo(peer):
        async for message in peer:
            await peer.send(message)
        await peer.wait_closed()

    line = 'grüße ' * 1000
    for extensions in [], [Deflate()], [Deflate(True, True)], [Deflate(False, False, 9, 9)], [Deflate(False, False, 12, 8)]:
        async with websockets.serve(echo, '127.0.0.1', 0, compression=None, extensions=extensions) as server:
            port = server.sockets[0].getsockname()[1]
            process = await asyncio.create_subprocess_exec(program, '--call', f'ws://127.0.0.1:{port}/', line,
                                                           stdout=subprocess.PIPE)
            said = (await asyncio.wait_for(process.communicate(), 20))[0].decode()
            assert said == f'{"" if extensions else "not "}compressed\n{line}\nclosed: 1000\n', said[-200:]


def main():
    if not shutil.which('curl'):
        print('skipped: curl is not installed')
        return 77
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / 'a.txt').write_text(TEXT)
        with Server(sys.argv[1], folder, 0) as server:
            try_curl(server.url, folder)
            print('curl agrees')
            try_load(server.url)
    if len(sys.argv) > 2:
        try:
            import websockets  # noqa: F401
        except ImportError:
            return 0
        with Server(sys.argv[2], 0) as server:
            asyncio.run(chat(f'ws://127.0.0.1:{server.port}/chat'))
        asyncio.run(call(sys.argv[2]))
        print('websockets agrees')
    return 0


if __name__ == '__main__':
    sys.exit(main())
