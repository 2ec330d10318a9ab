#!/usr/bin/env python3
"""Random cache directories of known truth against every command of bilge.

    tests/attack/layouts/layouts.py --bilge build/bilge                      300 worlds, as in make check
    tests/attack/layouts/layouts.py --bilge build/bilge --seeds 10000        the long run
    tests/attack/layouts/layouts.py --bilge build/bilge --from 4711 --seeds 1 --keep     one world again, and look at it
"""
import argparse
import collections
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import command  # noqa: E402
import judge  # noqa: E402
import world  # noqa: E402

SLOW = int(os.environ.get('BILGE_TEST_SLOW') or 1)


def environment(here):
    env = {key: value for key, value in os.environ.items() if key.endswith('SAN_OPTIONS') or key.startswith('SABOTEUR')}
    env.update(PATH=here.path('bin') + ':/usr/bin:/bin', HOME=here.path('home'), TMPDIR=here.path('tmp'), LC_ALL='C.UTF-8', TZ='UTC',
               DOCKER_HOST='unix://' + here.path('no-engine.sock'), DOCKER_CONFIG=here.path('home/.docker'), BILGE_PROC=here.path('proc'))
    return env


def call(program, here, asked, limit_s):
    """Runs bilge in a world, as the user that the world is made for."""
    user = {'user': here.uid, 'group': here.uid, 'extra_groups': []} if here.root_user and here.uid != 0 else {}
    child = subprocess.Popen([*program, *asked.words], cwd=here.path(asked.folder), env=environment(here), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **user)
    try:
        out, err = child.communicate(timeout=limit_s * SLOW)
        return judge.Ran(child.returncode, out, err, False)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        out, err = child.communicate()
        return judge.Ran(-9, out, err, True)


def folder_for_worlds():
    """In memory, where that can be had: making worlds is most of the work."""
    memory = '/dev/shm'
    usable = 'TMPDIR' not in os.environ and os.access(memory, os.W_OK) and not os.statvfs(memory).f_flag & os.ST_NOEXEC
    return tempfile.mkdtemp(prefix='bilge-worlds.', dir=memory if usable else None)


class Result:
    """What came of one world."""

    def __init__(self, seed):
        self.seed = seed
        self.findings = []  # (property, text, command)
        self.skipped = set()
        self.story = ''
        self.calls = 0


def remove(base):
    """A tree that may be deeper than a path is long, or closed to us."""
    subprocess.run(['chmod', '-R', 'u+rwx', base], stderr=subprocess.DEVNULL, check=False)
    shutil.rmtree(base, ignore_errors=True)
    if os.path.lexists(base):
        subprocess.run(['rm', '-rf', base], check=False)


def play(seed, options):
    """Makes a world and lets bilge loose on it."""
    result = Result(seed)
    base = tempfile.mkdtemp(prefix=f'bilge-world-{seed}.', dir=options.folder)
    os.chmod(base, 0o755)
    here = None
    try:
        here = world.World(seed, base)
        result.skipped = here.skipped
        result.story = here.describe()
        result.findings += [('harness', text, '') for text in here.misread()]
        rng = random.Random(f'commands {seed}')
        for asked in command.pair(here, rng):
            one = judge.Judge(here, asked)
            one.look_before()
            ran = call([options.bilge], here, asked, options.limit)
            result.calls += 1
            found = one.judge(ran)
            here.known |= asked.folder == 'other'
            if options.verbose:
                tell(asked, ran)
            result.findings += [(name, text, str(asked)) for name, text in found]
            if found:
                break  # what follows would be judged on a ruin
    except Exception:  # pylint: disable=broad-except
        result.findings.append(('harness', traceback.format_exc(), ''))
    finally:
        if here is not None and not options.keep:
            here.unmount()
        if options.keep:
            print(f'# the world is kept in {base}', file=sys.stderr)
        else:
            remove(base)
    return result


def tell(asked, ran):
    print(f'$ {asked}', ran.status, sep='\n', file=sys.stderr)
    for text in (ran.out, ran.err):
        sys.stderr.write(text.decode('utf-8', 'backslashreplace'))


def play_all(options):
    seeds = range(options.first, options.first + options.seeds)
    if options.jobs == 1:
        yield from (play(seed, options) for seed in seeds)
        return
    with multiprocessing.Pool(options.jobs, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)) as pool:
        yield from pool.imap_unordered(Player(options), seeds, chunksize=1)


class Player:
    def __init__(self, options):
        self.options = options

    def __call__(self, seed):
        return play(seed, self.options)


def report(options, results):
    """TAP: one test a property, with the worlds in which it does not hold."""
    broken = collections.defaultdict(list)
    for result in results:
        for name, text, asked in result.findings:
            broken[name].append((result.seed, text, asked))
    number = 0
    for name, sentence in list(judge.PROPERTIES.items()) + [('harness', 'the worlds are as they were meant to be')]:
        number += 1
        seeds = sorted({seed for seed, _, _ in broken[name]})
        print(f'{"not ok" if seeds else "ok"} {number} - {options.seeds} random worlds: {sentence}')
        shown = set()
        for seed, text, asked in sorted(broken[name]):
            if seed not in shown and len(shown) < options.show:
                shown.add(seed)
                print('\n'.join('# ' + line for line in f'seed {seed}: {printable(asked)}\n  {printable(text)}'.split('\n')))
        if seeds:
            print(f'# {len(seeds)} of them; again: {sys.argv[0]} --bilge {options.bilge} --seeds 1 --verbose --keep --from {seeds[0]}')
    for text in sorted(set().union(*(result.skipped for result in results))):
        number += 1
        print(f'ok {number} - {text} # SKIP not as this user')
    print(f'1..{number}')
    return any(broken.values())


def printable(text):
    return text.encode('utf-8', 'backslashreplace').decode()


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--bilge', default=os.environ.get('BILGE_TEST_BIN'), help='the program (BILGE_TEST_BIN)')
    parser.add_argument('--seeds', type=int, default=300, help='so many worlds (300)')
    parser.add_argument('--from', type=int, default=0, dest='first', help='the first seed (0)')
    parser.add_argument('--jobs', type=int, default=3 * len(os.sched_getaffinity(0)), help='so many at once; they mostly wait')
    parser.add_argument('--keep', action='store_true', help='leave the worlds on the disk (mounts stay only in this run)')
    parser.add_argument('--verbose', action='store_true', help='say what was called and what came of it')
    parser.add_argument('--show', type=int, default=5, help='so many worlds are told for each property (5)')
    parser.add_argument('--limit', type=int, default=60, help='seconds that one call may take (60)')
    options = parser.parse_args()
    if not options.bilge:
        parser.error('which program? --bilge or BILGE_TEST_BIN')
    options.bilge = os.path.abspath(options.bilge)
    if options.verbose or options.keep:
        options.jobs = 1
    return options


def in_own_namespace():
    """Mounts are to be seen by nobody else, and go when this ends."""
    if os.geteuid() == 0 and 'BILGE_TEST_MOUNTS' not in os.environ and shutil.which('unshare') \
            and subprocess.run(['unshare', '--mount', 'true'], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        os.environ['BILGE_TEST_MOUNTS'] = '1'
        os.execvp('unshare', ['unshare', '--mount', sys.executable, *sys.argv])


def run(options):
    told, options.bilge = options.bilge, os.path.join(options.folder, 'bilge')
    shutil.copy(told, options.bilge)  # where everybody may run it
    os.chmod(options.bilge, 0o755)
    began = time.monotonic()
    results = list(play_all(options))
    options.bilge = told
    if options.verbose:
        print('\n'.join(printable(result.story) for result in results), file=sys.stderr)
    failed = report(options, results)
    calls = sum(result.calls for result in results)
    print(f'# {options.seeds} worlds from seed {options.first}, {calls} calls, {time.monotonic() - began:.0f} s')
    return failed


def main():
    options = read_options()
    in_own_namespace()
    os.umask(0o022)
    options.folder = folder_for_worlds()
    os.chmod(options.folder, 0o755)
    try:
        failed = run(options)
    finally:
        if not options.keep:
            remove(options.folder)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
