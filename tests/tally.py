"""Counts what `meson test` ran in the build folders given, and shows what failed.

A GoogleTest program counts one per case, everything else counts one. A program that crashed or
hung has written no report: then its finished cases are read from what it printed, and the one that
was running counts as failed. The last line is `N passed, M failed`; what was skipped stands above it.
"""
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as xml

GOOD = ('OK', 'EXPECTEDFAIL')


def short(test):
    """`core_loop` of `ringlet:unit / core_loop`."""
    return test['name'].split(' / ')[-1]


def cases(report):
    """(passed, failed, skipped) of a GoogleTest report."""
    passed = failed = skipped = 0
    for case in xml.parse(report).iter('testcase'):
        if case.find('failure') is not None or case.find('error') is not None:
            failed += 1
        elif case.get('result') == 'skipped':
            skipped += 1
        elif case.get('result') == 'completed':
            passed += 1
    return passed, failed, skipped


def finished(printed):
    """The same from the output of a program that died."""
    def count(word):
        return len(re.findall(rf'\[ *{word} *\] \S+ \(\d+ ms\)$', printed, re.M))
    return count('OK'), count('FAILED') + 1, count('SKIPPED')


def outcome(test, build, protocol):
    """(passed, failed, skipped) of one program."""
    result = test['result']
    if result == 'SKIP':
        return 0, 0, 1
    if protocol == 'gtest':
        try:
            counts = cases(build / 'tests' / f'{short(test)}.xml')
        except (OSError, xml.ParseError):
            return finished(test['stdout'])
        # Every case was fine and yet the program failed: a leak found at exit, say.
        if result not in GOOD and counts[1] == 0:
            return counts[0], 1, counts[2]
        return counts
    return (1, 0, 0) if result in GOOD else (0, 1, 0)


def skips(test):
    """A line for each thing this program skipped."""
    if test['result'] == 'SKIP':
        reason = (test['stdout'].strip().splitlines() or ['?'])[-1]
        return [f'{test["name"]}: {reason.removeprefix("skipped: ")}']
    return re.findall(r'^\[ *SKIPPED *\] (\S+) \(\d+ ms\)$', test['stdout'], re.M)


def main():
    total = [0, 0, 0]
    notes = []
    for build in map(pathlib.Path, sys.argv[1:]):
        log = build / 'meson-logs' / 'testlog.json'
        known = json.loads((build / 'meson-info' / 'intro-tests.json').read_text())
        protocols = {test['name']: test['protocol'] for test in known}
        for line in log.read_text().splitlines() if log.exists() else []:
            test = json.loads(line)
            counts = outcome(test, build, protocols[short(test)])
            total = [a + b for a, b in zip(total, counts)]
            if counts[1]:
                print(f'\n--- {test["name"]} in {build.name}: {test["result"]}, '
                      f'exit status {test["returncode"]}')
                print(test['stdout'], test.get('stderr', ''), sep='')
            if counts[2]:
                notes += skips(test)
    passed, failed, skipped = total
    print()
    if not any(total):
        print('no test ran')
        return 1
    if skipped:
        print(f'{skipped} skipped:', *notes, sep='\n  ')
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


sys.exit(main())
