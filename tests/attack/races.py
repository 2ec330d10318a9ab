#!/usr/bin/env python3
"""Others work in the caches while bilge does, nobody waits for anybody.

  exports   builds export, states come back, and bilge prunes, restores, repairs and links in a loop
  swaps     directories turn into symlinks and mounts that lead outside, and back, thousands of times a second
  pairs     two bilges at once on one cache root
  signals   bilge is interrupted, hung up on or killed at a random moment

After each round a judge who shares no code with bilge looks. `--full` is for make check-long; `--only exports` runs one
part; the random numbers begin with `--seed`, which the first line tells.
"""
import ctypes
import os
import random
import signal
import sys
import threading
import time
import traceback
from subprocess import PIPE

sys.dont_write_bytecode = True
import attack
import world as worlds

SIZES = {"exports": (100, 1000), "swaps": (14, 400), "pairs": (24, 1000), "signals": (24, 1500)}
MOMENT_S = 0.25  # less than bilge waits between setting aside and looking again (0.5 s)
BEFORE_KILL = ("KILL", "QUIT", "USR1", "ALRM", "XCPU")  # they end a program that does not expect them

libc = ctypes.CDLL(None, use_errno=True)
RENAME_EXCHANGE, AT_FDCWD = 2, -100
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 0x20000, 4096, 16384, 1 << 18, 2


# ----------------------------------------------------------------------- exports

# How an export can be seen: by a building client among the processes; by what it writes; not at all.
SIGHTS = ("client", "files", "nothing")


def states_of(name):
    """What a service's sources go through: layers are shared, and come back."""
    return [worlds.Export(f"{name}{i}", ["base", f"deps{i % 2}", f"{name}-{i % 3}", f"{name}-{i}"]) for i in range(5)]


class Service:
    """One cache, into which builds export one after the other while bilge is called over and over."""

    def __init__(self, race, name):
        self.race, self.name = race, name
        self.cache = race.world.at(name)
        self.states = states_of(name)
        self.random = random.Random(f"{race.seed}-{name}")
        self.calling = threading.Lock()  # held while bilge works here
        self.restored = 0
        self.exports = self.voided = self.calls = self.freed = 0
        self.faults = []

    # -- the builds

    def pause(self, most):
        time.sleep(self.random.random() * most)

    def export_once(self, sight):
        self.restored = 0
        exporter = worlds.Exporter(self.cache, self.random.choice(self.states), old=sight == "nothing")
        client = os.path.join(self.race.proc, str(4000 + self.random.randrange(1000))) if sight == "client" else None
        if client:
            os.makedirs(client, exist_ok=True)
            worlds.put_file(os.path.join(client, "cmdline"), b"docker\0compose\0build\0")
        began, wrote = time.monotonic(), False
        try:
            while exporter.left:
                wrote = exporter.look() or wrote
                self.pause(0.12 if client or (wrote and sight == "files") else 0.01)
                if exporter.writing:
                    exporter.finish_blob()
            unseen = not client and not (wrote and sight == "files")
            exporter.put_index()
        finally:
            if client:
                os.unlink(os.path.join(client, "cmdline"))
                os.rmdir(client)
        self.exports += 1
        # Nothing can protect what nobody can see for longer than bilge waits; a machine under load takes long.
        return exporter, unseen and time.monotonic() - began > MOMENT_S

    def export(self, sight):
        try:
            exporter, void = self.export_once(sight)
        except (OSError, worlds.LockHeld) as error:
            self.faults.append(f"{self.name}: an export failed: {error}")
            return
        with self.calling:
            missing = worlds.missing_in(self.cache)
            current = worlds.current_of(self.cache)
        if void:
            self.voided += 1
            self.heal(exporter.export)  # later rounds must not suffer
        elif missing is None or missing:
            self.faults.append(f"{self.name}: a published export is not whole ({sight}): {missing}")
        elif current != worlds.sha256(exporter.export.manifest) and not self.restored:
            self.faults.append(f"{self.name}: an export was thrown away ({sight})")

    def heal(self, export):
        for blob in export.blobs:
            path = os.path.join(self.cache, "blobs", "sha256", worlds.sha256(blob))
            worlds.put_file(path + ".new", blob)
            os.rename(path + ".new", path)

    # -- bilge

    def choose(self):
        what = self.random.choices(["garbage", "keep", "restore", "repair", "dedupe"], [12, 3, 2, 2, 1])[0]
        service = ["--service", self.name, "--yes"]
        return what, {
            "garbage": ["prune", "--garbage", "--json", *service],
            "keep": ["prune", "--keep-generations", "2", "--json", *service],
            "restore": ["restore", self.name],
            "repair": ["verify", "--repair", "--yes", self.name],
            "dedupe": ["dedupe", "--yes"],
        }[what]

    def call(self):
        what, arguments = self.choose()
        with self.calling:
            process = self.race.caller.start(self.race.world, arguments, stdout=PIPE, stderr=PIPE)
            out, err, hung = attack.finish(process)
            self.freed += '"freed":' in out and '"freed":0' not in out
            self.restored += what == "restore" and process.returncode == 0
        self.calls += 1
        usual = (0, 1, 2, 3) if what == "restore" else (0, 1, 3)  # 2: there is nothing to restore
        if hung or process.returncode not in usual or (process.returncode in (1, 2) and not err + out):
            self.faults.append(f"{' '.join(arguments)}: status {process.returncode}: {err[-200:]}")
        self.pause(0.05)

    def call_until(self, done):
        while not done.is_set():
            self.call()

    def export_all(self, sight, count):
        for _ in range(count):
            self.export(sight)

    def attempt(self, job, *arguments):
        """In a thread an exception would go by unseen."""
        try:
            job(*arguments)
        except Exception:
            self.faults.append(f"{self.name}: this attack has a fault: {traceback.format_exc()}")


class ExportRace:
    def __init__(self, caller, seed):
        self.caller, self.seed = caller, seed
        self.world = worlds.World(os.path.join(caller.place.path, "exports"))
        self.world.make()
        self.proc = os.path.join(caller.place.path, "proc")
        self.services = [Service(self, name) for name in ("api", "web", "third", "fourth")]
        for service in self.services:
            worlds.put_cache(service.cache, *service.states[:3], age=worlds.DAY)

    def run_sight(self, sight, count):
        """So many exports, over all services."""
        done = threading.Event()
        each = count // len(self.services)
        builders = [threading.Thread(target=s.attempt, args=(s.export_all, sight, each)) for s in self.services]
        callers = [threading.Thread(target=s.attempt, args=(s.call_until, done)) for s in self.services]
        for thread in builders + callers:
            thread.start()
        for thread in builders:
            thread.join()
        done.set()
        for thread in callers:
            thread.join()

    def total(self, what):
        return sum(getattr(service, what) for service in self.services)


def run_exports(tap, place, size, seed):
    race = ExportRace(attack.Caller(place), seed)
    outside = worlds.picture(race.world.outside)
    for sight, share in zip(SIGHTS, (0.15, 0.45, 0.4)):
        names = ("exports", "calls", "freed", "voided")
        before = [race.total(name) for name in names]
        race.run_sight(sight, max(4, int(size * share)))
        exports, calls, freed, voided = (race.total(name) - was for name, was in zip(names, before))
        faults = sum((service.faults for service in race.services), [])
        for service in race.services:
            service.faults = []
        words = f"{exports} exports that show {sight}, {calls} calls of bilge meanwhile, of which {freed} free something"
        words += f" ({voided} exports too slow to tell)" if voided else ""
        tap.ok(not faults and exports > voided and (freed or sight == "client"), words + ": each export whole and current", faults)
    ended = race.caller.call(race.world, attack.GARBAGE)
    tap.ok(not worlds.leftovers(race.world.root), "after the exports nothing is set aside", [ended.words()])
    tap.ok(worlds.picture(race.world.outside) == outside, "after the exports nothing outside has changed")
    broken = [s.name for s in race.services if worlds.missing_in(s.cache) != set()]
    tap.ok(not broken, "after the exports every current export is whole", broken)
    race.world.remove()
    return race.total("exports"), tap.failed


# ------------------------------------------------------------------------- swaps


def exchange(a, b):
    return libc.renameat2(AT_FDCWD, a.encode(), AT_FDCWD, b.encode(), RENAME_EXCHANGE) == 0


def bind(source, target):
    return libc.mount(source.encode(), target.encode(), None, MS_BIND, None) == 0


def unbind(target):
    while libc.umount2(target.encode(), MNT_DETACH) == 0:
        pass


def unbind_below(path):
    """A directory that bilge has renamed takes what is mounted in it along."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = [line.split()[4] for line in file]
    for mount in mounts:
        if mount.startswith(path + "/"):
            unbind(mount)


def own_mounts():
    """A mount namespace of our own, where that is allowed."""
    return libc.unshare(CLONE_NEWNS) == 0 and libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0


class Swapper(threading.Thread):
    """Turns a directory into a way out of the root and back again, until it is told to end."""

    def __init__(self, world, place, how):
        super().__init__()
        self.world = world
        self.target = world.at(place)
        self.lure = os.path.join(world.outside, "cache", *place.split("/")[1:])
        self.link = os.path.join(world.path, "way-out")
        self.how = how
        self.done = threading.Event()
        self.swaps = 0
        os.symlink(self.lure, self.link)

    def run(self):
        while not self.done.is_set():
            if self.how == "symlink":
                self.swaps += exchange(self.target, self.link)
            else:
                self.swaps += bind(self.lure, self.target)
                unbind(self.target)

    def end(self):
        self.done.set()
        self.join()
        unbind_below(self.world.path)


def swap_round(scene, place, how, number):
    world = scene.new_world(f"swap-{number}")
    swapper = Swapper(world, place, how)
    swapper.start()
    ended = scene.caller.call(world, scene.arguments)
    swapper.end()
    outside = scene.judge.outside_fault(world)
    faults = ([outside] if outside else []) + attack.word_faults(ended) + (["it hung"] if ended.hung else [])
    if ended.status not in (0, 1, 2, 3):
        faults.append("it ended so")
    world.remove()
    return swapper.swaps, [f"{scene.name}, {place} by {how}: {fault}: {ended.words()}" for fault in faults]


def run_swaps(tap, place, size, seed):
    chance = random.Random(seed)
    names = ["prune-garbage", "prune-keep", "prune-service", "prune-all", "restore", "dedupe"]
    scenes = [attack.Scene(attack.Caller(place), name) for name in names]
    hows = ["symlink", "mount"] if own_mounts() else ["symlink"]
    bad, rounds = 0, 0
    for how in hows:
        swaps, faults = 0, []
        for number in range(size // len(hows)):
            where = chance.choice(["api", "api/blobs", "api/blobs/sha256", "api/ingest"])
            done, found = swap_round(scenes[number % len(scenes)], where, how, number)
            swaps, faults, rounds = swaps + done, faults + found, rounds + 1
        bad += len(faults)
        words = f"directories swapped for {how}s {swaps} times during {size // len(hows)} calls: nothing outside changes"
        tap.ok(not faults and swaps > 0, words, faults)
    if len(hows) == 1:
        attack.say("mounts were left out: that needs root")
    return rounds, bad


# ------------------------------------------------------------------------- pairs


def pair_round(scenes, one):
    number, first, second, delay = one
    scene = scenes[first]
    world = scene.new_world(f"pair-{os.getpid()}")
    threads, ended = [], {}

    def call(which, name):
        ended[which] = scene.caller.call(world, attack.COMMANDS[name])

    for which, name in enumerate((first, second)):
        threads.append(threading.Thread(target=call, args=(which, name)))
        threads[-1].start()
        time.sleep(delay)
    for thread in threads:
        thread.join()
    outside = scene.judge.outside_fault(world)
    faults = [outside] if outside else []
    for name in worlds.caches_in(world.root):
        missing = worlds.missing_in(world.at(name))
        if missing is None or (missing and name not in ("torn", "lost")):
            faults.append(f"{name}/index.json is broken")
    left = worlds.leftovers(world.root)
    faults += ["left set aside: " + left[0]] if left else []
    faults += [] if len(ended) == 2 else ["this attack has a fault"]
    for one_ended in ended.values():
        if one_ended.hung or one_ended.status not in (0, 1, 2, 3) or attack.word_faults(one_ended):
            faults.append("it ended so: " + one_ended.words())
    faults += attack.clean_up_faults(scene, world)
    world.remove()
    return [f"{first} and {second}, {delay * 1000:.1f} ms later: {fault}" for fault in faults]


def run_pairs(tap, place, size, seed, jobs):
    chance = random.Random(seed)
    names = [name for name in attack.COMMANDS if "build" not in name]
    scenes = {name: attack.Scene(attack.Caller(place), name) for name in names}
    rounds = [(i, chance.choice(names), chance.choice(names), chance.random() * 0.04) for i in range(size)]
    faults = []
    attack.in_parallel(lambda one: pair_round(scenes, one), rounds, jobs, lambda _, found: faults.extend(found))
    tap.ok(not faults, f"{size} times two bilges at once: nothing broken, nothing left", faults)
    return size, len(faults)


# ----------------------------------------------------------------------- signals


def signal_round(scenes, one):
    _, name, which, share = one
    scene = scenes[name]
    world = scene.new_world(f"signal-{os.getpid()}")
    process = scene.caller.start(world, scene.arguments, {}, stdout=PIPE, stderr=PIPE)
    time.sleep(share * scene.takes_s)
    process.send_signal(getattr(signal, "SIG" + which))
    out, err, hung = attack.finish(process)
    ended = attack.Ended(process.returncode, out, err, [], hung)
    faults = scene.judge.faults(world)
    killed = which in BEFORE_KILL and ended.status == -getattr(signal, "SIG" + which)
    # At its very beginning, and once all is done, bilge ends as any program does.
    now = worlds.picture(world.root)
    plain = ended.status == -getattr(signal, "SIG" + which) and now in (scene.judge.before, scene.judge.after)
    if hung or not (ended.status in (0, 1, 3, 130) or killed or plain):
        faults.append("it ended so")
    left = worlds.leftovers(world.root)
    if left and not killed:
        faults.append("left set aside: " + left[0])
    faults += attack.clean_up_faults(scene, world)
    world.remove()
    return [f"{name}, SIG{which} after {share * scene.takes_s * 1000:.1f} ms: {f}: {ended.words()}" for f in faults]


def run_signals(tap, place, size, seed, jobs):
    chance = random.Random(seed)
    names = list(attack.COMMANDS)
    scenes = {}
    for name in names:
        scene = scenes[name] = attack.Scene(attack.Caller(place), name)
        world, began = scene.new_world("time"), time.monotonic()
        attack.finish(scene.caller.start(world, scene.arguments, {}, stdout=PIPE, stderr=PIPE))
        scene.takes_s = time.monotonic() - began
        world.remove()
    signals = ("INT", "TERM", "HUP") * 2 + BEFORE_KILL
    rounds = [(i, chance.choice(names), chance.choice(signals), chance.random()) for i in range(size)]
    faults = []
    attack.in_parallel(lambda one: signal_round(scenes, one), rounds, jobs, lambda _, found: faults.extend(found))
    tap.ok(not faults, f"{size} times a signal at a random moment: nothing broken, nothing left", faults)
    return size, len(faults)


PARTS = {"exports": run_exports, "swaps": run_swaps, "pairs": run_pairs, "signals": run_signals}


def main():
    parser = attack.options(__doc__.splitlines()[0])
    parser.add_argument("--only", choices=sorted(PARTS))
    parser.add_argument("--size", type=int, help="rounds, or exports")
    parser.add_argument("--seed", type=int, help="of the random numbers")
    options = parser.parse_args()
    attack.require_build()
    seed = options.seed if options.seed is not None else random.randrange(10**6) if options.full else 1
    attack.say(f"seed {seed}")
    tap, place = attack.Tap(), attack.Place()
    summary = []
    try:
        for name in [options.only] if options.only else ["exports", "pairs", "signals", "swaps"]:
            size = options.size or SIZES[name][options.full]
            more = (options.jobs,) if name in ("pairs", "signals") else ()
            rounds, bad = PARTS[name](tap, place, size, seed, *more)
            summary.append(f"{name}: {rounds} rounds, {bad} bad")
    finally:
        place.remove()
    for line in summary:
        attack.say("summary: " + line)
    tap.end()


if __name__ == "__main__":
    main()
