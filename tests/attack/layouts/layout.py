"""Reads a directory the way the OCI image-spec and BuildKit describe a local cache.

Nothing here comes from bilge's core: this is the second reading that the judge (judge.py) holds against what bilge did.

    oci-layout, index.json       index.json names manifests; several tags may be there
    blobs/sha256/<64 hex>        manifests, configs, layers
    ingest/<name>/...            writes under way, or left over from an interrupted export

Sources: OCI image-spec (image-layout, descriptor, index, manifest), BuildKit cache/remotecache/v1, client/ociindex.
"""
import hashlib
import json
import os
import re
import stat
import time

CACHE_CONFIG = 'application/vnd.buildkit.cacheconfig.v0'
DOCUMENT_MAX = 4 << 20
GRACE_S = 600
TAG = 'org.opencontainers.image.ref.name'
HEX_NAME = re.compile(r'[0-9a-f]{64}\Z')
DIGEST = re.compile(r'sha256:([0-9a-fA-F]{64})')
PARTS = ('oci-layout', 'index.json', 'index.json.lock', 'blobs', 'ingest')


class Unreadable(Exception):
    """The user that bilge runs as may not read this."""


class Damaged(Exception):
    """It was read, and it is not what it should be."""


class Eyes:
    """What a user may read: root everything, others by owner and mode."""

    def __init__(self, uid, gid=None):
        self.uid = uid
        self.gid = uid if gid is None else gid

    def may(self, st, bits):
        if self.uid == 0:
            return True
        shift = 6 if st.st_uid == self.uid else 3 if st.st_gid == self.gid else 0
        return (st.st_mode >> shift) & bits == bits

    def read(self, path):
        """The bytes of a regular file; what is no regular file is damaged."""
        st = os.lstat(path)
        if not stat.S_ISREG(st.st_mode):
            raise Damaged(f'{path} is no regular file')
        if not self.may(st, 4):
            raise Unreadable(path)
        with open(path, 'rb') as file:
            return file.read(DOCUMENT_MAX + 1)

    def list(self, path):
        """The entries of a directory with what they are; None when there is no such directory."""
        try:
            st = os.lstat(path)
        except FileNotFoundError:
            return None
        if not stat.S_ISDIR(st.st_mode):
            raise Damaged(f'{path} is no directory')
        if not self.may(st, 5):
            raise Unreadable(path)
        return {name: os.lstat(os.path.join(path, name)) for name in os.listdir(path)}


def parse(data):
    """JSON as a strict reader takes it: no NaN, one document. What is no UTF-8 is replaced, as in Go."""
    if len(data) > DOCUMENT_MAX:
        raise Damaged('larger than 4 MiB')

    def refuse(word):
        raise ValueError(word)

    try:
        return json.loads(data.decode('utf-8', 'replace'), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Damaged(f'no JSON: {error}') from error


def digests_in(value):
    """Every digest that stands anywhere in a parsed document, keys included."""
    found, todo = set(), [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            todo.extend(item.keys())
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
        elif isinstance(item, str):
            found.update(match.lower() for match in DIGEST.findall(item))
    return found


def descriptors_of(document):
    """The descriptors of an index or a manifest, or None when it is neither."""
    if not isinstance(document, dict):
        return None
    lists = [document[key] for key in ('manifests', 'layers') if isinstance(document.get(key), list)]
    found = [item for items in lists for item in items]
    if not lists or (found and not any(isinstance(item, dict) and 'digest' in item for item in found)):
        return None  # a cache config has layers, too, and they have no digests
    if isinstance(document.get('config'), dict):
        found.append(document['config'])
    return [item for item in found if isinstance(item, dict)]


def hex_of(descriptor):
    digest = descriptor.get('digest')
    if isinstance(digest, str) and digest.startswith('sha256:') and HEX_NAME.match(digest[7:]):
        return digest[7:]
    return None


class Export:
    """One manifest on disk and all that it reaches."""

    def __init__(self, manifest):
        self.manifest = manifest
        self.blobs = {manifest}
        self.layers = set()
        self.whole = True
        self.cache = False
        self.when = 0.0


class Layout:
    """One directory, read."""

    def __init__(self, path, eyes, mounts=()):
        self.path, self.eyes, self.mounts = path, eyes, mounts
        self.kind, self.why = 'missing', None
        self.blobs = {}       # hex: lstat, of regular files
        self.documents = {}   # hex: parsed JSON of the blobs that are manifests
        self.closed = set()   # hex: blobs that can't be read
        self.index = None     # parsed
        self.entries = []     # (tag, hex) of index.json, in order
        self.understood = False  # every entry of index.json is a plain descriptor
        self.live = set()     # hex: all that index.json leads to, or mentions
        self.exports = []     # newest first
        self.strangers = set()  # below path, no part of a layout
        self.ingest = {}      # name: newest mtime in it
        self.busy = None
        self.exported_at = 0  # the last export; without index.json, the newest thing that is there
        self._damage = None
        try:
            self._read()
        except Unreadable as error:
            self.kind, self.why = 'unreadable', str(error)
        except FileNotFoundError:
            self.kind = 'missing'

    # ---- reading

    def _read(self):
        st = os.lstat(self.path)
        if stat.S_ISLNK(st.st_mode):
            self.kind = 'symlink'
            return
        if not stat.S_ISDIR(st.st_mode):
            self.kind = 'file'
            return
        if any(os.path.join(self.path, part) in self.mounts for part in ('', 'blobs', 'blobs/sha256')) \
                or self.path in self.mounts:
            self.kind = 'mount'
            return
        top = self.eyes.list(self.path)
        self._find_strangers(top)
        if self._has_no_file(self.path):
            self.kind = 'empty'
            return
        twisted = [name for name, wanted in (('blobs', stat.S_ISDIR), ('index.json', stat.S_ISREG))
                   if name in top and not wanted(top[name].st_mode)]
        store = os.path.join(self.path, 'blobs/sha256')
        if not twisted and os.path.lexists(store) and not stat.S_ISDIR(os.lstat(store).st_mode):
            twisted = ['blobs/sha256']
        if twisted:
            self.kind, self.why = 'twisted', twisted[0]
            return
        self._read_blobs()
        self._read_ingest()
        self._read_index('index.json' in top)
        self._date(top)
        self._find_exports()
        self._decide(top)

    def _find_strangers(self, top):
        for name in top:
            if name not in PARTS and not name.startswith('.fsverity-check-'):
                self.strangers.add(name)
        for folder, known in (('blobs', lambda name: name == 'sha256'), ('blobs/sha256', HEX_NAME.match)):
            try:
                inside = self.eyes.list(os.path.join(self.path, folder)) or {}
            except Damaged:
                inside = {}
            for name, st in inside.items():
                fits = known(name) and (folder == 'blobs' or stat.S_ISREG(st.st_mode))
                if not fits:
                    self.strangers.add(f'{folder}/{name}')

    def _has_no_file(self, path):
        for name, st in self.eyes.list(path).items():
            below = os.path.join(path, name)
            if not stat.S_ISDIR(st.st_mode) or below in self.mounts or len(below) > 3000 or not self._has_no_file(below):
                return False
        return True

    def _read_blobs(self):
        folder = os.path.join(self.path, 'blobs/sha256')
        try:
            inside = self.eyes.list(folder) or {}
        except Damaged as error:
            self._damage = str(error)
            inside = {}
        for name, st in inside.items():
            if not HEX_NAME.match(name) or not stat.S_ISREG(st.st_mode):
                continue
            self.blobs[name] = st
            if not self.eyes.may(st, 4):
                self.closed.add(name)
            elif st.st_size <= DOCUMENT_MAX:
                self._read_document(folder, name)

    def _read_document(self, folder, name):
        with open(os.path.join(folder, name), 'rb') as file:
            data = file.read(1)
            if data != b'{':
                return
            data += file.read()
        try:
            document = parse(data)
        except Damaged:
            return
        if descriptors_of(document) is not None:
            self.documents[name] = document

    def _read_ingest(self):
        folder = os.path.join(self.path, 'ingest')
        try:
            inside = self.eyes.list(folder) or {}
        except Damaged:
            inside = {}
        for name, st in inside.items():
            newest = st.st_mtime
            below = os.path.join(folder, name)
            if stat.S_ISDIR(st.st_mode) and below not in self.mounts and self.eyes.may(st, 5):
                newest = max([newest] + [os.lstat(os.path.join(below, each)).st_mtime for each in os.listdir(below)])
            self.ingest[name] = newest

    def _read_index(self, is_there):
        if not is_there:
            return
        data = self.eyes.read(os.path.join(self.path, 'index.json'))
        self.live = {match.decode().lower() for match in re.findall(rb'sha256:([0-9a-fA-F]{64})', data)}
        try:
            self.index = parse(data)
        except Damaged as error:
            self._damage = str(error)
            return
        entries = self.index.get('manifests') if isinstance(self.index, dict) else None
        self.live |= digests_in(self.index)
        self.live = self.reach(self.live)
        if entries is None and isinstance(self.index, dict) and 'manifests' in self.index:
            entries = []  # Go writes null for an empty list
        if not isinstance(entries, list):
            self._damage = 'index.json is no index'
            return
        plain = [entry for entry in entries if isinstance(entry, dict) and hex_of(entry)]
        self.understood = len(plain) == len(entries)
        for entry in plain:
            notes = entry.get('annotations')
            tag = notes.get(TAG) if isinstance(notes, dict) else None
            self.entries.append((tag, hex_of(entry), entry))

    def reach(self, names):
        """These digests, and all that the documents among them lead to."""
        found, todo = set(names), list(names)
        while todo:
            for each in digests_in(self.documents.get(todo.pop(), {})):
                if each not in found:
                    found.add(each)
                    todo.append(each)
        return found

    def _find_exports(self):
        inner = set()
        for document in self.documents.values():
            inner |= {hex_of(item) for item in descriptors_of(document)}
        named = {name for _, name, _ in self.entries}
        for name in self.documents:
            if name not in inner or name in named:
                self.exports.append(self._export(name))
        self.exports.sort(key=lambda export: -export.when)

    def _export(self, name):
        export = Export(name)
        export.when = self.blobs[name].st_mtime
        todo = [name]
        while todo:
            for item in descriptors_of(self.documents[todo.pop()]):
                each = hex_of(item)
                if each is None:
                    export.whole = False
                    continue
                export.cache |= item.get('mediaType') == CACHE_CONFIG
                size = item.get('size')
                if each not in self.blobs or (isinstance(size, int) and self.blobs[each].st_size != size):
                    export.whole = False
                if each in export.blobs:
                    continue
                export.blobs.add(each)
                if 'layer' in str(item.get('mediaType')) or 'diff.tar' in str(item.get('mediaType')):
                    export.layers.add(each)
                if each in self.documents:
                    todo.append(each)
        return export

    # ---- deciding

    def _decide(self, top):
        caches = [export for export in self.exports if export.cache]
        named = {name for _, name, _ in self.entries}
        closed = [name for name in named if name in self.closed]
        for export in self.exports:
            closed += [name for name in export.blobs & self.closed if name not in export.layers]
        self._look_for_signs(top)
        if 'index.json' not in top and not self.blobs:
            self.kind = 'foreign'
        elif closed:
            self.kind, self.why = 'unreadable', closed[0]
        elif self._damage is not None:
            self.kind, self.why = ('broken' if caches else 'foreign'), self._damage
        elif not caches:
            self.kind = 'lost' if any(name not in self.documents for name in named) else 'foreign'
        elif any(not export.cache for export in self.exports if export.manifest in named):
            self.kind = 'mixed'
        elif not self.understood and self.index is not None:
            self.kind, self.why = 'odd', 'an entry of index.json is no plain descriptor'
        else:
            self.kind = 'cache'

    def _look_for_signs(self, top):
        now = time.time()
        exported = top['index.json'].st_mtime if 'index.json' in top else 0
        for name, when in self.ingest.items():
            if abs(now - when) < GRACE_S:
                self.busy = f'ingest/{name}'
        for name, st in self.blobs.items():
            if st.st_mtime > exported and abs(now - st.st_mtime) < GRACE_S:
                self.busy = f'blob {name[:12]}'

    def _date(self, top):
        times = [st.st_mtime for st in self.blobs.values()] + list(self.ingest.values())
        self.exported_at = top['index.json'].st_mtime if 'index.json' in top else max(times, default=0)

    # ---- questions

    def damaged_blobs(self):
        """Blobs whose content is not what their name says. Reads them all."""
        bad = set()
        for name in self.blobs:
            with open(os.path.join(self.path, 'blobs/sha256', name), 'rb') as file:
                if hashlib.sha256(file.read()).hexdigest() != name:
                    bad.add(name)
        return bad

    def whole_entries(self, bad=frozenset()):
        """The entries of index.json whose export is on disk with nothing missing or damaged."""
        whole = {export.manifest for export in self.exports if export.whole and not export.blobs & bad}
        return [entry for entry in self.entries if entry[1] in whole]

    def old_exports(self):
        """Superseded exports, newest first."""
        named = {name for _, name, _ in self.entries}
        return [export for export in self.exports if export.manifest not in named]

    def fuller(self):
        """The blobs of the newest superseded export when a current one is a shrunken copy of it."""
        old = self.old_exports()[:1]
        current = [export for export in self.exports if export not in self.old_exports()]
        if old and old[0].whole and any(export.layers < old[0].layers for export in current):
            return old[0].blobs
        return set()
