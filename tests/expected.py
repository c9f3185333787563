"""Compares what a program printed with what it should have; also a program:

    expected.py FILE PROGRAM [ARG...]     fails unless PROGRAM prints what FILE says
"""
import re
import subprocess
import sys


def matches(expected, printed):
    """Whether the texts agree, where `...` in the first is any text within one line."""
    pattern = re.escape(expected.rstrip()).replace(re.escape('...'), '[^\n]*')
    return re.fullmatch(pattern, printed.rstrip()) is not None


if __name__ == '__main__':
    with open(sys.argv[1], encoding='utf-8') as file:
        wanted = file.read()
    ran = subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    print(ran.stdout)
    if ran.returncode:
        sys.exit(f'exit status {ran.returncode}')
    if not matches(wanted, ran.stdout):
        sys.exit(f'expected:\n{wanted}')
