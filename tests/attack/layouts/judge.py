"""Says whether what a command did to a world was allowed. It looks at the disk before and after, at what the command
said, and at its own reading of each directory (layout.py); it knows nothing of how bilge works."""
import collections
import hashlib
import json
import os
import re
import stat
import time

from layout import Damaged, Eyes, hex_of, parse

DAY = 86400

PROPERTIES = {
    'outside': 'nothing outside the cache roots changes',
    'look': 'status, verify, --dry-run, --read-only and usage errors change nothing',
    'live': 'no blob that a current export needs goes or changes',
    'foreign': 'images and other directories that are no cache stay byte for byte',
    'unsure': 'what is broken or could not be read is left alone',
    'stranger': 'files in a cache directory that are no part of the cache stay',
    'mount': 'mount points and symlinks are never crossed',
    'aside': 'what is only named like a leftover of bilge stays',
    'busy': 'a cache that a build may be writing to is left alone',
    'whole': 'a whole cache goes only when it is named, abandoned, or allowed to',
    'kept': 'the exports that are to be kept stay, and what a shrunken one has lost',
    'plan': 'only items of the plan go, and the bytes that it says',
    'index': 'index.json names only whole exports and loses no tag that was whole',
    'left': 'exit 0 leaves nothing behind and 2 touches nothing',
    'words': 'the exit status and the JSON are true',
    'does': 'what is plainly garbage, or plainly asked for, goes',
    'rows': 'status and verify say what is there',
    'ends': 'every command ends, without a crash',
}


class File:
    """One path as it is on the disk."""

    def __init__(self, path, st):
        self.st = st
        self.id = (st.st_dev, st.st_ino)
        self.kind = stat.S_IFMT(st.st_mode)
        self.content = None
        if stat.S_ISLNK(st.st_mode):
            self.content = os.readlink(path)
        elif stat.S_ISREG(st.st_mode):
            try:
                with open(path, 'rb') as file:
                    self.content = hashlib.sha256(file.read()).digest()
            except PermissionError:  # not root, and closed to us: then its times must tell
                self.content = (st.st_size, st.st_mtime_ns, st.st_ctime_ns)

    def is_dir(self):
        return self.kind == stat.S_IFDIR


def snapshot(base, leave_out):
    """Every path below base. Goes by descriptors: there may be more levels than a path can name."""
    found = {}

    def look(folder_fd, folder, depth):
        for name in os.listdir(folder_fd):
            path = os.path.join(folder, name)
            if path in leave_out:
                continue
            try:
                found[path] = File(f'/proc/self/fd/{folder_fd}/{name}', os.lstat(name, dir_fd=folder_fd))
            except FileNotFoundError:
                continue
            if found[path].is_dir():
                try:
                    below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder_fd)
                except PermissionError:
                    continue
                try:
                    look(below, path, depth + 1)
                finally:
                    os.close(below)

    top = os.open(base, os.O_RDONLY | os.O_DIRECTORY)
    try:
        look(top, base, 0)
    finally:
        os.close(top)
    return found


class Ran:
    """What came of one call."""

    def __init__(self, status, out, err, timed_out):
        self.status, self.timed_out = status, timed_out
        self.out, self.err = out, err
        self.object = None
        try:
            self.object = json.loads(out.decode('utf-8'))
        except ValueError:
            pass


class Judge:
    def __init__(self, world, command):
        self.world, self.command = world, command
        self.findings = []  # (property, text)

    def find(self, name, text):
        self.findings.append((name, text))

    def look_before(self):
        self.now = time.time()
        self.layouts = self.world.layouts()
        self.bad = {}
        if self.command.verb == 'repair':
            for path, layout in self.layouts.items():
                self.bad[path] = layout.damaged_blobs() if layout.blobs and layout.kind != 'unreadable' else set()
        self.before = self._snapshot()

    def _snapshot(self):
        return snapshot(self.world.base, {self.world.path(name) for name in ('home', 'bin', 'tmp')})

    def judge(self, ran):
        self.ran = ran
        self.after = self._snapshot()
        if self._ended():
            self._exit_status()
            self._judge_paths()
            self._judge_index()
            self._judge_plan()
            self._judge_deeds()
            self._judge_rows()
        return self.findings

    # ---- what the call was

    def _ended(self):
        ran = self.ran
        if ran.timed_out:
            self.find('ends', 'it did not end in time')
        elif ran.status < 0 or ran.status in (134, 139):
            self.find('ends', f'it died: status {ran.status}, {ran.err[-300:]!r}')
        elif b'Sanitizer' in ran.err or b'runtime error:' in ran.err:
            self.find('ends', f'a sanitizer has something to say: {ran.err[:600]!r}')
        return not ran.timed_out

    def _exit_status(self):
        command, ran = self.command, self.ran
        if ran.status not in (0, 1, 2, 3) and ran.status >= 0:
            self.find('words', f'exit status {ran.status}')
        refused = (1, 2) if '--read-only' in command.words else (2,)
        if command.usage and ran.status not in refused:
            self.find('words', f'exit status {ran.status} where the words make no sense')
        if ran.status == 2 and not command.usage and not self._may_be_usage():
            self.find('words', f'exit status 2 for words that make sense: {ran.err[-200:]!r}')
        if ran.status == 0 and self._lacks_a_root():
            self.find('words', 'exit status 0, and a root that was named can not be looked at')
        if ran.status == 2 and not ran.err:
            self.find('words', 'exit status 2 without a word')
        if command.json and ran.status != 2 and ran.object is None and (ran.out or ran.status == 0):
            self.find('words', f'--json printed no JSON: {ran.out[:200]!r}')
        if ran.status == 2 and ran.out and command.json:
            self.find('words', 'exit status 2 with an object')
        self._failures()

    def _lacks_a_root(self):
        """One that was named and is not there, is no directory, or is a symlink that another user planted."""
        words = self.command.words
        named = [words[number + 1] for number, word in enumerate(words) if word == '--cache-root']
        return any(not os.path.isdir(root) for root in named) and not self.command.services and not self.command.ids \
            or (self.world.ruined == 'planted' and self.command.rooted)

    def _may_be_usage(self):
        """A name that nobody has, or several have; nothing to restore; ids that are gone."""
        command = self.command
        if command.verb == 'restore' or self.world.ruined is not None or any(place.label == 'root' for place in self.world.places):
            return True  # below a root that is a cache itself nothing has a name
        known = [place for name in command.services for place in self._named(name)]
        readers = any(name in place.services and name not in self._sharers(place) for name in command.services for place in known)
        # What a cache of the project lies in directly is a root, and no service of its own.
        inner = any(os.path.dirname(other.path) == place.path and other.services
                    for place in known for other in self.world.places)
        unseen = not command.rooted and any(not place.services for place in known)  # below no root of the project
        alike = any(place.name in command.services and place not in known for place in self.world.places)
        linked = inner or readers or unseen or alike or any(os.path.islink(root) for root in self.world.roots) and any('/' in name for name in command.services)
        return bool(command.ids) or (command.services != [] and len(known) != len(command.services)) or linked or any(
            self.layouts[place.path].kind in ('missing', 'file') or place.label == 'gone' for place in known)

    def _failures(self):
        said = self.ran.object if isinstance(self.ran.object, dict) else {}
        failed = said.get('failed', []) + [item for item in said.get('items', []) if item.get('error')]
        if self.ran.status == 0 and failed and not said.get('dry_run'):
            self.find('words', f'exit status 0, and {failed[:2]} failed')
        if self.ran.status in (1, 3) and not failed and not self.ran.err and not self._is_told_otherwise(said):
            self.find('words', f'exit status {self.ran.status} without a word')

    def _is_told_otherwise(self, said):
        """By problems of verify, by what guard or --free could not reach."""
        if not self.command.json:
            return self.ran.out != b''
        problems = any(row.get('problems') for row in said.get('services', []) if isinstance(row, dict))
        missing = any(disk.get('missing') for disk in said.get('disk', []))
        return problems or missing or said.get('planned', 0) < said.get('wanted', 0)

    # ---- which directories are meant

    def _named(self, name):
        """Places that a name stands for: those of the project's service, else directories of that name."""
        places = [place for place in self.world.places
                  if place.services or os.path.dirname(place.path) in self.world.folders or place.label == 'root']
        own = [place for place in places if name in place.services]
        by_path = [place for place in places if place.path == name]
        return by_path or own or [place for place in places if place.name == name and not place.services]

    def _is_meant(self, place):
        return any(place in self._named(name) for name in self.command.services)

    def _is_abandoned(self, place, layout):
        world = self.world
        if world.project == 'failing' or place.services or (place.others and world.known):
            return False
        return self.now - layout.exported_at > self.command.abandoned_s

    def _older(self, layout):
        return self.command.older_s is None or self.now - layout.exported_at > self.command.older_s

    def _may_go_whole(self, place, layout):
        command = self.command
        if layout.kind not in ('cache', 'empty', 'broken', 'odd') or place.planted or place.label == 'gone':
            return False
        if (self._is_busy(layout) and not command.now) or not self._older(layout):
            return False
        if command.verb == 'service':
            return self._is_meant(place) and not self._others_who_use(place)
        if command.verb == 'all':
            return True
        if command.verb == 'repair':
            return self._may_repair_away(place, layout)
        if layout.kind != 'cache':
            return False
        if command.verb in ('older', 'free', 'guard'):
            return self._is_abandoned(place, layout) or (command.live and bool(place.services))
        return False

    def _sharers(self, place):
        """Whose cache it is: the services that write to it, else those that read it."""
        return {name for name, _, _ in [user for user in place.users if user[1]] or place.users}

    def _others_who_use(self, place):
        if place.path in self.command.services:
            return set()
        return self._sharers(place) - set(self.command.services)

    def _may_be_dropped(self, place, layout):
        """Entries of index.json that go alone: tags of nobody but the named, or manifests that were asked for."""
        sharers = [user for user in place.users if user[1]] or place.users
        dropped = set()
        for tag, manifest, _ in layout.entries:
            owners = {name for name, _, each in sharers if each == tag}
            mine = self.command.verb == 'service' and owners and owners <= set(self.command.services)
            if mine or (self.command.verb == 'id' and manifest in self.command.ids):
                dropped.add(manifest)
        rest = [manifest for _, manifest, _ in layout.entries if manifest not in dropped]
        usable = layout.kind == 'cache' and self._is_whole(layout) and (not self._is_busy(layout) or self.command.now)
        return dropped if rest and usable and not place.planted and place.label != 'gone' else set()

    def _is_busy(self, layout):
        return layout.busy is not None or self.world.building

    # ---- every path

    def _judge_paths(self):
        gone = [path for path in self.before if path not in self.after]
        for path in gone:
            self._judge_gone(path)
        for path in self.after:
            if path not in self.before:
                self._judge_new(path)
        for path, old in self.before.items():
            if path in self.after:
                self._judge_changed(path, old, self.after[path])
        self.gone = gone

    def _judge_gone(self, path):
        reason = self.why_must_stay(path)
        if reason is not None:
            self.find(reason, f'is gone: {self._short(path)}{self._about(path)}')
        elif self.ran.status == 2:
            self.find('left', f'exit status 2, and it is gone: {self._short(path)}')

    def _short(self, path):
        return os.fsencode(os.path.relpath(path, self.world.base)).decode('utf-8', 'backslashreplace')[:300]

    def _about(self, path):
        place = self.world.place_of(path)
        if place is None:
            return ''
        layout = self.layouts[place.path]
        owner = 'its own' if place.services else "another project's" if place.others else 'nobody\'s'
        days = (self.now - layout.exported_at) / DAY
        return f' ({place.label} {place.notes} of {owner} project, {days:.1f} days old, read as {layout.kind}: {layout.why})'

    def why_must_stay(self, path):
        """The property that would be broken if it went; None: it may go."""
        world, command = self.world, self.command
        place = world.place_of(path)
        if any(path == target or path.startswith(target + '/') for target in world.mount_points):
            return 'mount'
        if command.verb == 'read':
            return 'look'
        if place is None:
            inner = path in world.folders and command.verb == 'all'  # a root in a root, and empty
            return None if inner and not any(each.startswith(path + '/') for each in self.before) else 'outside'
        if place.planted:
            return 'outside'
        if place.label == 'gone':
            return None if self._is_in_use_by_bilge(place) else 'aside'
        layout = self.layouts[place.path]
        outer = [each for each in world.places if each is not place and path.startswith(each.path + '/')]
        if any(self._may_go_whole(each, self.layouts[each.path]) for each in outer) and not place.services:
            return None  # a cache inside a cache is part of it
        return self._why_in_place(path, place, layout)

    def _is_in_use_by_bilge(self, place):
        """Directly in a cache, which a root may be itself, an empty .bilge-aside is one that a removal made."""
        above, name = os.path.split(place.path)
        caches = [each for each in self.world.places if each.path == above and self.layouts[above].kind == 'cache']
        return name == '.bilge-aside' and caches != [] and not any(each.startswith(place.path + '/') for each in self.before)

    def _why_in_place(self, path, place, layout):
        below = os.path.relpath(path, place.path)
        if layout.kind in ('symlink', 'mount', 'twisted'):
            return 'mount'
        if layout.kind in ('foreign', 'mixed', 'file', 'missing', 'lost'):
            return None if self._is_begun(place, layout) else 'foreign'
        if layout.kind == 'unreadable':
            return 'unsure'
        if below.split('/')[0] == '.bilge-aside':  # what looks as if bilge had made it may be finished, or put back
            return 'aside' if self._is_nobodys_aside(place) else None
        if self._is_busy(layout) and not self.command.now:
            return 'busy'
        whole = self._may_go_whole(place, layout)
        beside = {each for each in layout.strangers if each != '.bilge-aside' and not (whole and each.startswith('blobs/'))}
        if any(below == each or below.startswith(each + '/') for each in beside):
            return 'stranger'
        if whole:
            return 'stranger' if beside and below == '.' else None
        return self._why_in_parts(below, place, layout)

    def _is_begun(self, place, layout):
        """What is left of an export into a directory of the project may go with it, though it is no cache (any more)."""
        asked = self.command.verb == 'all' or (self.command.verb == 'service' and self._is_meant(place))
        return (place.label == 'interrupted' or layout.kind == 'lost') and bool(place.services) and asked and not self._is_busy(layout)

    def _is_nobodys_aside(self, place):
        names = os.listdir(os.path.join(place.path, '.bilge-aside')) if os.path.isdir(os.path.join(place.path, '.bilge-aside')) \
            else [os.path.basename(path) for path in self.before if path.startswith(os.path.join(place.path, '.bilge-aside') + '/')]
        return any(not re.fullmatch(r'[0-9a-f]{64}|ingest\..+', name) for name in names)

    def _why_in_parts(self, below, place, layout):
        """A part of a cache that does not go as a whole."""
        parts = below.split('/')
        verb = self.command.verb
        if verb == 'repair':
            return self._why_in_repair(parts, place, layout)
        if parts[:2] == ['blobs', 'sha256'] and len(parts) == 3 and self._went_with_its_tag(parts[2], place, layout):
            return None
        if verb not in ('garbage', 'older', 'free', 'guard', 'all', 'id') or below in ('.', 'blobs', 'blobs/sha256', 'ingest') or parts[0] in (
                'index.json', 'oci-layout'):
            return 'whole'
        if verb == 'garbage' and self.command.services and not self._is_meant(place):
            return 'plan'
        if parts[0] == 'ingest':
            return None if verb != 'id' and layout.kind in ('cache', 'odd', 'broken') else 'plan'
        if parts[0] == '.bilge-aside' or parts[0].startswith(('index.json.lock', '.fsverity-check-')):
            return None
        return self._why_blob(parts[-1], layout)

    def _went_with_its_tag(self, name, place, layout):
        dropped = self._may_be_dropped(place, layout)
        rest = {manifest for _, manifest, _ in layout.entries} - dropped
        return bool(dropped) and name in layout.reach(dropped) and name not in layout.reach(rest)

    def _why_blob(self, name, layout):
        command = self.command
        if layout.kind == 'broken':
            return 'unsure'
        if name in layout.live:
            return 'live'
        if layout.entries and not self._is_whole(layout):
            return 'unsure'  # what is old may be what the cache can be brought back from
        if len(layout.entries) == 1 and name in layout.fuller() and not command.ids:
            return 'kept'
        reached = [export for export in layout.old_exports() if name in export.blobs]
        if command.keep:
            return self._why_kept(name, layout, reached)
        if command.ids:
            wanted = any(each == name or any(each == export.manifest for export in reached) for each in command.ids)
            return None if wanted else 'plan'
        if command.older_s is not None:
            return self._why_young(name, layout, reached)
        return None

    def _is_whole(self, layout):
        return len(layout.whole_entries(self.bad.get(layout.path, frozenset()))) == len(layout.entries)

    def _why_kept(self, name, layout, reached):
        """--keep-generations: the newest stay; current ones count as the first; other blobs are not asked for."""
        old = layout.old_exports()
        times = [export.when for export in old]
        keep = self.command.keep - (1 if layout.entries else 0)
        if len(set(times)) == len(times) and any(export in old[:keep] for export in reached):
            return 'kept'
        return None

    def _why_young(self, name, layout, reached):
        limit = self.now - self.command.older_s
        if layout.blobs[name].st_mtime < limit or any(export.when < limit for export in reached):
            return None
        return 'kept'

    # ---- repair

    def _may_repair_away(self, place, layout):
        """Only a cache in which nothing is whole, and all of which could be read."""
        if self.command.services and not self._is_meant(place):
            return False
        if layout.kind != 'cache' or layout.strangers or layout.closed:
            return False
        bad = self.bad[place.path]
        if not layout.entries or any(export.whole and not export.blobs & bad for export in layout.exports):
            return False
        return not self._has_unparsed(layout, bad)

    def _has_unparsed(self, layout, bad):
        """A manifest that is what its name says and can't be understood is no damage."""
        return any(name in layout.blobs and name not in layout.documents and name not in bad for _, name, _ in layout.entries)

    def _why_in_repair(self, parts, place, layout):
        if self.command.services and not self._is_meant(place):
            return 'plan'
        if layout.kind == 'broken' or layout.closed:
            return 'unsure'
        damaged = self.bad[place.path]
        wrong_size = {hex_of(item) for document in layout.documents.values() for item in document.get('manifests', []) + document.get('layers', [])
                      if isinstance(item, dict) and hex_of(item) in layout.blobs and layout.blobs[hex_of(item)].st_size != item.get('size')}
        if parts[:2] == ['blobs', 'sha256'] and len(parts) == 3 and parts[2] in damaged | wrong_size:
            return None
        return 'live' if parts[0] == 'blobs' else 'whole'

    # ---- what is new, what has changed

    def _judge_new(self, path):
        world, status = self.world, self.ran.status
        name = os.path.basename(path)
        place = world.place_of(path)
        ours = '.bilge-' in os.path.relpath(path, world.base)
        if self.command.verb == 'read':
            self.find('look', f'is new: {self._short(path)}')
        elif place is None and os.path.dirname(path) not in self._folders() and not ours:
            self.find('outside', f'is new: {self._short(path)}')
        elif name == 'index.json' and self.command.verb in ('repair', 'restore'):
            return
        elif place is not None and os.path.join(place.path, '.bilge-aside') in self.before and not self._is_nobodys_aside(place):
            return  # put back
        elif ours and status in (1, 3) and self._could_not_go():
            return
        else:
            self.find('left', f'is left behind (exit status {status}): {self._short(path)}')

    def _folders(self):
        return {os.path.dirname(place.path) for place in self.world.places} | set(self.world.folders)

    def _could_not_go(self):
        """Something that this user may not remove, or that is mounted, stands in the way."""
        world = self.world
        return bool(world.mounts) or any('owned' in note or 'closed' in note for place in world.places for note in place.notes) \
            or (world.uid != 0 and world.root_user)

    def _judge_changed(self, path, old, new):
        place = self.world.place_of(path)
        same = old.id == new.id and old.kind == new.kind and old.content == new.content
        same = same and (old.st.st_mode, old.st.st_uid, old.st.st_gid) == (new.st.st_mode, new.st.st_uid, new.st.st_gid)
        if not same:
            reason = self._why_not_change(path, place, old, new)
            if reason is not None:
                self.find(reason, f'has changed: {self._short(path)}{self._about(path)}')
            return
        touched = old.st.st_mtime_ns != new.st.st_mtime_ns
        if touched and not old.is_dir():
            self.find(self._why_not_change(path, place, old, new) or 'live', f'has another time: {self._short(path)}{self._about(path)}')
        elif touched and self.command.verb == 'read':
            self.find('look', f'something came or went in {self._short(path)}')
        elif touched and self._is_off_limits(path, place):
            self.find(self._is_off_limits(path, place), f'something came or went in {self._short(path)}')

    def _is_off_limits(self, path, place):
        """The property, where not even a directory's time may change."""
        if place is None:
            return None if path in self._folders() or path in {os.path.dirname(each) for each in self._folders()} else 'outside'
        if place.planted or path in self.world.mount_points:
            return 'outside'
        return {'foreign': 'foreign', 'mixed': 'foreign', 'twisted': 'mount', 'mount': 'mount'}.get(self.layouts[place.path].kind) \
            if not any(each.path.startswith(place.path + '/') for each in self.world.places) else None

    def _why_not_change(self, path, place, old, new):
        command = self.command
        if command.verb == 'read':
            return 'look'
        if place is None or place.planted:
            return 'outside'
        layout = self.layouts[place.path]
        name = os.path.relpath(path, place.path)
        if command.verb == 'dedupe' and layout.kind in ('cache', 'odd') and name.startswith('blobs/sha256/'):
            good = isinstance(new.content, bytes) and new.content.hex() == os.path.basename(path)  # a damaged one is mended by it
            return None if old.kind == new.kind and (old.content == new.content or good) else 'live'
        if name == 'index.json' and self._may_be_dropped(place, layout):
            return None
        if name == 'index.json' and command.verb in ('repair', 'restore'):
            unread = layout.closed and command.verb == 'repair'
            return None if layout.kind in ('cache', 'odd') and not unread and not self._is_busy(layout) else 'unsure'
        return 'foreign' if layout.kind in ('foreign', 'mixed') else 'live'

    # ---- index.json afterwards

    def _judge_index(self):
        after = self.world.layouts()
        for place in self.world.places:
            old, new = self.layouts[place.path], after[place.path]
            if new.kind == 'missing' or old.kind not in ('cache', 'odd'):
                continue
            if old.index is not None and new.index is None:
                self.find('index', f'index.json is no index any more: {place!r}')
            elif self._is_whole(old) and old.entries:
                self._judge_entries(place, old, new)
            if self.command.verb == 'repair' and old.index is not None:
                self._judge_repaired(place, old, new)

    def _judge_entries(self, place, old, new):
        if len(new.whole_entries()) != len(new.entries):
            self.find('index', f'index.json names what is not whole: {place!r}')
        kept = [entry for _, _, entry in new.entries]
        dropped = self._may_be_dropped(place, old)
        changed = [tag for tag, manifest, entry in old.entries if entry not in kept and manifest not in dropped]
        lost = [tag for tag, manifest, _ in old.entries if tag not in [each for each, _, _ in new.entries] and manifest not in dropped]
        if lost:
            self.find('index', f'the tags {lost} are gone: {place!r}')
        allowed = 1 if self.command.verb == 'restore' and self._is_meant(place) else 0
        reach = {export.manifest: export.blobs for export in new.exports}
        if changed and any(reach.get(manifest, set()) & old.closed for _, manifest, entry in new.entries
                           if entry not in [each for _, _, each in old.entries]):
            self.find('unsure', f'what can not be read was restored: {place!r}')
        if len(changed) > allowed:
            self.find('index', f'the entries of {changed} have changed: {place!r}')
        if self.command.verb == 'restore' and self.ran.status == 0 and self._is_meant(place) \
                and len([each for each in self.world.places if self._is_meant(each)]) == 1:
            self._judge_restored(place, old, new)

    def _judge_restored(self, place, old, new):
        asked = [word for word in self.command.words if re.fullmatch('[0-9a-f]{12,64}', word)]
        again = any(manifest.startswith(word) for word in asked for _, manifest, _ in old.entries)  # it is current already
        before = [entry for _, _, entry in old.entries]
        fresh = ['sha256:' + manifest for _, manifest, entry in new.entries if entry not in before]
        told = self.ran.object.get('generation') if isinstance(self.ran.object, dict) else None
        if not fresh and not again:
            self.find('words', f'nothing was restored: {place!r}')
        elif fresh and told is not None and told not in fresh:
            self.find('words', f'{told} is said to be restored, and {fresh} was: {place!r}')

    def _judge_repaired(self, place, old, new):
        """What was whole is still named; what is named after exit 0 is whole."""
        good = [entry for _, _, entry in old.whole_entries(self.bad[place.path])]
        named = [entry for _, _, entry in new.entries]
        if any(entry not in named for entry in good):
            self.find('index', f'repair lost a tag that was whole: {place!r}')

    # ---- the plan and its bytes

    def _items(self):
        said = self.ran.object
        if not isinstance(said, dict) or self.command.verb not in ('garbage', 'older', 'free', 'guard', 'service', 'all', 'id'):
            return None
        items = said.get('items')
        return items if isinstance(items, list) else None

    def _judge_plan(self):
        items = self._items()
        if items is None:
            return
        for path in self.gone:
            if not self.before[path].is_dir() and '/.bilge-aside/' not in path and not any(self._covers(item, path) for item in items):
                self.find('plan', f'no item of the plan, and gone: {self._short(path)}')
        for item in items:
            if item.get('error') is None and item.get('kind') == 'service' and self.ran.status == 0:
                self._judge_item(item)
        self._judge_bytes()

    def _judge_item(self, item):
        if any(squeeze(place.path) == squeeze(item['id']) and os.path.lexists(place.path) for place in self.world.places):
            self.find('words', f'exit status 0, and the item {item["id"]!r} is still there')

    def _covers(self, item, path):
        place = self.world.place_of(path)
        if place is None:
            return False
        chain = [each for each in self.world.places if path == each.path or path.startswith(each.path + '/')]
        if item.get('kind') == 'service':
            return any(squeeze(self._real(item['id'])) == squeeze(os.path.realpath(each.path)) for each in chain)
        name = os.path.basename(path)
        layout = self.layouts[place.path]
        if item.get('kind') == 'generation':
            return any('sha256:' + export.manifest == item['id'] and name in export.blobs for export in layout.exports)
        if item.get('kind') == 'blob':
            return item['id'] == 'sha256:' + name
        if item.get('kind') == 'ingest':
            wanted, below = squeeze(item['id']), squeeze(os.path.relpath(path, place.path))
            return below == wanted or below.startswith(wanted + '/')
        return False

    def _real(self, path):
        parent, name = os.path.split(path)
        return os.path.join(os.path.realpath(parent), name)

    def _judge_bytes(self):
        """`freed` is what the disk got back: blocks of the files all names of which are gone."""
        said = self.ran.object
        freed, planned = said.get('freed'), said.get('planned')
        if not isinstance(freed, int) or not isinstance(planned, int):
            self.find('words', 'freed or planned is no whole number')
            return
        left = {file.id for file in self.after.values()}
        names = collections.Counter(file.id for file in self.before.values())
        gone = {file.id: file.st.st_blocks * 512 for path, file in self.before.items() if path not in self.after and file.id not in left
                and (file.is_dir() or file.st.st_nlink <= names[file.id])  # a name may lie hidden below a mount
                and not path.endswith('/.bilge-aside') and not self._has_home(path)}  # finished, not planned
        real = sum(gone.values())
        if freed != real:
            self.find('plan', f'{freed} bytes are said to be freed, {real} were')
        finished = any(self._has_home(path) for path in self.before)  # that was still counted when the plan was made
        if self.ran.status == 0 and planned != freed and not finished:
            self.find('plan', f'exit status 0, {planned} bytes were planned and {freed} freed')

    def _has_home(self, path):
        """Was it set aside, and written anew since?"""
        folder, aside, name = path.partition('/.bilge-aside/')
        if not aside:
            return False
        home = 'ingest/' + name[len('ingest.'):] if name.startswith('ingest.') else 'blobs/sha256/' + name
        return os.path.join(folder, home) in self.before

    # ---- does it do anything?

    def _judge_deeds(self):
        command = self.command
        if self.ran.status not in (0, 3) or command.older_s is not None or command.verb not in ('garbage', 'service', 'all', 'guard'):
            return
        for place in self.world.places:
            layout = self.layouts[place.path]
            if not self._is_plain(place, layout):
                continue
            whole = self._may_go_whole(place, layout) and command.verb in ('service', 'all', 'guard')
            if command.verb == 'guard' and max([st.st_mtime for st in layout.blobs.values()]) > layout.exported_at:
                continue  # a link to a younger blob: it looks as if somebody had written into it
            shared = command.verb == 'service' and len({name for name, _, _ in place.users}) > 1
            if whole and not shared and os.path.lexists(place.path):
                self.find('does', f'is still there: {place!r}')
            elif not whole and command.verb in ('garbage', 'guard') and not command.keep:
                self._judge_garbage(place, layout)

    def _is_plain(self, place, layout):
        inside = not any(each.label == 'root' for each in self.world.places) and any(os.path.dirname(place.path) == folder for folder in self.world.folders)
        return place.plain and layout.kind == 'cache' and not self._is_busy(layout) and not layout.strangers and inside \
            and (self.command.rooted and self.world.ruined is None) and self.world.uid in (0, os.lstat(os.path.dirname(place.path)).st_uid)

    def _judge_garbage(self, place, layout):
        if self.command.services and not self._is_meant(place):
            return
        if layout.fuller() or not layout.entries:
            return
        for name in layout.blobs:
            if name not in layout.live and os.path.lexists(os.path.join(place.path, 'blobs/sha256', name)):
                self.find('does', f'garbage is still there: {name[:12]} of {place!r}')
        for name in layout.ingest:
            if os.path.lexists(os.path.join(place.path, 'ingest', name)):
                self.find('does', f'garbage is still there: ingest/{name[:12]} of {place!r}')

    # ---- what is told

    STATES = {
        'cache': ('ok', 'busy'), 'odd': ('ok', 'busy', 'broken'), 'mixed': ('foreign',), 'empty': ('empty',), 'foreign': ('foreign',), 'unreadable': ('unreadable',),
        'broken': ('broken',), 'lost': ('broken', 'foreign'),
    }

    def _judge_rows(self):
        words, said = self.command.words, self.ran.object
        if not isinstance(said, dict) or self.ran.status == 2 or not isinstance(said.get('services'), list):
            return
        if words[0] == 'verify':
            self._judge_verified(said)
        elif self.command.verb == 'read' and 'cache_roots' in said:
            for row in said['services']:
                self._judge_row(row)
                self._judge_place_of_row(row, said['services'])

    def _judge_row(self, row):
        if row.get('path') is None:
            return
        for place in self.world.places:
            if squeeze(self._real(row['path'])) != squeeze(os.path.realpath(os.path.dirname(place.path)) + '/' + place.name):
                continue
            layout = self.layouts[place.path]
            whole = self._is_whole(layout)
            below = any(each.label == 'root' and each is not place for each in self.world.places)
            if below or self.world.ruined is not None or (self.command.rooted and os.path.dirname(place.path) not in self.world.folders):
                continue  # below no root that was given
            if layout.kind == 'cache' and layout.index is None:
                continue  # no export has come to its end
            states = self.STATES.get(layout.kind) if whole or layout.kind != 'cache' else ('broken',)
            if place.label in ('mounted', 'linked', 'special', 'odd_index', 'closed') and states:
                states += ('broken', 'unreadable')
            if self._is_busy(layout) and states:
                states += ('busy',)
            if states and row.get('state') not in states:
                self.find('rows', f'state {row.get("state")}, not {"/".join(states)}: {place!r} ({row.get("error")})')
            if row.get('state') in ('ok', 'busy') and layout.kind == 'cache' and self._is_whole(layout) and place.plain:
                self._judge_sizes(row, place, layout)

    def _judge_place_of_row(self, row, rows):
        """No part of a cache is a service, and rows that share a directory say so."""
        folder, name = os.path.split(row.get('path') or '')
        layout = self.layouts.get(folder)
        if name in ('blobs', 'ingest') and layout is not None and layout.kind in ('cache', 'odd'):
            self.find('rows', f'a part of a cache is a service: {row["path"]}')
        twins = [each['name'] for each in rows if each is not row and each.get('path') == row.get('path') and row.get('path')]
        if twins and sorted(row.get('shares_path') or []) != sorted(twins):
            self.find('rows', f'{row["name"]} shares {row["path"]} with {twins}, and says {row.get("shares_path")}')

    def _judge_sizes(self, row, place, layout):
        inside = {file.id: file.st for path, file in self.before.items() if path == place.path or path.startswith(place.path + '/')}
        blocks = {name: st.st_blocks * 512 for name, st in layout.blobs.items()}
        truth = {
            'size': sum(st.st_blocks * 512 for st in inside.values()),
            'live': sum(blocks[name] for name in layout.live if name in blocks),
            'blobs': len(layout.blobs),
        }
        for key, value in truth.items():
            if row.get(key) != value:
                self.find('rows', f'{key} {row.get(key)}, not {value}: {place!r}')

    def _judge_verified(self, said):
        for row in said['services']:
            places = [place for place in self.world.places if place.name == row.get('name') or row.get('name') in place.services]
            sound = ('sound', 'tags', 'shrunken', 'rotated', 'deep')
            if len(places) != 1 or places[0].label not in sound or self.layouts[places[0].path].kind != 'cache':
                continue
            layout = self.layouts[places[0].path]
            if not layout.strangers and self._is_whole(layout) and row.get('problems'):
                self.find('rows', f'verify finds fault with {places[0]!r}: {row.get("problems")}')
        faulty = [row for row in said['services'] if not row.get('ok')]
        refused = self._lacks_a_root()
        if self.command.verb == 'read' and (self.ran.status == 0) != (faulty == [] and not refused):
            self.find('words', f'exit status {self.ran.status} with {len(faulty)} faulty caches')


def squeeze(text):
    """A path as JSON can tell it: bytes that are no UTF-8 are U+FFFD, however many."""
    return re.sub('\ufffd+', '\ufffd', os.fsencode(text).decode('utf-8', 'replace') if isinstance(text, str) and not _clean(text) else text)


def _clean(text):
    try:
        text.encode('utf-8')
        return True
    except UnicodeEncodeError:
        return False
