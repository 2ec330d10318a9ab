#!/usr/bin/env python3
"""Shows that the judge of the random layouts can find fault: a stand-in for bilge does one thing wrong at a time, and
each must be caught as what it is. Run as bilge would be (SABOTEUR_STAGE says where), it is that stand-in."""
import json
import multiprocessing
import os
import shutil
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import command  # noqa: E402
import judge  # noqa: E402
import layouts  # noqa: E402
import world  # noqa: E402
from layout import Eyes, Layout  # noqa: E402

DAY = 86400


class Stage(world.World):
    """A world with one place of each kind that a crime needs, by name."""

    def _make(self):
        self.uid, self.eyes, self.building = os.geteuid(), Eyes(os.geteuid()), False
        self.folders = self.roots = [self.path('caches')]
        os.mkdir(self.roots[0])
        self.named = {}
        for name, days in (('own', 2), ('theirs', 2), ('old', 40), ('busy', 2), ('holder', 40), ('thin', 2), ('torn', 2), ('unread', 2),
                           ('port', 2)):
            self._cache(name, days)
        self._add('image', self._image)
        self._add('foreign', self._foreign_project)
        self._add('.bilge-gone.web', lambda place: world.write(os.path.join(place.path, 'thesis.txt')))
        self._spoil()
        services = {'own': self.named['own'], 'busy': self.named['busy']}
        world.write(self.path('cwd/compose.yml'))
        for name, place in services.items():
            place.services.add(name)
        self.named['theirs'].others.add('theirs')
        world.write(self.path('other/compose.yml'))
        if world.can_mount():
            os.makedirs(self.path('outside/mounted'))
            world.write(self.path('outside/mounted/letter.txt'))
            os.makedirs(os.path.join(self.named['port'].path, 'ingest/mounted'))
            self.mounts = [(self.path('outside/mounted'), os.path.join(self.named['port'].path, 'ingest/mounted'), 'bind')]
        for place in self.places:
            if not os.path.islink(place.path) and place.label == 'cache':
                world.age_tree(place.path, place.when, keep_times=True)
        self._mount_all()

    def _add(self, name, fill):
        place = world.Place(os.path.join(self.roots[0], name), 'gone' if name.startswith('.bilge') else name)
        fill(place)
        self.places.append(place)
        self.named[name] = place
        return place

    def _cache(self, name, days):
        place = self._add(name, lambda place: None)
        place.label, place.plain, place.when = 'cache', True, self.now - days * DAY
        writer = world.Writer(self, place.path)
        shared = [self.rng.randbytes(700) for _ in range(2)]
        writer.export([self.rng.randbytes(800)], place.when - 9 * DAY, 'v1')
        for number in range(3):
            writer.export(shared + [self.rng.randbytes(900)], place.when - (3 - number) * DAY, form='index')
        if name == 'thin':
            writer.entries = writer.entries[1:]
            writer.export(shared, place.when, form='index')
        writer.blob(self.rng.randbytes(400), place.when - DAY)
        world.write(os.path.join(place.path, 'ingest/left/data'), b'half', place.when)
        writer.index(place.when)

    def _foreign_project(self, place):
        world.write(os.path.join(place.path, 'package.json'), b'{}')
        world.write(os.path.join(place.path, 'node_modules/a/b.js'))

    def _spoil(self):
        world.write(os.path.join(self.named['busy'].path, 'ingest/now/data'), b'under way')
        world.write(os.path.join(self.named['holder'].path, 'notes.txt'), when=self.now - DAY)
        torn = Layout(self.named['torn'].path, Eyes(0))
        os.unlink(os.path.join(torn.path, 'blobs/sha256', max(torn.exports, key=lambda export: export.when).manifest))
        unread = os.path.join(self.named['unread'].path, 'index.json')
        world.write(unread, b'{"manifests":[', self.named['unread'].when)
        os.symlink(self.path('outside'), os.path.join(self.named['old'].path, 'ingest/link'))
        for name in ('busy', 'holder', 'torn', 'unread', 'thin', 'old', 'port'):
            self.named[name].plain = False

    def tell(self):
        """What the stand-in has to know."""
        found = {'base': self.base, 'places': {}}
        for name, place in self.named.items():
            layout = Layout(place.path, Eyes(0), self.mount_points)
            garbage = [f'blobs/sha256/{each}' for each in layout.blobs if each not in layout.live]
            found['places'][name] = {
                'path': place.path, 'live': sorted(layout.live & set(layout.blobs)), 'garbage': sorted(garbage),
                'tags': {tag: hexa for tag, hexa, _ in layout.entries}, 'old': [each.manifest for each in layout.old_exports()],
                'reach': {each.manifest: sorted(each.blobs) for each in layout.exports},
                'size': sum(file.st.st_blocks * 512 for file in judge.snapshot(place.path, ()).values()) + os.lstat(place.path).st_blocks * 512,
            }
        return found


# ------------------------------------------------------------------------ the stand-in


class Bilge:
    """Does what bilge would do, but for one thing."""

    def __init__(self, stage):
        self.base, self.places = stage['base'], stage['places']
        self.freed, self.items, self.failed, self.status = 0, [], [], 0

    def path(self, place, *names):
        return os.path.join(self.places[place]['path'], *names)

    def blob(self, place, name):
        return self.path(place, 'blobs/sha256', name)

    def live(self, place, number=0):
        return self.blob(place, self.places[place]['live'][number])

    def unlink(self, path):
        self.freed += os.lstat(path).st_blocks * 512
        os.unlink(path)

    def rmtree(self, path):
        for folder, folders, files in os.walk(path):
            for name in files + folders:
                self.freed += os.lstat(os.path.join(folder, name)).st_blocks * 512
        self.freed += os.lstat(path).st_blocks * 512
        shutil.rmtree(path)

    def whole(self, place):
        self.items.append({'kind': 'service', 'service': place, 'id': self.path(place)})
        self.rmtree(self.path(place))

    def garbage(self, places=('own', 'theirs', 'image', 'holder'), but=()):
        """All that is garbage, as a plan of single blobs."""
        for place in places:
            for name in self.places[place]['garbage']:
                if name not in but:
                    self.items.append({'kind': 'blob', 'service': place, 'id': 'sha256:' + os.path.basename(name)})
                    self.unlink(self.path(place, name))
            if place != 'image':
                self.items.append({'kind': 'ingest', 'service': place, 'id': 'ingest/left'})
                self.rmtree(self.path(place, 'ingest/left'))

    def index(self, place, change):
        path = self.path(place, 'index.json')
        with open(path, 'rb') as file:
            document = json.loads(file.read())
        change(document['manifests'])
        with open(path, 'wb') as file:
            file.write(json.dumps(document).encode())

    def rewrite(self, path, data=None, keep_times=True):
        st = os.stat(path)
        with open(path, 'rb') as file:
            data = bytes(byte ^ 1 for byte in file.read()) if data is None else data
        os.chmod(path, 0o644)
        with open(path, 'wb') as file:
            file.write(data)
        os.chmod(path, st.st_mode & 0o7777)
        if keep_times:
            os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))

    def end(self, said=None):
        if said is None:
            said = {'dry_run': False, 'items': self.items, 'kept': [], 'planned': self.freed, 'failed': self.failed, 'freed': self.freed}
        print(json.dumps(said))
        sys.exit(self.status)


def thesis(bilge):
    return os.path.join(bilge.base, 'outside/thesis.txt')


def row(bilge, place, state, **more):
    here = bilge.places[place]
    blocks = sum(os.lstat(bilge.blob(place, name)).st_blocks * 512 for name in here['live'])
    blobs = len(os.listdir(bilge.path(place, 'blobs/sha256')))
    return dict({'name': place, 'path': here['path'], 'state': state, 'size': here['size'], 'live': blocks, 'blobs': blobs}, **more)


def end_status(bilge, rows):
    bilge.end({'cache_roots': [], 'services': rows})


def drop(items):
    items.pop()


def replace(manifest):
    def change(items):
        items[-1] = dict(items[-1], digest='sha256:' + manifest)
    return change


def end_with(bilge, status):
    bilge.status = status
    bilge.end()


def move_aside(bilge):
    os.mkdir(bilge.path('theirs', '.bilge-aside'))
    name = bilge.places['theirs']['garbage'][0]
    os.rename(bilge.path('theirs', name), bilge.path('theirs', '.bilge-aside', os.path.basename(name)))
    bilge.garbage(places=('own',))


def copy_over(bilge):
    """The same bytes in another file."""
    path = bilge.live('own')
    st = os.stat(path)
    shutil.copy2(path, path + '.new')
    os.chown(path + '.new', st.st_uid, st.st_gid)
    os.rename(path + '.new', path)


def abort(_):
    sys.stdout.flush()
    os.abort()


def half_an_object(_):
    print('{"dry_run":false,')
    sys.exit(0)


def newest_old(bilge, place):
    """Of the export before the current one, the blob that no current one has."""
    here = bilge.places[place]
    return next(name for name in here['reach'][here['old'][0]] if name not in here['live'])


def took(bilge, place, name):
    bilge.items.append({'kind': 'blob', 'service': place, 'id': 'sha256:' + name})
    bilge.unlink(bilge.blob(place, name))


GARBAGE = ('garbage', ['prune', '--garbage', '--yes'], {})
STATUS = ('read', ['status'], {})
DRY = ('read', ['prune', '--garbage', '--dry-run'], {})
GUARD = ('guard', ['guard', '--once', '--keep-free', '1TB'], {})
RESTORE = ('restore', ['restore', 'own'], {'services': ['own']})
REPAIR = ('repair', ['verify', '--repair', '--yes'], {})
DEDUPE = ('dedupe', ['dedupe', '--yes'], {})
ALL = ('all', ['prune', '--all', '--yes'], {})
SERVICE = ('service', ['prune', '--service', 'own', '--yes'], {'services': ['own']})
KEEP = ('garbage', ['prune', '--keep-generations', '2', '--yes'], {'keep': 2})
OLDER = ('garbage', ['prune', '--garbage', '--older-than', '7d', '--yes'], {'older_s': 7 * DAY})
EMPTY = {'dry_run': True, 'items': [], 'planned': 0, 'failed': [], 'freed': 0}
SERVICES = {'services': [], 'planned': 0, 'freed': 0, 'failed': []}

# What it does wrong, with which command, the property that must be found broken, and the deeds.
CRIMES = [
    ('takes a live blob', GARBAGE, 'live', lambda b: (b.garbage(), b.unlink(b.live('own')), b.end())),
    ('takes a live blob of the second tag', GARBAGE, 'live', lambda b: (b.garbage(), b.unlink(b.blob('theirs', b.places['theirs']['tags']['v1'])), b.end())),
    ('writes the bytes of a live blob into another file', GARBAGE, 'live', lambda b: (b.garbage(), copy_over(b), b.end())),
    ('changes one bit of a live blob', GARBAGE, 'live', lambda b: (b.garbage(), b.rewrite(b.live('own')), b.end())),
    ('changes the mode of a live blob', GARBAGE, 'live', lambda b: (b.garbage(), os.chmod(b.live('own'), 0o600), b.end())),
    ('touches a live blob', GARBAGE, 'live', lambda b: (b.garbage(), os.utime(b.live('own')), b.end())),
    ('empties what is mounted in a cache', GARBAGE, 'mount', lambda b: (b.garbage(), os.unlink(b.path('port', 'ingest/mounted/letter.txt')), b.end())),
    ('removes an image', ALL, 'foreign', lambda b: (b.whole('image'), b.end())),
    ('removes the garbage of an image', GARBAGE, 'foreign', lambda b: (b.garbage(), b.unlink(b.live('image')), b.end())),
    ('removes a file of a directory that is no cache', GARBAGE, 'foreign', lambda b: (b.garbage(), os.unlink(b.path('foreign', 'package.json')), b.end())),
    ('touches a file outside', GARBAGE, 'outside', lambda b: (b.garbage(), os.utime(thesis(b)), b.end())),
    ('makes a file outside', GARBAGE, 'outside', lambda b: (b.garbage(), world.write(os.path.join(b.base, 'outside/new')), b.end())),
    ('changes a file outside', GARBAGE, 'outside', lambda b: (b.garbage(), b.rewrite(thesis(b)), b.end())),
    ('follows a symlink', GARBAGE, 'outside', lambda b: (b.garbage(), os.unlink(b.path('old', 'ingest/link/thesis.txt')), b.end())),
    ('leaves a blob aside', GARBAGE, 'left', lambda b: (move_aside(b), b.end())),
    ('leaves a lock', GARBAGE, 'left', lambda b: (b.garbage(), world.write(b.path('own', 'index.json.lock')), b.end())),
    ('says usage error and deletes', GARBAGE, 'left', lambda b: (b.garbage(), print('no', file=sys.stderr), end_with(b, 2))),
    ('drops a tag', RESTORE, 'index', lambda b: (b.index('own', drop), b.end(SERVICES))),
    ('names an export that is not whole', RESTORE, 'index', lambda b: (b.index('own', replace('ab' * 32)), b.end(SERVICES))),
    ('restores another cache', RESTORE, 'index', lambda b: (b.index('theirs', replace(b.places['theirs']['old'][0])), b.end(SERVICES))),
    ('drops a whole tag in a repair', REPAIR, 'index', lambda b: (b.index('torn', lambda items: items.clear()), b.end(SERVICES))),
    ('repairs what it could not parse', REPAIR, 'unsure', lambda b: (b.rewrite(b.path('unread', 'index.json'), b'{"manifests":[]}'), b.end(SERVICES))),
    ('deletes in a dry run', DRY, 'look', lambda b: (b.garbage(), b.end(EMPTY))),
    ('deletes when it is to tell the status', STATUS, 'look', lambda b: (b.rmtree(b.path('.bilge-gone.web')), end_status(b, []))),
    ('makes a file when it is to tell the status', STATUS, 'look', lambda b: (world.write(b.path('own', '.bilge-x')), end_status(b, []))),
    ('removes what is only named like its own', GARBAGE, 'aside', lambda b: (b.garbage(), b.rmtree(b.path('.bilge-gone.web')), b.end())),
    ('takes from a busy cache', GARBAGE, 'busy', lambda b: (b.garbage(), b.unlink(b.path('busy', b.places['busy']['garbage'][0])), b.end())),
    ("takes another project's cache", GUARD, 'whole', lambda b: (b.whole('theirs'), b.end())),
    ("takes a current cache of the project", GUARD, 'whole', lambda b: (b.whole('own'), b.end())),
    ('takes more than was named', SERVICE, 'whole', lambda b: (b.whole('theirs'), b.end())),
    ('takes a file that is no part of the cache', ALL, 'stranger', lambda b: (b.whole('holder'), b.end())),
    ('takes what a shrunken export has lost', GARBAGE, 'kept', lambda b: (b.garbage(), took(b, 'thin', newest_old(b, 'thin')), b.end())),
    ('keeps one export too few', KEEP, 'kept', lambda b: (took(b, 'theirs', newest_old(b, 'theirs')), b.end())),
    ('takes what is too young', OLDER, 'kept', lambda b: (took(b, 'theirs', newest_old(b, 'theirs')), b.end())),
    ('takes what a broken cache may need', GARBAGE, 'unsure', lambda b: (b.garbage(), b.unlink(b.path('torn', b.places['torn']['garbage'][0])), b.end())),
    ('takes blobs of an index that it could not parse', GARBAGE, 'unsure', lambda b: (b.garbage(), b.unlink(b.path('unread', b.places['unread']['garbage'][0])), b.end())),
    ('takes what is in no plan', GARBAGE, 'plan', lambda b: (b.garbage(), b.items.pop(0), b.end())),
    ('tells more bytes than came back', GARBAGE, 'plan', lambda b: (b.garbage(), setattr(b, 'freed', b.freed + 4096), b.end())),
    ('plans what it did not free', GARBAGE, 'plan', lambda b: (b.garbage(), b.end({'items': b.items, 'planned': 9 * b.freed, 'freed': b.freed, 'failed': []}))),
    ('does nothing', GARBAGE, 'does', lambda b: b.end()),
    ('spares an orphan', GARBAGE, 'does', lambda b: (b.garbage(but=b.places['theirs']['garbage'][:1]), b.end())),
    ('leaves what was named', SERVICE, 'does', lambda b: b.end()),
    ('fails without a word', GARBAGE, 'words', lambda b: end_with(b, 1)),
    ('hides failures', GARBAGE, 'words', lambda b: (b.garbage(), b.failed.append({'id': 'x', 'error': 'no'}), b.end())),
    ('calls sensible words a usage error', GARBAGE, 'words', lambda b: (print('no', file=sys.stderr), sys.exit(2))),
    ('ends with a status of its own', GARBAGE, 'words', lambda b: (b.garbage(), end_with(b, 7))),
    ('prints half an object', DRY, 'words', half_an_object),
    ('changes a blob when it links', DEDUPE, 'live', lambda b: (b.rewrite(b.live('own')), b.end())),
    ('links an image', DEDUPE, 'foreign', lambda b: (b.rewrite(b.live('image'), b'x', False), b.end())),
    ('calls an image a cache', STATUS, 'rows', lambda b: end_status(b, [row(b, 'image', 'ok')])),
    ('calls a broken cache sound', STATUS, 'rows', lambda b: end_status(b, [row(b, 'torn', 'ok')])),
    ('tells a wrong size', STATUS, 'rows', lambda b: end_status(b, [row(b, 'theirs', 'ok', size=12)])),
    ('calls a part of a cache a service', STATUS, 'rows', lambda b: end_status(b, [{'name': 'blobs', 'path': b.path('own', 'blobs'), 'state': 'foreign'}])),
    ('hangs', GARBAGE, 'ends', lambda b: time.sleep(600)),
    ('aborts', GARBAGE, 'ends', abort),
    ('crashes like one that a sanitizer watches', GARBAGE, 'ends', lambda b: (print('ERROR: AddressSanitizer: x', file=sys.stderr), sys.exit(1))),
]
# What must be found to be right.
HONEST = [
    ('takes the garbage', GARBAGE, None, lambda b: (b.garbage(), b.end())),
    ('takes what is named', SERVICE, None, lambda b: (b.whole('own'), b.end())),
    ('tells the status', STATUS, None, lambda b: end_status(b, [row(b, 'theirs', 'ok'), row(b, 'image', 'foreign')])),
    ('restores', RESTORE, None, lambda b: (b.index('own', replace(b.places['own']['old'][0])), b.end(SERVICES))),
]


def stand_in():
    with open(os.environ['SABOTEUR_STAGE'], encoding='utf-8') as file:
        stage = json.load(file)
    bilge = Bilge(stage)
    (CRIMES + HONEST)[int(os.environ['SABOTEUR_CRIME'])][3](bilge)


# ------------------------------------------------------------------------ the test


def commit(number):
    """Plays one crime and returns what the judge found."""
    _, (verb, words, meaning), wanted, _ = (CRIMES + HONEST)[number]
    if wanted == 'mount' and not world.can_mount():
        return None
    base = layouts.folder_for_worlds()
    os.chmod(base, 0o755)
    stage = Stage(number, base)
    try:
        asked = command.Command(verb, words + ['--json'], json=True, **meaning)
        story = stage.path('tmp/stage.json')
        with open(story, 'w', encoding='utf-8') as file:
            json.dump(stage.tell(), file)
        os.environ.update(SABOTEUR_STAGE=story, SABOTEUR_CRIME=str(number))
        one = judge.Judge(stage, asked)
        one.look_before()
        limit_s = 1 if number < len(CRIMES) and CRIMES[number][0] == 'hangs' else 60
        ran = layouts.call([sys.executable, os.path.abspath(__file__)], stage, asked, limit_s)
        return one.judge(ran), ran
    finally:
        stage.unmount()
        layouts.remove(base)


def told(number, played):
    """One line of TAP, and why it failed."""
    name, asked, wanted, _ = (CRIMES + HONEST)[number]
    sentence = f'{asked[1][0]}: the judge {"catches" if wanted else "has nothing against"} one that {name}'
    if played is None:
        return True, f'ok {number + 1} - {sentence} # SKIP nothing can be mounted here'
    found, ran = played
    good = wanted in {each for each, _ in found} if wanted else not found
    if good:
        return True, f'ok {number + 1} - {sentence}'
    return False, f'not ok {number + 1} - {sentence}\n# wanted {wanted}, found {found}\n# {ran.out[-500:]!r}\n# {ran.err[-900:]!r}'


def main():
    layouts.in_own_namespace()
    os.umask(0o022)
    numbers = range(len(CRIMES) + len(HONEST))
    with multiprocessing.Pool(2 * len(os.sched_getaffinity(0))) as pool:
        lines = [told(number, played) for number, played in zip(numbers, pool.imap(commit, numbers, chunksize=1))]
    print('\n'.join(line for _, line in lines))
    print(f'1..{len(lines)}')
    return 0 if all(good for good, _ in lines) else 1


if __name__ == '__main__':
    if 'SABOTEUR_STAGE' in os.environ:
        stand_in()
    else:
        sys.exit(main())
