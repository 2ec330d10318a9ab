"""A random place for bilge to work in, made from a seed: cache roots with directories of all kinds, a compose project or
two, and a scripted docker that answers for them. What each directory is stands in its Place."""
import ctypes
import hashlib
import json
import os
import random
import re
import socket
import stat
import time

from layout import CACHE_CONFIG, TAG, Eyes, Layout

NOBODY = 65534
OTHER = 1234
DAY = 86400
OCI = 'application/vnd.oci.image.'
DOCKER = 'application/vnd.docker.'
DOCKER_SCRIPT = '''#!/bin/sh
case $1 in
compose) for word; do case $word in
    version) echo 2.26.1; exit 0 ;;
    config) cat "$PWD/answer.json" 2>/dev/null && exit 0
        [ -e "$PWD/compose.yml" ] && { echo 'services.web.build must be a string or a mapping' >&2; exit 15; }
        echo 'no configuration file provided: not found' >&2; exit 14 ;;
    esac; done ;;
buildx) [ "$2" = ls ] && exit 0 ;;
esac
exit 1
'''
MS_BIND = 4096
MNT_DETACH = 2
libc = ctypes.CDLL(None, use_errno=True)


def can_mount():
    """Whether this process is in a mount namespace of its own (layouts.py sees to that)."""
    return os.geteuid() == 0 and os.environ.get('BILGE_TEST_MOUNTS') == '1'


class Place:
    """A directory (or something that stands in for one) that bilge may come across."""

    def __init__(self, path, label):
        self.path = path
        self.label = label       # what was made here
        self.notes = []          # what was added to it
        self.services = set()    # of the project in the working directory
        self.others = set()      # of another project
        self.plain = False       # a sound cache with nothing odd about it
        self.users = []          # (service, whether it writes, tag): who names it in the project
        self.planted = False     # reached through a symlink that another user made

    @property
    def name(self):
        return os.path.basename(self.path)

    def __repr__(self):
        return f'{self.label} {self.path!r} {self.notes} {sorted(self.services)}'


class Writer:
    """Writes a local cache, or an image, as BuildKit's clients do."""

    def __init__(self, world, path):
        self.world, self.path, self.rng = world, path, world.rng
        self.store = os.path.join(path, 'blobs/sha256')
        os.makedirs(self.store, exist_ok=True)
        self.entries = []
        self.write('oci-layout', b'{"imageLayoutVersion":"1.0.0"}')

    def write(self, name, data, mode=0o644):
        path = os.path.join(self.path, name)
        with open(path, 'wb') as file:
            file.write(data)
        os.chmod(path, mode)
        return path

    def blob(self, data, when):
        """Writes a blob once, sometimes as a hard link to the same one of another cache."""
        name = hashlib.sha256(data).hexdigest()
        path = os.path.join(self.store, name)
        if not os.path.lexists(path):
            twin = self.world.written.get(name)
            if twin and self.rng.random() < 0.4 and os.path.lexists(twin):
                os.link(twin, path)
            else:
                with open(path, 'wb') as file:
                    file.write(data)
                os.chmod(path, 0o444)
                os.utime(path, (when, when))
                self.world.written.setdefault(name, path)
        return {'digest': 'sha256:' + name, 'size': len(data)}

    def stamp(self, when):
        """A time as documents tell it, the same in every run: or the digests would not be."""
        return time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(when - self.world.now + 1.6e9)) + '.123456789Z'

    def layer(self, data, when):
        media = OCI + 'layer.v1.tar' + self.rng.choice(['', '+gzip', '+zstd'])
        return dict(self.blob(data, when), mediaType=media,
                    annotations={'buildkit/createdat': self.stamp(when), 'containerd.io/uncompressed': random_digest(self.rng)})

    def export(self, layers, when, tag='latest', form=None):
        """One export of a cache: layers, config, manifest, and the entry of index.json."""
        form = form or self.rng.choice(['index', 'manifest', 'index', 'docker'])
        parts = [self.layer(data, when) for data in layers]
        if form == 'docker':
            for part in parts:
                part['mediaType'] = DOCKER + 'image.rootfs.diff.tar.gzip'
        config = {'layers': [{'blob': part['digest'], 'parent': number - 1} for number, part in enumerate(parts)],
                  'records': [{'digest': random_digest(self.rng), 'layers': [{'layer': 0, 'createdAt': self.stamp(when)}]}]}
        config = dict(self.blob(dump(config), when), mediaType=CACHE_CONFIG)
        if form == 'manifest':
            media = OCI + 'manifest.v1+json'
            document = {'schemaVersion': 2, 'mediaType': media, 'config': config, 'layers': parts}
        else:
            media = OCI + 'index.v1+json' if form == 'index' else DOCKER + 'distribution.manifest.list.v2+json'
            document = {'schemaVersion': 2, 'mediaType': media, 'manifests': parts + [config]}
        return self.name(dict(self.blob(dump(document), when), mediaType=media), tag)

    def image(self, layers, when, tag='v1', media=OCI):
        """An image as skopeo, crane or buildx write it; sometimes an index of several platforms."""
        parts = [dict(self.blob(data, when), mediaType=media + ('layer.v1.tar+gzip' if media == OCI else 'image.rootfs.diff.tar.gzip'))
                 for data in layers]
        config = {'architecture': 'amd64', 'os': 'linux', 'created': self.stamp(when),
                  'rootfs': {'type': 'layers', 'diff_ids': [random_digest(self.rng) for _ in parts]}}
        kind = OCI + 'config.v1+json' if media == OCI else DOCKER + 'container.image.v1+json'
        kinds = OCI + 'manifest.v1+json' if media == OCI else DOCKER + 'distribution.manifest.v2+json'
        config = dict(self.blob(dump(config), when), mediaType=kind)
        manifest = dict(self.blob(dump({'schemaVersion': 2, 'mediaType': kinds, 'config': config, 'layers': parts}), when),
                        mediaType=kinds)
        if self.rng.random() < 0.4:
            media = OCI + 'index.v1+json' if media == OCI else DOCKER + 'distribution.manifest.list.v2+json'
            manifest['platform'] = {'architecture': 'amd64', 'os': 'linux'}
            manifest = dict(self.blob(dump({'schemaVersion': 2, 'mediaType': media, 'manifests': [manifest]}), when),
                            mediaType=media)
        return self.name(manifest, tag)

    def name(self, entry, tag):
        self.entries = [each for each in self.entries if tag is None or each.get('annotations', {}).get(TAG) != tag]
        if tag is not None:
            entry['annotations'] = {TAG: tag}
        self.entries.append(entry)
        return entry['digest'][7:]

    def index(self, when, data=None):
        if data is None:
            document = {'schemaVersion': 2, 'manifests': self.entries}
            if self.rng.random() < 0.5:
                document = dict({'mediaType': OCI + 'index.v1+json'}, **document)
            data = dump(document, self.rng.choice([None, 1]))
        path = self.write('index.json', data)
        os.utime(path, (when, when))
        return data


def dump(value, indent=None):
    separators = (',', ':') if indent is None else None
    return json.dumps(value, indent=indent, separators=separators).encode()


def random_digest(rng):
    return 'sha256:' + rng.randbytes(32).hex()


def write(path, data=b'chapter one\n', when=None):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    if when is not None:
        os.utime(path, (when, when))
    return path


def age_tree(path, when, keep_times=False):
    """As if all of it had been written then; with keep_times only directories are changed."""
    for folder, folders, files in os.walk(path, topdown=False):
        for name in [] if keep_times else files:
            os.utime(os.path.join(folder, name), (when, when), follow_symlinks=False)
        for name in folders:
            if os.path.islink(os.path.join(folder, name)):
                os.utime(os.path.join(folder, name), (when, when), follow_symlinks=False)
        os.utime(folder, (when, when))


class World:
    def __init__(self, seed, base):
        self.seed, self.base = seed, base
        self.rng = random.Random(f'bilge {seed}')
        self.now = time.time()
        self.root_user = os.geteuid() == 0
        self.uid = os.geteuid()
        if self.root_user and self.rng.random() < 0.35:
            self.uid = NOBODY
        self.eyes = Eyes(self.uid)
        self.written = {}     # hex: the first file with that content
        self.places = []
        self.mounts = []
        self.roots = []       # as they are given to bilge
        self.skipped = set()  # parts that this user can't make
        self.project = 'good'
        self.known = False    # the other project was shown to bilge before
        self.ruined = None
        for name in ('home', 'cwd', 'bin', 'proc', 'tmp', 'outside', 'other'):
            os.mkdir(os.path.join(base, name))
        write(os.path.join(base, 'bin/docker'), DOCKER_SCRIPT)
        os.chmod(os.path.join(base, 'bin/docker'), 0o755)
        write(os.path.join(base, 'outside/thesis.txt'))
        self.layers = [self.rng.randbytes(self.rng.randrange(200, 6000)) for _ in range(8)]
        self._make()

    def path(self, *names):
        return os.path.join(self.base, *names)

    def chance(self, probability):
        return self.rng.random() < probability

    def old(self, least=0.02, most=60):
        """A time in the past, never so that a limit of 30 days could be crossed while the test runs."""
        while True:
            days = self.rng.choice([self.rng.uniform(least, 3), self.rng.uniform(least, most)])
            if abs(days - 30) > 0.5:
                return self.now - days * DAY

    # ---- the whole

    def _make(self):
        self._make_roots()
        for _ in range(self.rng.randint(1, 6)):
            self._make_place()
        self._make_project()
        for maker in (self._plant, self._build_somewhere):
            maker()
        self._hand_over()
        self._mount_all()

    def _make_roots(self):
        first = self.path('caches')
        os.mkdir(first)
        self.folders = [first]  # where places are made
        self.roots = [first]
        if self.chance(0.2):
            second = self.path('caches', 'team') if self.chance(0.3) else self.path('more caches')
            os.mkdir(second)
            self.folders.append(second)
            self.roots.append(second)
        if self.chance(0.15):
            os.symlink(first, self.path('link'))
            self.roots[0] = self.path('link')
        if self.chance(0.3):
            os.chmod(first, 0o1777)
        if self.chance(0.05):
            self._make_root_a_layout(first)

    def _make_root_a_layout(self, root):
        place = Place(root, 'root')
        self._fill_sound(place, exports=2)
        place.plain = False
        self.places.append(place)

    # ---- places

    NAMES = ['api', 'web', 'worker', 'my app', 'größe', 'a\nb', '-rf', '--push', '.hidden', 'caf\udce9', 'x' * 120, '日本',
             'a"b', "it's", '$HOME', 'blob', 'ingests', 'A-new', 'web.old', '%s', '*', 'index.json.d', '~', 'tab\there', 'ingest', 'blobs']

    def _new_path(self):
        for _ in range(50):
            path = os.path.join(self.rng.choice(self.folders), self.rng.choice(self.NAMES))
            if not os.path.lexists(path):
                return path
        return os.path.join(self.folders[0], f'service{len(self.places)}')

    def _make_place(self):
        kinds = [(26, self._sound), (8, self._tags), (7, self._shrunken), (5, self._mixed), (9, self._image), (3, self._empty),
                 (7, self._foreign), (4, self._nested), (9, self._broken_index), (4, self._odd_index), (9, self._broken_blobs),
                 (6, self._closed), (5, self._mounted), (5, self._linked), (4, self._special), (4, self._gone),
                 (3, self._interrupted), (2, self._deep), (3, self._not_owned)]
        make = self.rng.choices([make for _, make in kinds], [weight for weight, _ in kinds])[0]
        place = Place(self._new_path(), make.__name__.strip('_'))
        made = make(place)
        if made is not False:
            self.places.append(place)
        place.plain = place.plain and place.name not in ('ingest', 'blobs')

    def _random_layers(self):
        shared = self.rng.sample(self.layers, self.rng.randint(1, 3))
        return shared + [self.rng.randbytes(self.rng.randrange(1, 5000)) for _ in range(self.rng.randint(0, 3))]

    def _fill_sound(self, place, exports=None, tags=('latest',)):
        """Exports one after the other, the newest of each tag current. Returns the writer and when the last one was."""
        writer = Writer(self, place.path)
        last = self.old()
        if self.chance(0.08):
            last = self.now - self.rng.uniform(0, 300)  # one that has just ended shows no sign
        count = exports or self.rng.choice([1, 1, 2, 3, 5])
        layers = self._random_layers()
        for number in range(count):
            when = last - (count - 1 - number) * self.rng.uniform(1000, 20000)
            for tag in tags:
                if number == 0 or len(tags) == 1 or self.chance(0.5):
                    kept = layers[:self.rng.randint(1, len(layers))]
                    writer.export(kept + [self.rng.randbytes(300 + number)], when, tag)
        writer.index(last)
        place.plain = True
        place.when = last
        if self.chance(0.7):
            os.mkdir(os.path.join(place.path, 'ingest'))
        age_tree(place.path, last, keep_times=True)
        return writer, last

    def _sound(self, place, tags=('latest',)):
        writer, last = self._fill_sound(place, tags=tags)
        self._decorate(place, writer, last)

    def _tags(self, place):
        self._sound(place, self.rng.sample(['latest', 'v1', 'main', 'feature/x', 'größe', None], self.rng.randint(2, 4)))

    def _shrunken(self, place):
        writer, last = Writer(self, place.path), self.old()
        layers = [self.rng.randbytes(500) for _ in range(4)]
        if self.chance(0.5):
            writer.export([self.rng.randbytes(300)], last - 30000)
        writer.export(layers, last - 5000, form='index')
        writer.export(layers[:self.rng.randint(1, 3)], last, form='index')
        writer.index(last)
        age_tree(place.path, last, keep_times=True)
        place.when = last
        self._decorate(place, writer, last)

    def _mixed(self, place):
        writer, last = self._fill_sound(place)
        writer.image(self._random_layers(), last, 'v2')
        writer.index(last)
        place.plain = False

    def _image(self, place):
        writer, last = Writer(self, place.path), self.old()
        media = self.rng.choice([OCI, DOCKER])
        for number in range(self.rng.randint(1, 3)):
            tag = self.rng.choice(['v1', 'v2', None])
            writer.image(self._random_layers(), last - 9000 + number * 3000, tag, media)
        writer.index(last)
        if self.chance(0.3):
            write(os.path.join(place.path, 'ingest/left/data'), b'x', last)
        age_tree(place.path, last, keep_times=True)

    def _empty(self, place):
        os.makedirs(place.path)
        if self.chance(0.5):
            os.makedirs(os.path.join(place.path, 'blobs/sha256'))
            os.makedirs(os.path.join(place.path, 'ingest'))
        age_tree(place.path, self.old())

    def _foreign(self, place):
        when = self.old()
        kind = self.rng.choice(['project', 'site', 'ollama', 'registry', 'file', 'database', 'layout without blobs', 'blobs'])
        files = {
            'project': ['package.json', 'node_modules/left-pad/index.js', '.git/HEAD', 'src/index.json'],
            'site': ['index.json', 'index.html', 'blobs/photo.jpg', 'ingest/feed.xml'],
            'ollama': ['blobs/sha256-' + self.rng.randbytes(32).hex(), 'manifests/registry.example.com/library/m/latest'],
            'registry': ['docker/registry/v2/blobs/sha256/ab/' + self.rng.randbytes(32).hex() + '/data'],
            'database': ['blobs/sha256', 'index.json.bak', 'ingest/2024/one'],
            'layout without blobs': ['oci-layout'],
            'blobs': ['blobs/sha256/' + self.rng.randbytes(32).hex() for _ in range(3)],
        }
        place.notes.append(kind)
        if kind == 'file':
            write(place.path, when=when)
            return
        for name in files[kind]:
            data = '{"name":"site","manifests":["a","b"]}' if name.endswith('index.json') else f'{name}\n'
            write(os.path.join(place.path, name), data, when)
        age_tree(place.path, when)

    def _nested(self, place):
        """A cache below a cache, or below a directory that is no layout at all."""
        if self.chance(0.5):
            self._fill_sound(place)
        else:
            write(os.path.join(place.path, 'README'), b'a team\'s caches\n')
        place.plain = False
        inner = Place(os.path.join(place.path, self.rng.choice(['web', 'deep', 'blobs2', 'cache'])), 'nested')
        self._fill_sound(inner)
        inner.plain = False
        self.places.append(inner)

    def _broken_index(self, place):
        writer, last = self._fill_sound(place, exports=2)
        place.plain = False
        good = writer.index(last)
        bad = {
            'cut': good[:self.rng.randrange(1, len(good))], 'empty': b'', 'blank': b' \n', 'list': b'[' + good + b']',
            'text': b'"manifests"', 'mark': b'\xef\xbb\xbf' + good, 'comma': good.rstrip()[:-1] + b',}',
            'nan': good.rstrip()[:-1] + b',"size":NaN}', 'comment': good + b'// end', 'twice': good + good,
            'wide': good.decode().encode('utf-16'), 'zeros': b'\0' * len(good), 'nul behind': good + b'\0',
            'no list': good.replace(b'"manifests":', b'"manifests_":', 1), 'object': b'{"schemaVersion":2,"manifests":{}}',
            'string': b'{"schemaVersion":2,"manifests":"none"}',
            'deep': b'{"a":' + b'[' * 100000 + b']' * 100000 + b',' + good[1:], 'entry': b'{"manifests":[5,null]}',
        }
        kind = self.rng.choice(sorted(bad))
        place.notes.append(kind)
        writer.index(last, bad[kind])

    def _odd_index(self, place):
        """Valid JSON that a careless reader takes for less than it is. All that it names is live."""
        writer, last = self._fill_sound(place, exports=3, tags=('latest', 'v1'))
        place.plain = False
        good = writer.index(last).decode()
        entry = dict(writer.entries[0])
        odd = {
            'case': good.replace('"manifests"', self.rng.choice(['"Manifests"', '"MANIFESTS"']), 1),
            'inner case': good.replace('"digest"', '"Digest"', 1),
            'surrogate': good.replace('"latest"', '"latest\\ud800"', 1),
            'escaped': good.replace('"sha256:', '"sha\\u0032\\u0035\\u0036:', 1),
            'escaped key': good.replace('"digest"', '"dig\\u0065st"', 1),
            'duplicate': good.replace('"schemaVersion"', '"manifests":[],"schemaVersion"', 1),
            'sha512': json.dumps({'manifests': writer.entries + [dict(entry, digest='sha512:' + 'ab' * 64)]}),
            'upper': good.replace(entry['digest'], 'sha256:' + entry['digest'][7:].upper()),
            'no size': json.dumps({'manifests': [{key: value for key, value in each.items() if key != 'size'} for each in writer.entries]}),
            'size': good.replace(f'"size":{entry["size"]}', '"size":1e99').replace(f'"size": {entry["size"]}', '"size": -1'),
            'not utf-8': good.replace('schemaVersion', 'schema\xffVersion'),
            'nul tag': good.replace('"latest"', '"la\\u0000test"', 1),
            'data': json.dumps({'manifests': [dict(each, data='aGVsbG8=', urls=['http://x/']) for each in writer.entries]}),
            'artifact': json.dumps({'manifests': writer.entries, 'subject': entry, 'artifactType': 'x/y', 'annotations': {'a': 'b'}}),
            'foreign type': good.replace('"mediaType":"application/', '"mediaType":"x-application/').replace('"mediaType": "application/', '"mediaType": "x-application/'),
        }
        kind = self.rng.choice(sorted(odd))
        place.notes.append(kind)
        writer.index(last, odd[kind].encode('latin-1'))

    def _broken_blobs(self, place):
        writer, last = self._fill_sound(place, exports=self.rng.randint(1, 3), tags=self.rng.choice([('latest',), ('latest', 'v1')]))
        place.plain = False
        layout = Layout(place.path, Eyes(0))
        victims = sorted(layout.live & set(layout.blobs))
        for _ in range(self.rng.randint(1, 2)):
            victim = self.rng.choice(victims)
            path = os.path.join(writer.store, victim)
            kind = self.rng.choice(['missing', 'cut', 'longer', 'other', 'zeros', 'no JSON', 'link'])
            place.notes.append(f'{kind} {victim[:12]}')
            self._damage(path, kind)

    def _damage(self, path, kind):
        try:
            with open(path, 'rb') as file:
                data = file.read()
            st = os.stat(path)
        except OSError:
            return
        os.unlink(path)  # hard links keep theirs
        self.written.pop(os.path.basename(path), None)
        if kind == 'link':
            target = write(self.path('outside', os.path.basename(path)), data)
            os.symlink(target, path)
        elif kind != 'missing':
            bad = {'cut': data[:len(data) // 2], 'longer': data + b'x', 'other': bytes([data[0] ^ 1]) + data[1:],
                   'zeros': b'\0' * len(data), 'no JSON': b'{' * len(data)}[kind]
            write(path, bad)
            os.chmod(path, 0o444)
            os.utime(path, (st.st_mtime, st.st_mtime))

    def _interrupted(self, place):
        """What a first export leaves that never came to its end; or index.json is gone."""
        writer, last = self._fill_sound(place, exports=2)
        place.plain = False
        os.unlink(os.path.join(place.path, 'index.json'))
        if self.chance(0.5):
            place.notes.append('without manifests')
            for name in Layout(place.path, Eyes(0)).documents:
                os.unlink(os.path.join(writer.store, name))
        write(os.path.join(place.path, 'ingest/left/data'), b'half', last)
        age_tree(os.path.join(place.path, 'ingest'), last)

    def _deep(self, place):
        """300 levels of directories, as a leftover of an export, or in a directory that is no cache."""
        if self.chance(0.6):
            writer, last = self._fill_sound(place)
            del writer
            place.plain = False
            top = os.path.join(place.path, 'ingest/deep')
        else:
            last, top = self.old(), place.path
        os.makedirs(top)
        fd = os.open(top, os.O_RDONLY)
        for _ in range(300):
            os.mkdir('d' * 20, dir_fd=fd)
            below = os.open('d' * 20, os.O_RDONLY, dir_fd=fd)
            os.utime(fd, (last, last))
            os.close(fd)
            fd = below
        os.close(os.open('bottom', os.O_CREAT | os.O_WRONLY, dir_fd=fd))
        os.utime('bottom', (last, last), dir_fd=fd)
        os.utime(fd, (last, last))
        os.close(fd)
        os.utime(top, (last, last))

    def _gone(self, place):
        """Named like what bilge sets aside, and nobody's."""
        root = os.path.dirname(place.path)
        place.path = os.path.join(root, self.rng.choice(['.bilge-gone.web', '.bilge-gone.1234.api', '.bilge-aside', '.bilge-gone.']))
        if os.path.lexists(place.path):
            return False
        kind = self.rng.choice(['cache', 'thesis', 'file', 'link', 'empty'])
        place.notes.append(kind)
        if kind == 'cache':
            self._fill_sound(place)
            place.plain = False
        elif kind == 'thesis':
            write(os.path.join(place.path, 'thesis.txt'))
        elif kind == 'file':
            write(place.path)
        elif kind == 'link':
            os.symlink(self._outside_cache(), place.path)
        else:
            os.mkdir(place.path)
        return True

    def _outside_cache(self):
        outside = Place(self.path('outside', f'cache{self.rng.randrange(10**6)}'), 'outside')
        self._fill_sound(outside)
        return outside.path

    def _linked(self, place):
        """Symlinks in the place of parts, or of the whole."""
        kind = self.rng.choice(['whole', 'index.json', 'blobs', 'sha256', 'ingest', 'oci-layout'])
        place.notes.append(kind)
        if kind == 'whole':
            os.symlink(self._outside_cache() if self.chance(0.7) else self.path('outside'), place.path)
            return
        _, last = self._fill_sound(place, exports=2)
        place.plain = False
        part = os.path.join(place.path, 'blobs/sha256' if kind == 'sha256' else kind)
        target = self.path('outside', f'{kind}{self.rng.randrange(10**6)}')
        if not os.path.lexists(part):
            os.mkdir(part)
        os.rename(part, target)
        if kind == 'ingest':
            write(os.path.join(target, 'left/data'), b'thesis', last)
            age_tree(target, last)
        os.symlink(target, part)

    def _special(self, place):
        """FIFOs, sockets and devices where files should be."""
        writer, last = self._fill_sound(place, exports=2)
        place.plain = False
        where = self.rng.choice(['index.json', 'oci-layout', 'ingest/x', 'blobs/sha256/' + self.rng.randbytes(32).hex(),
                                 'index.json.lock', 'beside', 'live blob', 'blobs/sha256/x'])
        if where == 'live blob':
            where = 'blobs/sha256/' + self.rng.choice(sorted(Layout(place.path, Eyes(0)).live))
        del writer
        path = os.path.join(place.path, where)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        self.written.pop(os.path.basename(path), None)
        kind = self.rng.choice(['fifo', 'socket', 'device'])
        try:
            self._make_special(path, kind)
        except OSError:
            kind = 'fifo'
            os.mkfifo(path)
        os.utime(path, (last, last))
        place.notes.append(f'{kind} {where[:24]}')

    def _make_special(self, path, kind):
        if kind == 'device' and self.root_user:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        elif kind == 'socket':
            here = os.open(os.path.dirname(path), os.O_RDONLY)
            with socket.socket(socket.AF_UNIX) as sock:  # its path may be too long to bind to
                sock.bind(f'/proc/self/fd/{here}/{os.path.basename(path)[:60]}')
            os.close(here)
            made = os.path.join(os.path.dirname(path), os.path.basename(path)[:60])
            if made != path:
                os.rename(made, path)
        else:
            os.mkfifo(path)

    def _mounted(self, place):
        if not can_mount():
            self.skipped.add('mounts below caches')
            place.label = 'sound'
            return self._sound(place)
        writer, last = self._fill_sound(place, exports=2)
        place.plain = False
        where = self.rng.choice(['', 'blobs', 'blobs/sha256', 'ingest', 'ingest/left', 'extra', 'blobs/sha512', 'blob'])
        kind = 'tmpfs' if where and self.chance(0.2) else 'bind'
        if where == 'blob':
            where = 'blobs/sha256/' + writer.blob(self.rng.randbytes(100), last)['digest'][7:]
            source = write(self.path('outside', f'file{self.rng.randrange(10**6)}'))
            kind = 'bind'
        else:
            source = self._outside_cache() if self.chance(0.5) else self.path('outside')
            if where == 'blobs/sha256':
                source = os.path.join(self._outside_cache(), where)
            os.makedirs(os.path.join(place.path, where), exist_ok=True)
            age_tree(os.path.join(place.path, 'ingest'), last, keep_times=True)
        place.notes.append(f'{kind} at {where[:24]!r}')
        self.mounts.append((source, os.path.join(place.path, where) if where else place.path, kind))
        return True

    def _closed(self, place):
        """Parts that the user of bilge may not read."""
        if self.uid == 0:
            place.label = 'sound'
            return self._sound(place)
        writer, last = self._fill_sound(place, exports=self.rng.randint(1, 3))
        del last
        place.plain = False
        layout = Layout(place.path, Eyes(0))
        current = layout.entries[0][1]
        layers = sorted(set().union(*(export.layers for export in layout.exports)))
        part = self.rng.choice(['index.json', 'blobs', 'blobs/sha256', '', 'ingest', 'oci-layout', 'blobs/sha256/' + current,
                                'blobs/sha256/' + self.rng.choice(layers), 'blobs/sha256/' + self.rng.choice(layers),
                                'blobs/sha256/' + self.rng.choice(sorted(layout.blobs))])
        path = os.path.join(writer.path, part)
        if os.path.isfile(path) and os.stat(path).st_nlink > 1:  # not to close it to other places
            with open(path, 'rb') as file:
                data, times = file.read(), os.stat(path)
            os.unlink(path)
            write(path, data, times.st_mtime)
        self.written.pop(os.path.basename(path), None)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not os.path.lexists(path):
            os.mkdir(path)
        place.notes.append(f'closed {part[:24]!r}')
        self.closing = getattr(self, 'closing', [])
        self.closing.append((path, self.rng.choice([0o000, 0o400]) if os.path.isfile(path) else self.rng.choice([0o000, 0o700])))
        return True

    def _not_owned(self, place):
        """A sound cache in which another user owns a directory, so that part of it can't go."""
        if not self.root_user:
            self.skipped.add('directories of other users')
            place.label = 'sound'
            return self._sound(place)
        writer, last = self._fill_sound(place, exports=3)
        place.plain = self.uid == 0
        self.owned = getattr(self, 'owned', [])
        part = self.rng.choice(['', 'blobs', 'blobs/sha256', 'ingest', 'ingest/left'])
        if part.startswith('ingest'):
            write(os.path.join(writer.path, 'ingest/left/data'), b'half', last)
            age_tree(os.path.join(writer.path, 'ingest'), last)
        place.notes.append(f'not owned {part!r}')
        self.owned.append((os.path.join(place.path, part), self.rng.choice([0, OTHER]), self.chance(0.3)))
        return True

    # ---- what is added to a sound cache

    def _decorate(self, place, writer, last):
        adds = [(0.35, self._add_orphans), (0.3, self._add_leftover), (0.05, self._add_fresh_leftover), (0.04, self._add_fresh_blob),
                (0.07, self._add_stranger), (0.03, self._add_aside), (0.03, self._add_lock), (0.02, self._add_check),
                (0.03, self._add_wide_folder)]
        for probability, add in adds:
            if self.chance(probability):
                place.notes.append(add.__name__[5:])
                add(place, writer, last)

    def _add_orphans(self, place, writer, last):
        for _ in range(self.rng.randint(1, 3)):
            writer.blob(self.rng.randbytes(self.rng.randrange(0, 3000)), last - self.rng.uniform(10, 10000))
        age_tree(place.path, last, keep_times=True)

    def _add_leftover(self, place, writer, last):
        for _ in range(self.rng.randint(1, 2)):
            folder = os.path.join(writer.path, 'ingest', self.rng.randbytes(32).hex())
            for name in ('ref', 'startedat', 'updatedat', 'total', 'data'):
                write(os.path.join(folder, name), self.rng.randbytes(self.rng.randrange(0, 600)), last)
        age_tree(os.path.join(writer.path, 'ingest'), last)

    def _add_fresh_leftover(self, place, writer, last):
        place.plain = False
        write(os.path.join(writer.path, 'ingest', self.rng.randbytes(32).hex(), 'data'), b'under way', self.now - self.rng.uniform(0, 200))

    def _add_fresh_blob(self, place, writer, last):
        place.plain = False
        writer.blob(self.rng.randbytes(99), self.now - self.rng.uniform(0, 200))

    def _add_stranger(self, place, writer, last):
        place.plain = False
        name = self.rng.choice(['notes.txt', '.git/HEAD', 'node_modules/a/b.js', 'blobs/notes.txt', 'blobs/sha256/notes.txt',
                                'blobs/md5/1234', 'index.json.bak', 'blobs/sha256/' + 'AB' * 32, 'data/'])
        if name.endswith('/'):
            os.mkdir(os.path.join(writer.path, name))
        else:
            write(os.path.join(writer.path, name), when=last)

    def _add_aside(self, place, writer, last):
        place.plain = False
        write(os.path.join(writer.path, '.bilge-aside', self.rng.choice(['thesis.txt', 'ingest.thesis', self.rng.randbytes(32).hex()])), when=last)

    def _add_lock(self, place, writer, last):
        place.plain = False
        write(os.path.join(writer.path, 'index.json.lock'), b'', last)

    def _add_check(self, place, writer, last):
        place.plain = False
        os.mkdir(os.path.join(writer.path, '.fsverity-check-123'))

    def _add_wide_folder(self, place, writer, last):
        place.plain = False
        name = 'blobs/sha512/' + self.rng.randbytes(64).hex()
        write(os.path.join(writer.path, name), when=last)

    # ---- projects

    def _make_project(self):
        self.project = self.rng.choices(['good', 'none', 'failing'], [80, 12, 8])[0]
        write(self.path('cwd/Dockerfile'), 'FROM scratch\n')
        if self.project != 'none':
            write(self.path('cwd/compose.yml'), 'services: {}\n')
        if self.project == 'good':
            services = self._services(self._choose_places(0.55), 'services')
            write(self.path('cwd/answer.json'), dump({'name': 'shop', 'services': services}))
        write(self.path('other/compose.yml'), 'services: {}\n')
        services = self._services([place for place in self._choose_places(0.4) if not place.services], 'others')
        write(self.path('other/answer.json'), dump({'name': 'bank', 'services': services}))

    def _choose_places(self, probability):
        """A name that is no UTF-8 can't stand in a compose file."""
        return [place for place in self.places if place.label not in ('gone', 'root') and self.chance(probability)
                and '\udce9' not in place.path]

    def _services(self, places, owner):
        services = {}
        for number, place in enumerate(places):
            name = self.rng.choice(['api', 'web', 'worker', 'svc', 'a.b']) + (str(number) if number else '')
            if self.chance(0.3) and place.name.isalnum() and place.name.isascii():
                name = place.name
            for each in [name, name + '-twin'] if self.chance(0.15) else [name]:  # sometimes two in one directory
                services[each] = {'build': {'context': self.path('cwd'), 'dockerfile': 'Dockerfile'}}
                getattr(place, owner).add(each)
                self.fresh = None  # the other directory of a rotation
                writes, tag = self._give_caches(services[each]['build'], place)
                if owner == 'services':
                    place.users.append((each, writes, tag))
                if self.fresh is not None:
                    getattr(self.fresh, owner).add(each)
                    self.fresh.users += [(each, True, 'latest')] if owner == 'services' else []
        if self.chance(0.3):
            services['db'] = {'image': 'postgres'}
        if self.chance(0.2):
            services['fresh'] = {'build': {'context': '.', 'cache_to': [f'type=local,dest={self.folders[0]}/never-built']}}
        return services

    def _give_caches(self, build, place):
        """Writes cache_to and cache_from; returns whether the place is written to, and its tag."""
        path = self._as_given(place.path)
        tag = self.rng.choice(['latest', 'latest', 'v1', 'main'])
        told = '' if tag == 'latest' else f',tag={tag}'
        src = self._attributes('src', path) + told
        form = self.rng.choice(['both', 'both', 'to', 'from', 'rotated'])
        if form == 'rotated':
            build['cache_to'] = [self._attributes('dest', path + '-new')]
            if place.label == 'sound' and self.chance(0.4) and not os.path.lexists(place.path + '-new'):
                self.fresh = Place(place.path + '-new', 'rotated')
                self._fill_sound(self.fresh)
                self.places.append(self.fresh)
        if form in ('both', 'to'):
            build['cache_to'] = [self._attributes('dest', path) + self.rng.choice(['', ',mode=max']) + told]
        if form in ('both', 'from', 'rotated'):
            build['cache_from'] = [src] + self.rng.choice([[], ['type=registry,ref=registry.example.com/x']])
        return form in ('both', 'to'), tag

    def _attributes(self, key, path):
        text = path.encode('utf-8', 'surrogateescape').decode('utf-8', 'replace').replace('$', '$$')
        if any(sign in text for sign in ',"\n'):
            return 'type=local,"' + f'{key}={text}'.replace('"', '""') + '"'
        return f'type=local,{key}={text}'

    def _as_given(self, path):
        """Sometimes relative to the working directory, sometimes by the symlink of the root."""
        if self.roots[0] != self.folders[0] and path.startswith(self.folders[0] + '/'):
            return self.roots[0] + path[len(self.folders[0]):]
        if self.chance(0.15):
            return os.path.relpath(path, self.path('cwd'))
        return path

    # ---- the rest

    def _plant(self):
        """As root: in a sticky directory another user has put a symlink at the name of the root."""
        if self.uid != 0 or not self.root_user or not self.chance(0.04):
            return
        victim = Place(self.path('outside', 'victim'), 'planted')
        self._fill_sound(victim)
        inner = Place(self.path('outside', 'victim', 'api'), 'planted')
        self._fill_sound(inner)
        os.mkdir(self.path('sticky'))
        os.chmod(self.path('sticky'), 0o1777)
        os.symlink(self.path('outside', 'victim'), self.path('sticky/docker-cache'))
        os.lchown(self.path('sticky/docker-cache'), OTHER, OTHER)
        self.roots = [self.path('sticky/docker-cache')]
        self.ruined = 'planted'

    def _build_somewhere(self):
        """A building client among the processes makes every cache busy."""
        self.building = self.chance(0.03)
        if self.building:
            write(self.path('proc/4711/cmdline'), b'docker\0compose\0build\0api\0')

    def _hand_over(self):
        """Gives the world to the user that bilge runs as, but for what is another's or closed."""
        if self.root_user and self.uid != 0:
            self._give(self.base, self.uid)
        elif self.root_user:
            for place in self.places:
                if self.chance(0.15) and place.label in ('sound', 'tags', 'image', 'foreign'):
                    place.notes.append('of another user')
                    self._give(place.path, OTHER)
        for path, uid, strict in getattr(self, 'owned', []):
            os.lchown(path, uid, uid)
            os.chmod(path, 0o700 if strict else 0o755)
        for path, mode in getattr(self, 'closing', []):
            if self.root_user:
                os.lchown(path, 0, 0)
            os.chmod(path, mode)

    def _give(self, path, uid):
        for _, folders, files, fd in os.fwalk(path):  # a deep tree has no path
            for name in folders + files:
                os.chown(name, uid, uid, dir_fd=fd, follow_symlinks=False)
        os.lchown(path, uid, uid)

    def _mount_all(self):
        for source, target, kind in self.mounts:
            if kind == 'tmpfs':
                code = libc.mount(b'bilge-test', os.fsencode(target), b'tmpfs', 0, b'size=1m,mode=755')
            else:
                code = libc.mount(os.fsencode(source), os.fsencode(target), None, MS_BIND, None)
            if code != 0:
                raise OSError(ctypes.get_errno(), f'mounting at {target}')
            if kind == 'tmpfs':
                write(os.path.join(target, 'thesis.txt'))
                age_tree(target, self.now - DAY)

    @property
    def mount_points(self):
        return {target for _, target, _ in self.mounts}

    def unmount(self):
        """Also what went elsewhere with the directory that it was mounted in."""
        with open('/proc/self/mountinfo', 'rb') as file:
            targets = [re.sub(rb'\\([0-7]{3})', lambda match: bytes([int(match[1], 8)]), line.split()[4]) for line in file]
        for target in reversed(targets if self.mounts else []):
            if target.startswith(os.fsencode(self.base) + b'/'):
                libc.umount2(target, MNT_DETACH)

    # ---- for the judge

    def layouts(self):
        """Every place as it is now, by path."""
        return {place.path: Layout(place.path, self.eyes, self.mount_points) for place in self.places}

    KINDS = {
        'sound': ('cache',), 'tags': ('cache',), 'shrunken': ('cache',), 'rotated': ('cache',), 'not_owned': ('cache', 'unreadable'),
        'mixed': ('mixed',), 'image': ('foreign',), 'empty': ('empty',), 'foreign': ('foreign', 'file', 'twisted'), 'broken_index': ('broken', 'odd'),
        'odd_index': ('cache', 'odd', 'broken'), 'broken_blobs': ('cache', 'lost', 'odd'), 'interrupted': ('cache', 'foreign'),
        'closed': ('cache', 'unreadable'),
    }

    def misread(self):
        """Places that are read as something else than what was made: one of the two is wrong."""
        layouts = self.layouts()
        odd = [place for place in self.places if layouts[place.path].kind not in self.KINDS.get(place.label, (layouts[place.path].kind,))]
        odd += [place for place in self.places if place.plain and layouts[place.path].whole_entries() != layouts[place.path].entries]
        return [f'{place!r} is read as {layouts[place.path].kind}: {layouts[place.path].why}' for place in odd]

    def place_of(self, path):
        """The innermost place that holds the path; None: no place does."""
        best = None
        for place in self.places:
            if (path == place.path or path.startswith(place.path + '/')) and (best is None or len(place.path) > len(best.path)):
                best = place
        return best

    def describe(self):
        user = {0: 'root', NOBODY: 'nobody'}.get(self.uid, self.uid)
        lines = [f'seed {self.seed}, bilge runs as {user}, project {self.project}, roots {self.roots}']
        return '\n'.join(lines + [f'  {place!r}' for place in self.places])
