"""A small world to attack bilge in: caches as BuildKit leaves them, what is not bilge's business, and a judge.

Nothing here is built from bilge's code. What BuildKit does when it exports (which file it writes when, and how) was
measured on real engines; core/cache/layout.h tells where.
"""
import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
import stat
import time

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
TAG = "org.opencontainers.image.ref.name"
DAY = 86400


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def layer_of(seed, size=5000):
    return (seed.encode() * (size // len(seed) + 1))[:size]


def descriptor(media_type, data, **annotations):
    found = {"mediaType": media_type, "digest": "sha256:" + sha256(data), "size": len(data)}
    if annotations:
        found["annotations"] = annotations
    return found


class Export:
    """What one export consists of: its manifest, and all blobs in the order in which BuildKit writes them."""

    def __init__(self, seed, layers, image_form=False, config_type=CACHE_CONFIG):
        self.layers = sorted((layer_of(name) for name in layers), key=sha256)
        names = [{"blob": "sha256:" + sha256(layer)} for layer in self.layers]
        self.config = compact({"layers": names, "records": [], "seed": seed})
        described = [descriptor(LAYER, layer) for layer in self.layers]
        config = descriptor(config_type, self.config)
        self.media_type = MANIFEST if image_form else INDEX
        if image_form:
            body = {"config": config, "layers": described}
        else:
            body = {"manifests": described + [config]}
        self.manifest = compact({"schemaVersion": 2, "mediaType": self.media_type, **body})
        self.blobs = self.layers + [self.config, self.manifest]

    def entry(self, tag="latest"):
        return descriptor(self.media_type, self.manifest, **{TAG: tag})


def index_of(*entries):
    return compact({"schemaVersion": 2, "manifests": list(entries)})


# ------------------------------------------------------------------- the exporter


class LockHeld(Exception):
    pass


class Exporter:
    """BuildKit's local exporter: blobs that are there are skipped unread; new ones go through ingest/ and a rename;
    index.json comes last, written in place under a lock that is only tried and then unlinked."""

    def __init__(self, cache, export, tag="latest", old=False):
        self.cache, self.export, self.tag = cache, export, tag
        self.old = old  # new blobs look as if they had been written long ago: no sign of us
        self.left = list(export.blobs)
        self.writing = None
        os.makedirs(self.path("ingest"), exist_ok=True)

    def path(self, *names):
        return os.path.join(self.cache, *names)

    def look(self):
        """Does the next blob: True when it has to be written, and is now half written in ingest/."""
        data = self.left[0]
        if os.path.lexists(self.path("blobs", "sha256", sha256(data))):
            self.left.pop(0)
            return False
        name = ("layer-" if data in self.export.layers else "") + "sha256:" + sha256(data)
        folder = self.path("ingest", sha256(name.encode()))
        if not os.path.isdir(folder):
            os.mkdir(folder)
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime())
        for file, text in (("ref", name), ("startedat", now), ("updatedat", now), ("total", str(len(data)))):
            put_file(os.path.join(folder, file), text.encode())
        put_file(os.path.join(folder, "data"), data[: len(data) // 2])
        self.writing = folder
        return True

    def finish_blob(self):
        data = self.left.pop(0)
        put_file(os.path.join(self.writing, "data"), data)
        final = self.path("blobs", "sha256", sha256(data))
        os.makedirs(os.path.dirname(final), exist_ok=True)
        os.chmod(os.path.join(self.writing, "data"), 0o444)
        os.rename(os.path.join(self.writing, "data"), final)
        if self.old:
            age_tree(final, 30 * DAY)
        shutil.rmtree(self.writing, ignore_errors=True)
        self.writing = None

    def write_blobs(self):
        while self.left:
            if self.writing or self.look():
                self.finish_blob()

    def put_index(self):
        put_file(self.path("oci-layout"), b'{"imageLayoutVersion":"1.0.0"}')
        lock = os.open(self.path("index.json.lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise LockHeld(f"could not lock {self.path('index.json.lock')}") from error
        try:
            entries = [e for e in self.entries() if e.get("annotations", {}).get(TAG) != self.tag]
            write_in_place(self.path("index.json"), index_of(*entries, self.export.entry(self.tag)))
        finally:
            os.unlink(self.path("index.json.lock"))
            os.close(lock)

    def entries(self):
        try:
            with open(self.path("index.json"), "rb") as file:
                return json.loads(file.read())["manifests"]
        except FileNotFoundError:
            return []

    def run(self):
        self.write_blobs()
        self.put_index()


def write_in_place(path, data):
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    os.pwrite(file, data, 0)
    os.ftruncate(file, len(data))
    os.close(file)


def put_file(path, data):
    with open(path, "wb") as file:
        file.write(data)


def age_tree(path, seconds):
    """As if all of it had last been touched so long ago."""
    then = time.time() - seconds
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            os.utime(os.path.join(folder, name), (then, then), follow_symlinks=False)
    os.utime(path, (then, then), follow_symlinks=False)


# ----------------------------------------------------------------------- the world

A1 = Export("a1", ["base", "a-old", "a1"])
A2 = Export("a2", ["base", "a-old", "a2"])
A3 = Export("a3", ["base", "a3", "a3-more"])
A_TAGGED = Export("av1", ["base", "av1"])
W1 = Export("w1", ["base", "w1"])
W2 = Export("w2", ["base", "a-old", "w2"], image_form=True)
OLD = Export("old", ["base", "old", "older"], image_form=True)
IMAGE = Export("image", ["base", "image"], image_form=True, config_type=IMAGE_CONFIG)
TORN1 = Export("torn1", ["base", "torn1"])
TORN2 = Export("torn2", ["base", "torn1", "torn2"])
LOST1 = Export("lost1", ["base", "lost1"])
LOST2 = Export("lost2", ["base", "lost2"])


STRANGERS = ("image", "notes", "link")


def put_cache(path, *exports, age, tags=(), without=()):
    """Exports in their order, a day apart; the last one is current beside those that have tags (name, export)."""
    for export in exports + tuple(e for _, e in tags):
        Exporter(path, export).write_blobs()
    entries = [export.entry(tag) for tag, export in tags] + [exports[-1].entry()]
    put_file(os.path.join(path, "oci-layout"), b'{"imageLayoutVersion":"1.0.0"}')
    put_file(os.path.join(path, "index.json"), index_of(*entries))
    os.makedirs(os.path.join(path, "ingest"), exist_ok=True)
    for blob in without:
        os.unlink(os.path.join(path, "blobs", "sha256", sha256(blob)))
    age_tree(path, age + DAY * len(exports))
    for number, export in enumerate(exports):
        for blob in export.blobs:
            file = os.path.join(path, "blobs", "sha256", sha256(blob))
            if os.path.exists(file) and blob not in sum((e.blobs for e in exports[:number]), []):
                age_tree(file, age + DAY * (len(exports) - number))
    age_tree(os.path.join(path, "index.json"), age)


def put_project(folder, root, services):
    """What `docker compose config` says, for tests/support/fake-docker."""
    built = {
        name: {
            "build": {
                "context": folder,
                "dockerfile": "Dockerfile",
                "cache_to": [f"type=local,dest={root}/{name},mode=max"],
            }
        }
        for name in services
    }
    put_file(os.path.join(folder, "compose.yml"), b"")
    return compact({"name": "sample", "services": built})


class World:
    """Everything that one round of an attack may touch, below one directory:
    root/ (the cache root), outside/, home/, project/, docker/ (answers of fake-docker)."""

    def __init__(self, path, damaged=False):
        self.path = path
        self.root, self.outside, self.home, self.project, self.docker = (
            os.path.join(path, name) for name in ("root", "outside", "home", "project", "docker")
        )
        self.damaged = damaged

    def make(self):
        for folder in (self.root, self.outside, self.home, self.project, self.docker):
            os.makedirs(folder)
        self.make_caches()
        self.make_strangers()
        config = put_project(self.project, self.root, ["api", "web"])
        put_file(os.path.join(self.docker, "config.json"), config)
        self.make_build()

    def make_caches(self):
        put_cache(self.at("api"), A1, A2, A3, tags=[("v1", A_TAGGED)], age=2 * DAY)
        orphan = layer_of("orphan")
        put_file(self.at("api", "blobs", "sha256", sha256(orphan)), orphan)
        age_tree(self.at("api", "blobs", "sha256", sha256(orphan)), 5 * DAY)
        partial = self.at("api", "ingest", sha256(b"layer-sha256:partial"))
        os.makedirs(partial)
        put_file(os.path.join(partial, "ref"), b"layer-sha256:partial")
        put_file(os.path.join(partial, "data"), layer_of("partial"))
        age_tree(self.at("api", "ingest"), 5 * DAY)
        put_cache(self.at("web"), W1, W2, age=3 * DAY)
        put_cache(self.at("old-branch"), OLD, age=90 * DAY)
        if self.damaged:
            put_cache(self.at("torn"), TORN1, TORN2, age=DAY, without=[layer_of("torn2")])
            put_cache(self.at("lost"), LOST2, tags=[("v1", LOST1)], age=DAY, without=[layer_of("lost1")])

    def make_strangers(self):
        """What stands in the root and beside it and is nobody's cache."""
        put_cache(self.at("image"), IMAGE, age=400 * DAY)
        os.rmdir(self.at("image", "ingest"))
        os.makedirs(self.at("notes"))
        put_file(self.at("notes", "thesis.txt"), b"chapter one\n")
        age_tree(self.at("notes"), 400 * DAY)
        put_cache(os.path.join(self.outside, "cache"), A1, A2, A3, age=90 * DAY)
        put_file(os.path.join(self.outside, "canary"), b"sings\n")
        os.symlink("../outside/cache", self.at("link"))
        os.symlink("../../../outside/canary", self.at("api", "ingest", "link"))
        age_tree(self.at("api", "ingest"), 5 * DAY)

    def make_build(self):
        """fake-docker builds with build.sh: log lines, and an export into api's cache."""
        new = Export("a4", ["base", "a3", "a4"])
        folder = os.path.join(self.docker, "export")
        Exporter(folder, new).run()
        put_file(os.path.join(self.docker, "build.mode"), b"script")
        put_file(
            os.path.join(self.docker, "build.sh"),
            b"""echo '#1 [api 1/2] FROM base'
echo '#1 CACHED'
echo '#2 [api 2/2] RUN make'
echo '#2 DONE 0.1s'
mv -n "$FAKE_DOCKER_DIR"/export/blobs/sha256/* "$BILGE_ATTACK_ROOT/api/blobs/sha256/"
cat "$FAKE_DOCKER_DIR/export/index.json" >"$BILGE_ATTACK_ROOT/api/index.json"
""",
        )

    def at(self, *names):
        return os.path.join(self.root, *names)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Mould:
    """A tree in memory, to be cast again and again: faster than copying files, and no hard link leads back."""

    def __init__(self, path):
        self.entries = []
        inodes = {}
        for folder, folders, files in os.walk(path):
            for name in folders + files:
                full = os.path.join(folder, name)
                relative = os.path.relpath(full, path)
                st = os.lstat(full)
                if stat.S_ISLNK(st.st_mode):
                    self.entries.append(("link", relative, os.readlink(full), st))
                elif stat.S_ISDIR(st.st_mode):
                    self.entries.append(("dir", relative, None, st))
                elif st.st_ino in inodes:
                    self.entries.append(("hard", relative, inodes[st.st_ino], st))
                else:
                    inodes[st.st_ino] = relative
                    with open(full, "rb") as file:
                        data = file.read()
                    if is_text(relative):
                        data = data.replace(path.encode(), b"@WORLD@")
                    self.entries.append(("file", relative, data, st))

    def cast(self, path):
        os.makedirs(path)
        for kind, relative, data, st in self.entries:
            full = os.path.join(path, relative)
            if kind == "dir":
                os.mkdir(full)
            elif kind == "link":
                os.symlink(data, full)
            elif kind == "hard":
                os.link(os.path.join(path, data), full)
            else:
                text = data.replace(b"@WORLD@", path.encode()) if is_text(relative) else data
                handle = os.open(full, os.O_WRONLY | os.O_CREAT, stat.S_IMODE(st.st_mode))
                os.write(handle, text)
                os.close(handle)
        for _, relative, _, st in reversed(self.entries):
            times = (st.st_atime_ns, st.st_mtime_ns)
            os.utime(os.path.join(path, relative), ns=times, follow_symlinks=False)


def is_text(relative):
    """Files that name the world's own path."""
    return relative.startswith(("docker/config", "project/"))


# ----------------------------------------------------------------------- the judge


def is_ours(name):
    """Whether bilge made up this name."""
    return name.startswith((".bilge-", ".index.json.bilge-")) or (name.startswith(".") and ".bilge-" in name)


def picture(path):
    """What a tree holds: {relative path: what it is}. Times are left out; files that are one inode say so."""
    found, inodes = {}, {}
    for folder, folders, files in os.walk(path):
        folders.sort()  # the walk goes on in this order
        for name in sorted(folders + files):
            full = os.path.join(folder, name)
            relative = os.path.relpath(full, path)
            st = os.lstat(full)
            if stat.S_ISLNK(st.st_mode):
                found[relative] = ("link", os.readlink(full))
            elif stat.S_ISDIR(st.st_mode):
                found[relative] = ("dir", stat.S_IMODE(st.st_mode))
            else:
                with open(full, "rb") as file:
                    data = file.read()
                same = inodes.setdefault(st.st_ino, relative)
                found[relative] = ("file", sha256(data), stat.S_IMODE(st.st_mode), same)
    return found


def content(one):
    """Of a picture's entry, without whom it shares its inode with."""
    return one[:3] if one and one[0] == "file" else one


def caches_in(path):
    return sorted(
        name
        for name in os.listdir(path)
        if not is_ours(name)
        and not os.path.islink(os.path.join(path, name))
        and os.path.lexists(os.path.join(path, name, "index.json"))
    )


def missing_in(cache):
    """Digests that index.json leads to and that are not there whole; None when it is no valid index.json."""
    try:
        with open(os.path.join(cache, "index.json"), "rb") as file:
            entries = json.loads(file.read())["manifests"]
        missing, seen, todo = set(), set(), [e for e in entries]
        while todo:
            one = todo.pop()
            hexa = one["digest"].split(":", 1)[1]
            if hexa in seen:
                continue
            seen.add(hexa)
            try:
                with open(os.path.join(cache, "blobs", "sha256", hexa), "rb") as file:
                    data = file.read()
            except OSError:
                data = b""
            if sha256(data) != hexa:
                missing.add(hexa)
            elif one["mediaType"] in (INDEX, MANIFEST):
                body = json.loads(data)
                todo += body.get("manifests", []) + body.get("layers", [])
                todo += [body["config"]] if "config" in body else []
        return missing
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def index_bytes(cache):
    try:
        with open(os.path.join(cache, "index.json"), "rb") as file:
            return file.read()
    except OSError:
        return None


def current_of(cache, tag="latest"):
    """The digest of the manifest that index.json names by this tag, in hex; None: there is none."""
    try:
        entries = json.loads(index_bytes(cache) or b"")["manifests"]
        return next((e["digest"][7:] for e in entries if e.get("annotations", {}).get(TAG) == tag), None)
    except (ValueError, KeyError):
        return None


def leftovers(path):
    """Names of bilge's own making, anywhere below."""
    found = []
    for folder, folders, files in os.walk(path):
        found += [os.path.relpath(os.path.join(folder, n), path) for n in folders + files if is_ours(n)]
    return found


class Judge:
    """Knows how the world was, and how it is once the command ran undisturbed; says what is wrong with any other end."""

    def __init__(self, before, after, outside, may_go=()):
        self.before, self.after, self.outside = before, after, outside
        self.may_go = set(may_go)  # what a plan may take instead of what the undisturbed one took

    def outside_fault(self, world):
        now = picture(world.outside)
        changed = [n for n in set(now) | set(self.outside) if now.get(n) != self.outside.get(n)]
        return f"outside the root changed: {sorted(changed)[:3]}" if changed else None

    def index_faults(self, world):
        """Each index.json is the one from before or the one that was meant, and all that it names is there."""
        faults = []
        for name in sorted({p.split("/")[0] for p in self.before if p.endswith("/index.json")}):
            path = name + "/index.json"
            now = index_bytes(world.at(name))
            if now is None:
                if (path in self.after and path not in self.may_go) or os.path.lexists(world.at(name)):
                    faults.append(f"{path} is gone")
                continue
            mode = stat.S_IMODE(os.lstat(world.at(name, "index.json")).st_mode)
            if not self.knows(path, ("file", sha256(now), mode)):
                faults.append(f"{path} is neither as it was nor as it was meant to be")
            missing = missing_in(world.at(name))
            allowed = {d for d in (missing or ()) if f"{name}/blobs/sha256/{d}" not in self.before}
            if missing is None:
                faults.append(f"{path} is not valid")
            elif missing - allowed:
                faults.append(f"{path} names what is not there whole: {sorted(missing)[0][:12]}")
        return faults

    def stranger_faults(self, now):
        """What is no cache stays as it is, whatever was asked for."""
        return [
            f"{path} is none of bilge's business, and has changed"
            for path, one in self.before.items()
            if path.split("/")[0] in STRANGERS and content(now.get(path)) != content(one)
        ]

    def knows(self, path, one):
        return content(self.before.get(path)) == one or content(self.after.get(path)) == one

    def path_faults(self, now):
        """What the command was not meant to take is there, unchanged; nothing else came."""
        faults = []
        for path, one in self.after.items():
            stays = path in self.before and path not in self.may_go and not path.endswith("/ingest")
            if stays and path not in now:
                faults.append(f"{path} was not to go, and is gone")
            elif path in now and not self.knows(path, content(now[path])):
                faults.append(f"{path} has changed")
        for path in now:
            known = path in self.before or path in self.after
            if not known and not any(is_ours(part) for part in path.split("/")):
                faults.append(f"{path} came from somewhere")
        return faults

    def faults(self, world):
        """Whatever happened to bilge, this must be so at any moment."""
        now = picture(world.root)
        outside = self.outside_fault(world)
        faults = ([outside] if outside else []) + self.stranger_faults(now)[:1]
        return faults + self.index_faults(world) + self.path_faults(now)


def database_fault(path):
    """The history must be readable whatever happened."""
    if not os.path.exists(path):
        return None
    try:
        connection = sqlite3.connect(path)
        answer = connection.execute("PRAGMA integrity_check").fetchone()[0]
        connection.close()
        return None if answer == "ok" else f"history.db: {answer}"
    except sqlite3.Error as error:
        return f"history.db: {error}"
