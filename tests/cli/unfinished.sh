#!/bin/sh
# What an interrupted removal leaves: who only looks tells, who may delete finishes
# it. And removals that can't go to their end, end.
here=$(dirname "$0")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

# mark DIRECTORY NAME: as a removal marks it; prints the name that it then gets.
mark() {
    ino=$(stat -c %i "$1")
    printf 'bilge-removing 1\ninode %s\nname %s\n' "$ino" "$2" >"$1/.bilge-removing"
    echo ".bilge-gone.$2.$ino-0123456789abcdef"
}

# left: a fresh root with a cache "api" in which two blobs are set aside, one of them
# needed, and a temporary file lies; and "old", which was about to go.
left() {
    rm -rf "$root"
    mkdir "$root"
    export_cache "$root/api" one
    orphan=$(echo junk | put_blob "$root/api")
    export_cache "$root/old" one
    make_old "$root" '2 days ago'
    touch -d '1 day ago' "$root/api/index.json"
    mkdir "$root/api/.bilge-aside"
    mv "$root/api/blobs/sha256/$orphan" "$root/api/.bilge-aside"
    mv "$root/api/blobs/sha256/$layer" "$root/api/.bilge-aside"
    echo '{}' >"$root/api/.index.json.bilge-4711"
    gone=$(mark "$root/old" old)
    mv "$root/old" "$root/$gone"
    picture "$root" >"$tmp/before"
}
untouched() { same_tree "$root" "$tmp/before"; }
finished() { # nothing of ours is left
    [ -z "$(find "$root" -name '.*bilge-*')" ] || { find "$root" -name '.*bilge-*'; return 1; }
}
whole() {
    run status --json --cache-root "$root"
    "$json" each services name state <"$tmp/out" | grep -x "api	ok"
}
tells() {
    complains "an interrupted removal is left in $root/api (2 blobs set aside); the next prune finishes it" &&
        complains "an interrupted removal is left in $root/$gone (4 blobs); the next prune finishes it" &&
        complains "an interrupted write is left in $root/api (1 temporary file); the next prune finishes it"
}
says_finished() {
    complains "finished an interrupted removal in $root/api (2 blobs put back)" &&
        complains "finished an interrupted removal in $root/$gone (4 blobs)" &&
        complains "finished an interrupted write in $root/api (1 temporary file)"
}

# ------------------------------------------------------------- who only looks

left
for command in status 'status --json' du doctor verify 'prune --garbage --dry-run' \
    'prune --all --dry-run --json' 'dedupe --dry-run' '--read-only status' '--read-only verify'; do
    # shellcheck disable=SC2086
    run $command --cache-root "$root"
    is "$command: it tells" tells
    is "$command: and finishes nothing" untouched
done
run status --json --cache-root "$root"
is 'status: the shape' fits status
is 'status: what is left' \
    [ "$("$json" each unfinished kind items <"$tmp/out" | sort | tr '\n\t' ' :')" = \
        'aside:2 removal:4 write:1 ' ]
is 'status: where' equals unfinished.0.error null
run --read-only prune --garbage --yes --cache-root "$root"
is 'read-only prune: exit 2' exits 2
is 'read-only prune: finishes nothing' untouched
run prune --garbage --cache-root "$root"
is 'without a yes: exit 2' exits 2
is 'without a yes: finishes nothing' untouched

# ----------------------------------------------------------------- who deletes

for command in 'prune --garbage --yes' 'prune --garbage --yes --json' 'restore api' \
    'verify --repair --yes' 'dedupe --yes' 'guard --once --keep-free 1B'; do
    left
    # An older export, so that restore has one.
    case $command in
    restore*)
        export_cache "$root/api" two
        make_old "$root/api" '2 days ago'
        ;;
    esac
    # shellcheck disable=SC2086
    run $command --cache-root "$root"
    is "$command: exit 0" exits 0
    is "$command: it says what it finished" says_finished
    is "$command: nothing is left" finished
    is "$command: the cache is whole" whole
done
left
run prune --garbage --yes --json --cache-root "$root"
is 'prune: the shape' fits prune
is 'prune: what was finished' [ "$("$json" each finished kind <"$tmp/out" | wc -l)" -eq 3 ]
is 'prune: what is left' equals unfinished '[]'
run prune --garbage --yes --cache-root "$root"
is 'prune again: exit 0' exits 0
is 'prune again: nothing is said' quiet

# An export that runs may count on what is set aside: all of it goes back.
left
mkdir "$root/api/ingest/now"
echo half >"$root/api/ingest/now/data"
run prune --garbage --yes --cache-root "$root"
is 'while an export runs: exit 3' exits 3
is 'while an export runs: nothing is left aside' finished
is 'while an export runs: what waited is back' exists "$root/api/blobs/sha256/$orphan"

# Killed before it was decided, a whole removal never was.
left
mv "$root/$gone" "$root/.bilge-away${gone#.bilge-gone}"
run status --cache-root "$root"
is 'not decided: status tells' complains \
    "an interrupted removal is left in $root/.bilge-away${gone#.bilge-gone} (a whole cache, set aside)"
run prune --garbage --yes --cache-root "$root"
is 'not decided: exit 0' exits 0
is 'not decided: it says so' complains '(a whole cache, put back)'
is 'not decided: nothing is left' finished
run status --json --cache-root "$root"
is 'not decided: the cache is back' \
    [ "$("$json" each services name state <"$tmp/out" | grep -c '	ok$')" -eq 2 ]

# What finishing takes away is not what the plan frees.
for command in 'prune --service api' 'prune --service api --now' 'prune --all'; do
    left
    # shellcheck disable=SC2086
    run $command --yes --json --cache-root "$root"
    is "$command: the cache is gone" gone "$root/api"
    is "$command: frees what it says" [ "$(value planned)" -gt 0 -a \
        "$(value planned)" = "$(value freed)" ]
done

# restore says that it can do nothing, but not that it did nothing.
left
run restore api --cache-root "$root"
is 'nothing to restore: exit 1' exits 1
is 'nothing to restore: but what was left is finished' says_finished

# ------------------------------------------------------------- what is not ours

rm -rf "$root"
mkdir "$root"
export_cache "$root/api" one
make_old "$root" '2 days ago'
touch -d '1 day ago' "$root/api/index.json"
cp -a "$root/api" "$root/.bilge-gone.api.0123456789abcdef"
mkdir "$root/.bilge-gone.notes"
echo mine >"$root/.bilge-gone.notes/notes.txt"
cp -a "$root/api" "$root/copy"
copy=$(mark "$root/copy" copy)
cp -a "$root/copy" "$root/$copy"
rm -r "$root/copy"
picture "$root" >"$tmp/before"
for command in status 'prune --garbage --yes' 'prune --all --dry-run' 'guard --once --keep-free 1B'; do
    # shellcheck disable=SC2086
    run $command --cache-root "$root"
    is "only the name, $command: exit 0" exits 0
    is "only the name, $command: it tells" complains \
        "$root/.bilge-gone.notes has the name of an interrupted removal, but is not known to be"
    is "only the name, $command: a copy, too" complains "$root/$copy has the name"
    is "only the name, $command: left alone" untouched
done
run status --json --cache-root "$root"
is 'only the name: foreign' \
    [ "$("$json" each unfinished kind <"$tmp/out" | sort | uniq -c | tr -s ' ')" = ' 3 foreign' ]

# Somebody's file among what is set aside is no part of the cache.
left
echo 'chapter one' >"$root/api/.bilge-aside/thesis.txt"
run prune --garbage --yes --cache-root "$root"
is 'a stranger among what is set aside: exit 0' exits 0
is 'a stranger among what is set aside: the rest is back' exists "$root/api/blobs/sha256/$orphan"
for round in 1 2; do
    run prune --all --yes --cache-root "$root"
    is "a stranger among what is set aside, $round: exit" [ "$status" -eq 1 -o "$status" -eq 3 ]
    is "a stranger among what is set aside, $round: it stays" exists \
        "$root/api/.bilge-aside/thesis.txt"
    is "a stranger among what is set aside, $round: told" complains \
        "$root/api/.bilge-aside has the name of an interrupted removal"
    is "a stranger among what is set aside, $round: nothing is finished again" \
        lacks 'finished' "$tmp/err"
done

# ------------------------------------------------- removals that end, however deep

# deep DIRECTORY HUNDREDS: so many directories in each other; no path is as long.
hundred=$(awk 'BEGIN { for (i = 0; i < 99; i++) printf "d/" }')
deep() {
    for _ in $(seq "$2"); do
        mkdir -p "$tmp/deep/$hundred"
        [ ! -e "$1/d" ] || mv "$1/d" "$tmp/deep/$hundred"
        mv "$tmp/deep/d" "$1"
    done
}
for hundreds in 3 50; do
    levels=${hundreds}00
    for descriptors in 1024 64; do
        rm -rf "$root"
        mkdir "$root"
        export_cache "$root/api" one
        mkdir "$root/api/ingest/deep"
        make_old "$root" '2 days ago'
        deep "$root/api/ingest/deep" $hundreds
        (
            ulimit -n $descriptors
            run prune --service api --yes --now --cache-root "$root"
            exit "$status"
        )
        status=$?
        is "$levels levels, $descriptors descriptors: exit 0" exits 0
        is "$levels levels, $descriptors descriptors: gone" [ -z "$(ls -A "$root")" ]
    done
done

# cannot_go NAME COMMAND...: what can't be removed is said once, the rest goes, and
# so it is at the next start, which ends as well.
cannot_go() {
    name=$1
    shift
    "$@" prune --service api --yes --cache-root "$root"
    is "$name: not all of it went" [ "$status" -eq 1 -o "$status" -eq 3 ]
    is "$name: said once" [ "$(grep -c 'not deleted' "$tmp/err")" -eq 1 ]
    is "$name: the rest went" gone "$root/api"
    gone=$(basename "$root"/.bilge-gone.*)
    is "$name: the rest of it is named" complains "$gone"
    "$@" status --cache-root "$root"
    is "$name: status ends" exits 0
    is "$name: status tells" complains "an interrupted removal is left in $root/$gone"
    for round in 1 2; do
        "$@" prune --garbage --yes --cache-root "$root"
        is "$name: prune, start $round: exit 3" exits 3
        is "$name: prune, start $round: and why" complains "$gone"
    done
}
rm -rf "$root"
mkdir "$root"
export_cache "$root/api" one
mkdir -p "$root/api/ingest/a/b"
echo stays >"$root/api/ingest/a/b/stays"
echo goes >"$root/api/ingest/a/goes"
make_old "$root" '2 days ago'
if [ "$(id -u)" -eq 0 ] && chattr +i "$root/api/ingest/a/b/stays" 2>/dev/null; then
    cannot_go 'an immutable file' run
    is 'an immutable file: it alone is left' \
        [ "$(find "$root" -type f ! -name .bilge-removing -printf '%f')" = stays ]
    chattr -R -i "$root"
    run prune --garbage --yes --cache-root "$root"
    is 'mutable again: exit 0' exits 0
    is 'mutable again: gone' [ -z "$(ls -A "$root")" ]
else
    skip 'an immutable file' 'none can be made here'
fi
if [ "$(id -u)" -eq 0 ]; then
    for part in ingest blobs; do
        rm -rf "$root"
        mkdir "$root"
        export_cache "$root/api" one
        echo half >"$root/api/ingest/data"
        make_old "$root" '2 days ago'
        chown -R 65534:65534 "$root"
        chown -R 0:0 "$root/api/$part"
        cannot_go "$part of root's" run_as_other
        run prune --garbage --yes --cache-root "$root"
        is "$part of root's: root finishes it" [ -z "$(ls -A "$root")" ]
    done
else
    skip "what is root's" 'only root can make it'
fi

finish
