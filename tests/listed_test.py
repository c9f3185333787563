"""A source that no list names is not built, a test not run, a header not installed.

This compares what lies in the folders with what Meson knows of.
"""
import json
import pathlib
import re
import sys

build, source = map(pathlib.Path, sys.argv[1:3])
FOLDERS = ('core', 'io', 'net', 'tests', 'bench', 'examples')
# Rivals in benchmarks are built where their packages are installed.
FOLDERS_ELSEWHERE = ('bench/rivals/',)
# Built by tests/consumer/run, by a fuzz target if there is one, and without some library; precompiled.
ELSEWHERE = {'tests/consumer/main.cpp', 'tests/fuzz/replay.cpp', 'net/resolve_without_ares.cpp',
             'net/decompress_no_zlib.cpp', 'net/decompress_no_brotli.cpp', 'net/decompress_no_zstd.cpp',
             'net/public_suffix_none.cpp', 'net/idn_none.cpp', 'net/http_secure_none.cpp',
             'net/websocket_no_deflate.cpp', 'net/http2_none.cpp', 'core/pch/library_pch.hpp'}


def info(name):
    return json.loads((build / 'meson-info' / f'intro-{name}.json').read_text())


off = [o['name'] for o in info('buildoptions')
       if o['name'] in ('cares', 'tls', 'http', 'http2', 'websocket', 'zlib', 'brotli', 'zstd', 'psl', 'idn',
                        'bench', 'examples')
       and o['value'] == 'disabled']
if off:
    print('skipped: lists are incomplete without', ', '.join(off))
    sys.exit(77)


def sources(part):
    """Those of one target and language; of a unity build, what its files include."""
    unity = [file for file in part['generated_sources'] if '-unity' in file]
    return part['sources'] + [included for file in unity
                              for included in re.findall(r'#include<(.+)>', pathlib.Path(file).read_text())]


known = {pathlib.Path(file).resolve()
         for target in info('targets')
         for part in target['target_sources']
         for file in sources(part)}
known |= {pathlib.Path(file).resolve() for file in info('installed')}

missing = []
for folder in FOLDERS:
    for path in sorted((source / folder).rglob('*.[ch]pp')):
        name = path.relative_to(source).as_posix()
        public = folder in ('core', 'io', 'net') and not name.endswith('_private.hpp')
        if (path.suffix == '.cpp' or public) and path.resolve() not in known \
                and name not in ELSEWHERE and not name.startswith(FOLDERS_ELSEWHERE):
            missing.append(name)

for name in missing:
    print(f'{name}: in no list; add it to {name.split("/")[0]}/meson.build')

# Tests are compiled together, so each file has a namespace; stories that a header tells are found by its name.
unnamed = []
for path in sorted((source / 'tests').glob('*/*_test.cpp')):
    text = path.read_text()
    name = f'{path.parent.name}_{path.stem}'
    if f'\nnamespace {name} {{\n' not in text:
        unnamed.append(f'{path.relative_to(source)}: is not in namespace {name}')
    for prefix in re.findall(r'INSTANTIATE_TYPED_TEST_SUITE_P\((\w+)', text):
        if prefix + '_test' != name:
            unnamed.append(f'{path.relative_to(source)}: instantiates {prefix}; it should be {name[:-5]}')
print(*unnamed, sep='\n')
sys.exit(bool(missing or unnamed))
