#!/usr/bin/env python3
"""Proof that the attacks can fail: stands in for bilge, prunes garbage, and does one thing wrong.

As a program: saboteur.py CRIME prune --garbage --yes --cache-root ROOT. As a module: each crime must be found.
"""
import os
import sys

sys.dont_write_bytecode = True
import attack
import world as worlds

# What each does wrong, and which calls must go wrong before that shows.
CRIMES = {
    "honest": "create rename unlink open read",  # does nothing wrong: no round may be bad
    "writes-index-in-place": "create write",
    "takes-live-when-unreadable": "open",
    "hides-failures": "unlink",
    "fails-without-a-word": "unlink",
    "aborts": "unlink",
    "leaves-blobs-aside": "unlink",
    "follows-links": "unlink",
    "thins-live-exports": "unlink",
}


# ------------------------------------------------------------------- as a program


def digests(cache, crime):
    """All that index.json reaches."""
    try:
        data = worlds.index_bytes(cache) if crime == "takes-live-when-unreadable" else open_and_read(cache)
        entries = worlds.json.loads(data)["manifests"] if data else []
    except OSError as error:
        sys.exit(f"saboteur: reading {cache}: {error}")
    found, todo = set(), list(entries)
    while todo:
        one = todo.pop()
        found.add(one["digest"][7:])
        if one["mediaType"] in (worlds.INDEX, worlds.MANIFEST):
            try:
                with open(os.path.join(cache, "blobs", "sha256", one["digest"][7:]), "rb") as file:
                    body = worlds.json.loads(file.read())
            except OSError as error:
                sys.exit(f"saboteur: reading {cache}: {error}")
            todo += body.get("manifests", []) + body.get("layers", []) + ([body["config"]] if "config" in body else [])
    return found


def open_and_read(cache):
    with open(os.path.join(cache, "index.json"), "rb") as file:
        return file.read()


def remove(path, crime):
    try:
        if crime == "leaves-blobs-aside":
            aside = os.path.join(os.path.dirname(path), "..", "..", ".bilge-aside." + os.path.basename(path))
            os.rename(path, aside)
            path = aside
        os.unlink(path)
        return True
    except OSError as error:
        if crime == "aborts":
            os.abort()
        if crime == "fails-without-a-word":
            sys.exit(1)
        if crime != "hides-failures":
            print(f"saboteur: removing {path}: {error}", file=sys.stderr)
        return crime == "hides-failures"


def prune(cache, crime):
    live = digests(cache, crime)
    if crime == "writes-index-in-place":
        worlds.put_file(os.path.join(cache, "index.json"), open_and_read(cache))
    if crime == "thins-live-exports":
        live.remove(min(live))
    done = True
    folder = os.path.join(cache, "blobs", "sha256")
    for name in sorted(os.listdir(folder)):
        if name not in live:
            done = remove(os.path.join(folder, name), crime) and done
    for name in os.listdir(os.path.join(cache, "ingest")):
        path = os.path.join(cache, "ingest", name)
        if not os.path.islink(path):
            for file in os.listdir(path):
                done = remove(os.path.join(path, file), crime) and done
            if done:
                os.rmdir(path)
        elif crime == "follows-links":
            worlds.put_file(path, b"is silent\n")
    return done


def program():
    crime, root = sys.argv[1], sys.argv[sys.argv.index("--cache-root") + 1]
    done = [prune(os.path.join(root, name), crime) for name in ("api", "web")]
    sys.exit(0 if all(done) else 1)


# -------------------------------------------------------------------- as a module


def test(tap, place, run_round, rounds_of):
    for crime, kinds in CRIMES.items():
        caller = attack.Caller(place, [sys.executable, os.path.abspath(__file__), crime])
        scene = attack.Scene(caller, "prune-garbage")
        rounds = attack.sample(rounds_of(scene, kinds.split()), 12)
        found = [fault for one in rounds for fault in run_round(scene, one)[0]]
        if crime == "honest":
            tap.ok(not found, "an honest stand-in for bilge is found to be honest", found)
        else:
            tap.ok(bool(found), f"a stand-in for bilge is caught: it {crime.replace('-', ' ')}")


if __name__ == "__main__":
    program()
