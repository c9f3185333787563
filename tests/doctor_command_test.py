"""Calls the command `ringlet doctor` as people and scripts do."""
import json
import os
import subprocess
import sys

command = sys.argv[1]
environment = {name: value for name, value in os.environ.items() if name != 'RINGLET_KERNEL'}


def call(*arguments, **changes):
    done = subprocess.run([command, *arguments], env={**environment, **changes}, capture_output=True, text=True)
    return done.returncode, done.stdout


status, text = call('doctor', '--fibers', '10')
assert status in (0, 1) and 'ringlet ' in text and 'kernel ' in text, text
assert ('problems    none' in text) == (status == 0), text

status, text = call('doctor', '--json', '--fibers', '10')
found = json.loads(text)
assert (found['problems'] == []) == (status == 0), text
assert found['kernel'] in ('uring', 'readiness') and found['fibers'] == 10, text

status, text = call('doctor', '--json', RINGLET_KERNEL='readiness')
assert status == 1 and json.loads(text)['kernel'] == 'readiness', text

for wrong in ([], ['nurse'], ['doctor', '--fibers'], ['doctor', '--fibers', 'many'], ['doctor', '--xml']):
    assert call(*wrong)[0] == 2, wrong
assert call('--help')[0] == 0
