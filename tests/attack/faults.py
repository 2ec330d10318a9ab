#!/usr/bin/env python3
"""One system call goes wrong, in every command that changes something, one after the other.

For each of the first calls of each kind: bilge is killed right before it or right after it, or the call fails. Or there
are too few descriptors, or files may only be small. After each round a judge who shares no code with bilge looks: no live blob lost, nothing else touched, every index.json
valid, exit status and words true, and nothing left once the next deleting command has run.

  faults.py                             a sample, always the same one
  faults.py --full                      all rounds
  faults.py --only restore --call rename --nth 1 --how kill-after --keep      one round, and its world stays
"""
import collections
import os
import sys

sys.dont_write_bytecode = True
import attack
import saboteur

CHANGING = "create mkdir rename unlink rmdir link symlink write truncate sync chmod chown utime lock".split()
LOOKING = "open read readdir stat statfs readlink access".split()
KILLS = ["kill-before", "kill-after"]
CHANGING_ERRORS = ["EIO", "EACCES", "ENOSPC", "EROFS", "EMFILE"]
LOOKING_ERRORS = ["EIO", "EACCES", "EMFILE"]
SCARCE = {"descriptors": range(8, 41), "file-size": [0, 512, 1024, 4096, 8192, 16384, 65536]}
FIRST = 60  # calls of each kind
SABOTEUR_SAMPLE = 5
# Calls that once ended badly are in every sample: of this command, on this path.
ALWAYS = [
    ("prune-older-than", "readdir", "/root", "EIO"),  # what could not be listed was not missed
    ("prune-garbage", "rmdir", "/root/api/.bilge-aside", "EIO"),  # it was left, and the exit status 0
    ("prune-older-than", "unlink", "/root", "EIO+"),  # it never ended
    ("prune-garbage", "unlink", "/root/api/.bilge-aside", "EIO"),  # what was put back looked like an export
    ("prune-garbage", "rmdir", "/root/api/.bilge-aside", "kill-before"),  # and what a killed one had begun to delete
    ("dedupe", "open", "/root/.", "EIO"),  # it was called a usage error
    ("restore", "open", "/root/.", "EIO"),
    ("dedupe", "read", "/root/web/index.json", "EIO"),  # the cache was left out unsaid
    ("verify-repair", "read", "/root/api/index.json", "EACCES"),  # what can't be read was taken for damaged
    ("restore", "read", "/root/api/index.json", "EIO"),  # the other tags were lost
]
SAMPLE = 20  # rounds of each command, when not all are asked for


def hows(kind):
    if kind in SCARCE:
        return ["limit"]
    if kind in LOOKING:
        return LOOKING_ERRORS + ["EIO+"]
    return KILLS + CHANGING_ERRORS + ["EIO+", "ENOSPC+"]


def rounds_of(scene, kinds=None):
    count = collections.Counter(kind for kind, _ in scene.undisturbed.calls)
    rounds = [
        (kind, nth, how)
        for kind in kinds or CHANGING + LOOKING
        for nth in range(1, min(count[kind], FIRST) + 1)
        for how in hows(kind)
    ]
    return rounds + [(kind, many, "limit") for kind in ([] if kinds else SCARCE) for many in SCARCE[kind]]


def always(scene):
    """Of those calls the first, the one in the middle, and the last."""
    rounds = []
    for _, kind, below, how in [one for one in ALWAYS if one[0] == scene.name]:
        places = [path for one, path in scene.undisturbed.calls if one == kind]
        hits = [i + 1 for i, path in enumerate(places) if path == below or path.startswith(below + "/")]
        rounds += [(kind, nth, how) for nth in {hits[0], hits[len(hits) // 2], hits[-1]}] if hits else []
    return rounds


def run_round(scene, one, keep=False):
    """Returns the faults that were found, and whether bilge came to that call at all."""
    kind, nth, how = one
    world = scene.new_world(f"round-{os.getpid()}")
    ended = scene.caller.call(world, scene.arguments, kind, nth, how)
    killed = how in KILLS
    faults = scene.judge.faults(world) + attack.end_faults(scene, world, ended, killed)
    faults += attack.clean_up_faults(scene, world)
    if faults:
        faults.append(ended.words())
    if not (faults and keep):
        world.remove()
    return faults, bool(ended.calls) or how == "limit"


def reproduce(name, one):
    kind, nth, how = one
    return f"tests/attack/faults.py --only {name} --call {kind} --nth {nth} --how {how}"


def run_rounds(tap, scene, rounds, options):
    """All rounds of a command are one test; each that fails is told with what brings it back."""
    bad, idle = [], 0

    def on_result(one, result):
        nonlocal idle
        faults, happened = result
        idle += not happened
        if faults:
            bad.append((one, faults))

    attack.in_parallel(lambda one: run_round(scene, one, options.keep), rounds, options.jobs, on_result)
    why = []
    for one, faults in sorted(bad):
        why += [reproduce(scene.name, one)] + ["    " + fault for fault in faults]
    words = f"{scene.name}: {len(rounds) - idle} rounds, {len(bad)} of them bad"
    tap.ok(not bad and idle < len(rounds), words, why)
    return len(rounds) - idle, len(bad)


def run_command(tap, caller, name, options):
    scene = attack.Scene(caller, name)
    fault = scene.fault_without_faults()
    if fault:
        tap.ok(False, f"{name}: does what it should when nothing goes wrong", [fault])
        return 0, 1
    if options.call:
        rounds = [(options.call, options.nth, how) for how in ([options.how] if options.how else hows(options.call))]
    else:
        rounds = rounds_of(scene)
        if not options.full:
            rounds = sorted({*attack.sample(rounds, SAMPLE), *always(scene)})
    return run_rounds(tap, scene, rounds, options)


def test_saboteurs(tap, place):
    """What would it be worth if no bilge could fail?"""
    for crime, kinds in saboteur.CRIMES.items():
        program = [sys.executable, "-IS", os.path.join(attack.HERE, "saboteur.py"), crime]
        scene = attack.Scene(attack.Caller(place, program), "prune-garbage")
        rounds = attack.sample(rounds_of(scene, kinds.split()), SABOTEUR_SAMPLE)
        found = [fault for one in rounds for fault in run_round(scene, one)[0]]
        if crime == "honest":
            tap.ok(not found, "an honest stand-in for bilge is found to be honest", found)
        else:
            tap.ok(bool(found), f"a stand-in for bilge is caught: it {crime.replace('-', ' ')}")


def main():
    parser = attack.options(__doc__.splitlines()[0])
    parser.add_argument("--only", choices=sorted(attack.COMMANDS), help="this command alone")
    parser.add_argument("--call", choices=CHANGING + LOOKING + [*SCARCE], help="this kind of call alone")
    parser.add_argument("--nth", type=int, default=1)
    parser.add_argument("--how", help="kill-before, kill-after, EIO, EIO+ (that call and all later ones), ..., limit")
    options = parser.parse_args()
    attack.require_build()
    tap = attack.Tap()
    place = attack.Place()
    total = bad = 0
    try:
        if not options.only:
            test_saboteurs(tap, place)
        for name in [options.only] if options.only else attack.COMMANDS:
            done, found = run_command(tap, attack.Caller(place), name, options)
            total, bad = total + done, bad + found
    finally:
        if not options.keep:
            place.remove()
        else:
            print(f"# the worlds are in {place.path}", file=sys.stderr)
    attack.say(f"summary: faults: {total} rounds, {bad} bad")
    tap.end()


if __name__ == "__main__":
    main()
