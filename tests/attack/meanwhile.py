#!/usr/bin/env python3
"""Somebody else does something while bilge works: at each system call, one after the other.

bilge is held right before a call; then a build exports, a directory is swapped for a symlink or another directory, a
second bilge runs, or a signal comes; then bilge goes on. After each round a judge who shares no code with bilge looks:
the export is not thrown away and whole, nothing outside the root has changed, every index.json is valid, nothing is
left set aside.

  meanwhile.py                          a sample, always the same one
  meanwhile.py --full                   many more
  meanwhile.py --only restore --event export-new --call stat --nth 7 --keep      one round, and its world stays
"""
import collections
import os
import shutil
import signal
import sys

sys.dont_write_bytecode = True
import attack
import world as worlds

CHANGING = "create mkdir rename unlink rmdir link symlink write truncate sync chmod chown utime lock".split()
KINDS = CHANGING + "open read readdir stat statfs readlink access".split()
PLACES = ["api", "api/blobs", "api/blobs/sha256", "api/ingest", "api/.bilge-aside", "web", "web/blobs"]
SAMPLE = 14  # rounds of each command and sort of event
FULL = 600

# Which of saboteur.py, with which sort of event before which calls, and what is wrong with it.
SABOTEURS = [
    ("honest", "export", "unlink", "does not look again before it deletes"),
    ("honest", "swap", "unlink", "goes by paths"),
    ("writes-index-in-place", "export", "create", "throws an export away"),
    ("leaves-blobs-aside", "signal", "unlink", "leaves things aside when it is interrupted"),
]

NEW = worlds.Export("new", ["base", "a3", "new"])
AGAIN = worlds.A2  # what is garbage now


def items_of(ended, service):
    """Of the plan that was shown."""
    try:
        return [item for item in worlds.json.loads(ended.out)["items"] if item["service"] == service]
    except (ValueError, KeyError):
        return []


class Event:
    """Something that happens while bilge is held; `faults` is asked when bilge has ended."""

    def __init__(self, world, caller, detail):
        self.world, self.caller, self.detail = world, caller, detail
        self.happened = False

    def happen(self, process):
        self.happened = True

    def end(self):
        """bilge has ended."""

    def faults(self, scene, ended):
        return scene.judge.faults(self.world)


class ExportEvent(Event):
    """A build exports into api's cache, from its first look at a blob to index.json."""

    details = ["new", "again", "begun"]

    def happen(self, process):
        super().happen(process)
        exports = {"new": NEW, "again": AGAIN, "begun": NEW}
        self.exporter = worlds.Exporter(self.world.at("api"), exports[self.detail])
        self.error = None
        self.attempt(self.begin if self.detail == "begun" else self.exporter.run)

    def begin(self):
        """Until half of a new blob is written: that is the sign by which bilge knows."""
        while not self.exporter.look():
            pass

    def go_on(self):
        self.exporter.finish_blob()
        self.exporter.run()

    def attempt(self, step):
        try:
            step()
        except (OSError, worlds.LockHeld) as error:
            self.error = error

    def end(self):
        if self.happened and self.detail == "begun" and self.error is None:
            self.attempt(self.go_on)

    def faults(self, scene, ended):
        outside = scene.judge.outside_fault(self.world)
        faults = [outside] if outside else []
        for name in worlds.caches_in(self.world.root):
            missing = worlds.missing_in(self.world.at(name))
            if missing is None or (missing and name not in ("torn", "lost")):
                faults.append(f"{name}/index.json is broken: {missing}")
        if self.happened and self.error is None:
            faults += self.lost_faults(scene, ended)
        return faults

    def lost_faults(self, scene, ended):
        """An export that ended before bilge looked may go: then that is what was shown and asked for."""
        current = worlds.current_of(self.world.at("api"))
        if current is None:
            return [] if self.was_shown(ended) else ["the cache that was exported is gone"]
        before = worlds.sha256(worlds.A3.manifest) if scene.name == "restore" else "none"
        if current not in (worlds.sha256(self.exporter.export.manifest), before):
            return ["the export was thrown away"]
        return []

    def was_shown(self, ended):
        return any(item["kind"] == "service" and item["age_s"] < 3600 for item in items_of(ended, "api"))


class SwapEvent(Event):
    """A directory is swapped for a symlink to what looks the same, or for another such directory."""

    details = [place + ":link" for place in PLACES] + ["api:other", "web:other"]

    def happen(self, process):
        place, how = self.detail.split(":")
        self.name = self.world.at(place)
        if not os.path.isdir(self.name):
            return
        super().happen(process)
        tree = os.path.join(self.world.outside, "cache", *place.split("/")[1:])
        if not os.path.isdir(tree):
            tree = os.path.join(self.world.outside, "cache", "blobs", "sha256")
        self.kept = os.open(tree, os.O_RDONLY)
        self.before = worlds.picture(f"/proc/self/fd/{self.kept}/.")
        self.tree = tree
        self.away = os.path.join(self.world.path, "away")
        try:
            os.rename(self.name, self.away)
        except FileNotFoundError:  # bilge's other threads are not held
            os.close(self.kept)
            self.happened = False
            return
        if how == "link":
            os.symlink(tree, self.name)
        else:
            os.rename(tree, self.name)

    def was_shown(self, scene, ended):
        """A directory that had moved in before bilge looked is what the plan is about; it is older than ours."""
        place = self.detail.split(":")[0]
        planned = any(item["age_s"] > 80 * worlds.DAY for item in items_of(ended, place))
        return self.detail.endswith(":other") and (planned or not scene.name.startswith("prune"))

    def end(self):
        """Everything back to where it was, wherever bilge has left it."""
        if not self.happened:
            return
        if os.path.islink(self.name):
            os.unlink(self.name)
        elif os.path.isdir(self.name) and not os.path.lexists(self.tree):
            os.rename(self.name, self.tree)
        if not os.path.lexists(self.name) and os.path.isdir(os.path.dirname(self.name)):
            os.rename(self.away, self.name)

    def faults(self, scene, ended):
        if not self.happened:
            return super().faults(scene, ended)
        changed = worlds.picture(f"/proc/self/fd/{self.kept}/.") != self.before and not self.was_shown(scene, ended)
        os.close(self.kept)
        faults = ["the directory that stood in for another one has changed"] if changed else []
        for name in worlds.caches_in(self.world.root):
            if name not in ("torn", "lost") and worlds.missing_in(self.world.at(name)) != set():
                faults.append(f"{name}/index.json is broken")
        outside = scene.judge.outside_fault(self.world)
        return faults + ([outside] if outside and self.detail.endswith(":link") else [])


class OtherEvent(Event):
    """A second bilge runs, from its start to its end."""

    details = [name for name in attack.COMMANDS if "build" not in name]

    def happen(self, process):
        super().happen(process)
        self.other = self.caller.call(self.world, attack.COMMANDS[self.detail])

    def faults(self, scene, ended):
        outside = scene.judge.outside_fault(self.world)
        faults = [outside] if outside else []
        for name in worlds.caches_in(self.world.root):
            missing = worlds.missing_in(self.world.at(name))
            known = name in ("torn", "lost")
            if missing is None or (missing and not known):
                faults.append(f"{name}/index.json is broken")
        if self.happened and self.other.status not in (0, 1, 2, 3):
            faults.append("the second bilge: " + self.other.words())
        return faults


class SignalEvent(Event):
    details = ["INT", "TERM", "HUP"]

    def happen(self, process):
        super().happen(process)
        os.kill(process.pid, getattr(signal, "SIG" + self.detail))

    def faults(self, scene, ended):
        """At its very beginning, and once all is done, bilge ends as any program does."""
        if ended.status == -getattr(signal, "SIG" + self.detail):
            now = worlds.picture(self.world.root)
            ended.status = 130 if now in (scene.judge.before, scene.judge.after) else ended.status
        return super().faults(scene, ended)


EVENTS = {"export": ExportEvent, "swap": SwapEvent, "other": OtherEvent, "signal": SignalEvent}


def rounds_of(scene, sort, most):
    count = collections.Counter(kind for kind, _ in scene.undisturbed.calls)
    points = [(kind, nth) for kind in KINDS for nth in range(1, count[kind] + 1)]
    every = [(kind, nth, sort, detail) for kind, nth in points for detail in EVENTS[sort].details]
    return attack.sample(every, most)


def where_held(ended, kind, nth):
    """What bilge was about to do, and did next."""
    places = [i for i, (one, _) in enumerate(ended.calls) if one == kind]
    if len(places) < nth:
        return "it was not held"
    at = places[nth - 1]
    return "held before " + ", ".join(f"{one} {path}" for one, path in ended.calls[at : at + 6])


def run_round(scene, one, keep=False):
    kind, nth, sort, detail = one
    world = scene.new_world(f"round-{os.getpid()}")
    event = EVENTS[sort](world, scene.caller, detail)
    arguments = scene.arguments + (["--json"] if scene.arguments[0] == "prune" else [])
    ended = scene.caller.call(world, arguments, kind, nth, "ask", event.happen)
    left = worlds.leftovers(world.root)
    event.end()
    faults = event.faults(scene, ended)
    if ended.hung:
        faults.append("it hung")
    if ended.status not in (0, 1, 2, 3, 130):
        faults.append(f"it ended with status {ended.status}")
    faults += attack.word_faults(ended)
    if left and sort != "swap":
        faults.append("left set aside: " + left[0])
    if sort != "swap":
        faults += attack.clean_up_faults(scene, world)
    if faults:
        faults += [where_held(ended, kind, nth), ended.words()]
    if not (faults and keep):
        shutil.rmtree(world.path, ignore_errors=True)
    return faults, event.happened


def run_rounds(tap, scene, sort, rounds, options):
    bad, happened = [], 0

    def on_result(one, result):
        nonlocal happened
        faults, did = result
        happened += did
        if faults:
            bad.append((one, faults))

    attack.in_parallel(lambda one: run_round(scene, one, options.keep), rounds, options.jobs, on_result)
    why = []
    for (kind, nth, _, detail), faults in sorted(bad):
        why.append(f"tests/attack/meanwhile.py --only {scene.name} --event {sort}-{detail} --call {kind} --nth {nth}")
        why += ["    " + fault for fault in faults]
    tap.ok(not bad and happened > 0, f"{scene.name}, {sort} meanwhile: {happened} rounds, {len(bad)} of them bad", why)
    return happened, len(bad)


def test_saboteurs(tap, place):
    """Each of these deletes as one should not, and that comes to light when somebody else is at work."""
    for crime, sort, kind, words in SABOTEURS:
        program = [sys.executable, "-IS", os.path.join(attack.HERE, "saboteur.py"), crime]
        scene = attack.Scene(attack.Caller(place, program), "prune-garbage")
        rounds = [one for one in rounds_of(scene, sort, 0) if one[0] == kind]
        found = [fault for one in attack.sample(rounds, 6) for fault in run_round(scene, one)[0]]
        tap.ok(bool(found), f"a stand-in for bilge is caught: it {words}")


def main():
    parser = attack.options(__doc__.splitlines()[0])
    parser.add_argument("--only", choices=sorted(attack.COMMANDS), help="this command alone")
    parser.add_argument("--event", help="export, swap, other, signal; or one of these with its detail")
    parser.add_argument("--call", choices=KINDS)
    parser.add_argument("--nth", type=int, default=1)
    options = parser.parse_args()
    attack.require_build()
    tap, place = attack.Tap(), attack.Place()
    total = bad = 0
    event, _, detail = (options.event or "").partition("-")
    try:
        if not options.only:
            test_saboteurs(tap, place)
        for name in [options.only] if options.only else [n for n in attack.COMMANDS if "build" not in n]:
            scene = attack.Scene(attack.Caller(place), name)
            fault = scene.fault_without_faults()
            if fault:
                tap.ok(False, f"{name}: does what it should when nobody disturbs", [fault])
            for sort in [] if fault else [event] if event else EVENTS:
                rounds = rounds_of(scene, sort, 0 if options.call or detail else FULL if options.full else SAMPLE)
                rounds = [one for one in rounds if not detail or one[3] == detail]
                rounds = [one for one in rounds if not options.call or one[:2] == (options.call, options.nth)]
                done, found = run_rounds(tap, scene, sort, rounds, options)
                total, bad = total + done, bad + found
    finally:
        if options.keep:
            attack.say(f"the worlds are in {place.path}")
        else:
            place.remove()
    attack.say(f"summary: meanwhile: {total} rounds, {bad} bad")
    tap.end()


if __name__ == "__main__":
    main()
