"""Compiles every ```cpp block of README.md and docs/, and runs those that have a main.

What follows `cpp` in the fence says how a block is to be read:

    ```cpp              a whole file
    ```cpp coroutine    statements inside a coroutine; all public headers are there
    ```cpp fiber        the same inside a plain function
    ```cpp norun        compiled, not run (it needs the internet, or never ends)
    ```cpp skip         not C++ that stands alone

A block ```text output right after a program is what it must print; `...` there stands for any
text within one line. Blocks are built against an installed copy, as a reader would.
"""
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from expected import matches

build, source = map(pathlib.Path, sys.argv[1:3])
compiler = sys.argv[3:]
FENCE = re.compile(r'^```(?P<kind>\w+)?(?P<words>[^\n]*)\n(?P<body>.*?)^```[ \t]*$', re.M | re.S)
INCLUDE = re.compile(r'^#include (.*)$', re.M)
RUN_SECONDS = 20


def blocks():
    """(place, words, code, expected output or None) of every cpp block."""
    for path in [source / 'README.md', *sorted((source / 'docs').rglob('*.md'))]:
        if not path.exists():
            continue
        text = path.read_text()
        fences = list(FENCE.finditer(text))
        for fence, after in itertools.zip_longest(fences, fences[1:]):
            if fence['kind'] != 'cpp':
                continue
            line = text.count('\n', 0, fence.start()) + 1
            shown = after and after['kind'] == 'text' and 'output' in after['words'].split()
            yield (f'{path.relative_to(source)}:{line}', fence['words'].split(), fence['body'],
                   after['body'] if shown else None)


def is_statements(words):
    return 'coroutine' in words or 'fiber' in words


def as_one_file(wanted, headers):
    """Of what is not run: reading the headers takes most of the time."""
    text = ''.join(f'#include <{h}>\n' for h in headers)
    for number, (place, words, code, _) in enumerate(wanted):
        path, line = place.split(':')
        shown = f'#line {int(line) + 1} "{path}"\n{code}\n'
        if is_statements(words):
            result, end = ('task<void>', 'co_return;') if 'coroutine' in words else ('void', '')
            shown = f'using namespace ringlet;\n{result} block() {{\n{shown}{end}\n}}\n'
        else:
            others = INCLUDE.findall(shown)
            shown = INCLUDE.sub('', shown)
            text = ''.join(f'#include {h}\n' for h in others) + text
        text += f'namespace block_{number} {{\n{shown}}}\n'
    return text


def compile_errors(file, cflags, output):
    made = subprocess.run([*compiler, '-std=c++20', '-Wall', '-Wextra', file, *cflags, *output],
                          capture_output=True, text=True)
    return made.stderr if made.returncode else None


def try_program(work, words, code, expected, cflags, libs):
    """None, or what is wrong."""
    file, program = work / 'program.cpp', work / 'program'
    file.write_text(code)
    if 'norun' in words:
        return compile_errors(file, cflags, ['-fsyntax-only'])
    errors = compile_errors(file, cflags, ['-o', program, *libs])
    if errors:
        return errors
    try:
        ran = subprocess.run([program], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             cwd=work, timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        return f'still running after {RUN_SECONDS} s'
    if ran.returncode:
        return f'exit status {ran.returncode}\n{ran.stdout}{ran.stderr}'
    if expected is not None and not matches(expected, ran.stdout):
        return f'expected:\n{expected}\nprinted:\n{ran.stdout}'
    return None


def main():
    wanted = [b for b in blocks() if 'skip' not in b[1]]
    if not wanted:
        print('skipped: no cpp block in README.md or docs/')
        return 77
    if not shutil.which('pkg-config'):
        print('skipped: pkg-config is not installed')
        return 77
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        subprocess.run(['meson', 'install', '-C', build, '--no-rebuild', '--quiet',
                        '--destdir', work / 'stage'], check=True)
        pc = next((work / 'stage').rglob('ringlet.pc'))
        include = next((work / 'stage').rglob('include'))
        headers = sorted(h.relative_to(include).as_posix() for h in include.rglob('*.hpp'))
        os.environ['PKG_CONFIG_PATH'] = str(pc.parent)

        def flags(*which):
            return subprocess.run(['pkg-config', *which, '--static', 'ringlet'], check=True,
                                  capture_output=True, text=True).stdout.split()

        cflags, libs = flags('--cflags'), flags('--libs')
        failed = 0

        def report(place, wrong):
            nonlocal failed
            print(place, 'ok' if wrong is None else f'FAILED\n{wrong}', flush=True)
            failed += wrong is not None

        # Whether each program includes what it needs is for CI to say.
        together = [b for b in wanted if is_statements(b[1]) or ('norun' in b[1] and not os.environ.get('CI'))]
        file = work / 'together.cpp'
        file.write_text(as_one_file(together, headers))
        report(', '.join(b[0] for b in together), compile_errors(file, cflags, ['-fsyntax-only']))
        for block in wanted:
            if block not in together:
                place, words, code, expected = block
                report(place, try_program(work, words, code, expected, cflags, libs))
    return 1 if failed else 0


sys.exit(main())
