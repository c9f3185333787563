"""Every test that docs/ names exists, so that what the docs say is held by something.

A name is `suite.test` between backticks; `suite.*` stands for all of a suite, and one may end in … for short.
"""
import pathlib
import re
import sys

source = pathlib.Path(sys.argv[2])
TEST = re.compile(r'^(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)', re.M)
NAMED = re.compile(r'`([a-z_0-9]+)\.([a-z_0-9]+…?|\*)`')


def tests():
    told = {}
    for path in (source / 'tests').rglob('*.[ch]pp'):
        for suite, test in TEST.findall(path.read_text()):
            told.setdefault(suite, set()).add(test)
    return told


def exists(told, suite, test):
    if suite not in told:
        return test.count('_') < 2  # a member of something, such as `client.get`
    if test == '*':
        return True
    if test.endswith('…'):
        return any(each.startswith(test[:-1]) for each in told[suite])
    return test in told[suite]


def main():
    told = tests()
    missing = []
    count = 0
    for path in sorted((source / 'docs').rglob('*.md')):
        for suite, test in NAMED.findall(path.read_text()):
            count += suite in told
            if not exists(told, suite, test):
                missing.append(f'{path.relative_to(source)}: there is no test {suite}.{test}')
    print('\n'.join(missing) if missing else f'{count} tests are named, and exist')
    return bool(missing)


sys.exit(main())
