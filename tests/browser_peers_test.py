"""The chat over WebSocket, in two tabs of a real browser without a screen: Chromium, driven by its DevTools
protocol. Skipped where chromium or python3-websockets is not installed.

    browser_peers_test.py WEBSOCKET_CHAT
"""
import asyncio
import itertools
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--no-proxy-server',
         '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
         '--remote-debugging-port=0']


class Browser:
    """Commands go out with a number, and answers come back with it; what else is told is not heard."""

    def __init__(self, socket):
        self.socket, self.numbers, self.waiting = socket, itertools.count(1), {}
        self.listening = asyncio.create_task(self.listen())

    async def listen(self):
        async for text in self.socket:
            told = json.loads(text)
            if told.get('id') in self.waiting:
                self.waiting.pop(told['id']).set_result(told)

    async def do(self, method, session=None, **params):
        number = next(self.numbers)
        self.waiting[number] = asyncio.get_running_loop().create_future()
        command = {'id': number, 'method': method, 'params': params}
        await self.socket.send(json.dumps({**command, 'sessionId': session} if session else command))
        answer = await asyncio.wait_for(asyncio.shield(self.waiting[number]), 30)
        assert 'error' not in answer, answer
        return answer['result']

    async def open(self, url):
        tab = Tab()
        tab.browser = self
        tab.target = (await self.do('Target.createTarget', url=url))['targetId']
        tab.session = (await self.do('Target.attachToTarget', targetId=tab.target, flatten=True))['sessionId']
        await tab.sees('connected')
        return tab


class Tab:
    async def run(self, script):
        answer = await self.browser.do('Runtime.evaluate', self.session, expression=script, returnByValue=True)
        assert 'exceptionDetails' not in answer, answer
        return answer['result'].get('value')

    async def sees(self, line):
        for _ in range(300):
            try:
                lines = await self.run("[...document.querySelectorAll('#all li')].map(item => item.textContent)")
            except AssertionError:  # the page is not there yet
                lines = []
            if line in lines:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f'waited for {line[:80]!r}, and saw {str(lines)[:500]}')

    async def types(self, line):
        await self.run(f"document.getElementById('line').value = {json.dumps(line)};"
                       "document.getElementById('form').requestSubmit();")

    async def close(self):
        await self.browser.do('Target.closeTarget', targetId=self.target)


async def chat(browser, url, stop_server):
    one = await browser.open(url)
    await one.sees('guest 1 comes in')
    other = await browser.open(url)
    await one.sees('guest 2 comes in')
    assert 'permessage-deflate' in await one.run('socket.extensions')
    await one.types('grüße')
    await other.sees('guest 1: grüße')
    long = 'всем привет, ' * 3000  # compressed, both ways
    for _ in range(3):
        await other.types(long)
        await other.types('after it')
    await one.sees('guest 2: ' + long)
    await one.sees('guest 2: after it')
    await other.close()
    await one.sees('guest 2 leaves')
    stop_server()
    await one.sees('closed: 1001')


async def where_it_listens(profile):
    for _ in range(600):
        lines = (profile / 'DevToolsActivePort').read_text().splitlines() if (profile / 'DevToolsActivePort').exists() else []
        if len(lines) == 2:
            return f'ws://127.0.0.1:{lines[0]}{lines[1]}'
        await asyncio.sleep(0.1)
    raise AssertionError('chromium did not start')


async def main(program, chromium, connect):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        server = subprocess.Popen([program, '0'], stdout=subprocess.PIPE, text=True)
        process = subprocess.Popen([chromium, *FLAGS, '--user-data-dir=' + profile, 'about:blank'],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port = re.search(r':(\d+)\s*$', server.stdout.readline())[1]
            async with connect(await where_it_listens(pathlib.Path(profile)), max_size=None, compression=None, ping_interval=None) as socket:
                browser = Browser(socket)
                await chat(browser, f'http://127.0.0.1:{port}/', lambda: server.send_signal(signal.SIGTERM))
                await browser.do('Browser.close')
                browser.listening.cancel()
            assert server.wait(30) == 0, 'the server did not end well'
        finally:
            for each in process, server:
                if each.poll() is None:
                    each.kill()
                each.wait(30)
    print('chromium agrees')
    return 0


if __name__ == '__main__':
    chromium = shutil.which('chromium')
    try:
        from websockets import connect
    except ImportError:
        connect = None
    if not chromium or not connect:
        print('skipped: ' + ('python3-websockets' if chromium else 'chromium') + ' is not installed')
        sys.exit(77)
    sys.exit(asyncio.run(main(sys.argv[1], chromium, connect)))
