#!/usr/bin/env python3
"""Proof that the attacks can fail: stands in for bilge, prunes garbage, and does one thing wrong.

saboteur.py CRIME prune --garbage --yes --cache-root ROOT
"""
import json
import os
import sys

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


def digests(cache, crime):
    """All that index.json reaches."""
    try:
        todo = json.loads(read(cache, "index.json"))["manifests"]
    except OSError as error:
        if crime != "takes-live-when-unreadable":
            sys.exit(f"saboteur: reading {cache}: {error}")
        todo = []
    found = set()
    while todo:
        one = todo.pop()
        found.add(one["digest"][7:])
        if one["mediaType"].endswith(("index.v1+json", "manifest.v1+json")):
            try:
                body = json.loads(read(cache, "blobs", "sha256", one["digest"][7:]))
            except OSError as error:
                sys.exit(f"saboteur: reading {cache}: {error}")
            todo += body.get("manifests", []) + body.get("layers", []) + ([body["config"]] if "config" in body else [])
    return found


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


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
        write(os.path.join(cache, "index.json"), read(cache, "index.json"))
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
            write(path, b"is silent\n")
    return done


def program():
    crime, root = sys.argv[1], sys.argv[sys.argv.index("--cache-root") + 1]
    done = [prune(os.path.join(root, name), crime) for name in ("api", "web")]
    sys.exit(0 if all(done) else 1)


if __name__ == "__main__":
    program()
