#!/bin/sh
# What is mounted in a cache root is left alone by every command that reads or
# deletes, be it of another file system or a bind mount of the same one, a
# directory or a file. And core opens directories in one place only.
here=$(dirname "$0")
# shellcheck source=tests/cli/mounts.sh
. "$here/mounts.sh"
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"
top=$here/../..
: >"$tmp/err"

# -------------------------------------------------------------- in one place

opens='O_DIRECTORY|[^_a-z](fd)?opendir *\('
elsewhere() { # files of core and bench that open directories, without core/base/fs*.c
    grep -lE "$opens" -r "$1/core" "$1/bench" --include='*.[ch]' | grep -v '/core/base/fs[^/]*$'
}
# root.c finds the roots themselves, watch.c opens what it has watched and reads nothing of it;
# of a listing elsewhere than on Linux the descriptor comes from fs_open_again().
only_these() {
    [ "$(elsewhere "$top" | sed "s|^$top/||" | sort | tr '\n' ' ')" = \
        'core/cache/entries.c core/cache/root.c core/cache/watch.c ' ]
}
is 'core enters directories by core/base/fs.c only' only_these
is 'entries.c opens none itself' lacks 'O_DIRECTORY\|[^d]opendir' "$top/core/cache/entries.c"
mkdir -p "$tmp/other/core/cache" "$tmp/other/bench"
echo 'DIR *dir = opendir(path);' >"$tmp/other/core/cache/new.c"
is 'another place would be found' [ -n "$(elsewhere "$tmp/other")" ]
is 'core removes directories in few places' [ "$(grep -lr AT_REMOVEDIR "$top/core" "$top/bench" |
    sed "s|^$top/||" | sort | tr '\n' ' ')" = \
    'bench/leftover.c core/cache/aside.c core/cache/unlink.c ' ]

# ------------------------------------------------------------------ the caches

if [ -z "${BILGE_TEST_MOUNTS-}" ]; then
    skip 'mounts' 'nothing can be mounted here'
    finish
    exit
fi

# "api" with two older exports, an orphan, an old leftover, and something set aside
# by a removal that was interrupted; "web", much the same; an interrupted removal.
template=$tmp/template
for seed in one two three; do
    export_cache "$template/api" $seed
    make_old "$template/api" '3 days ago'
done
orphan=$(echo junk | put_blob "$template/api")
aside=$(echo more | put_blob "$template/api")
mkdir -p "$template/api/ingest/x" "$template/api/.bilge-aside" "$template/thesis"
mv "$template/api/blobs/sha256/$aside" "$template/api/.bilge-aside"
chmod 700 "$template/api/.bilge-aside"
echo half >"$template/api/ingest/x/data"
echo '{}' >"$template/api/.index.json.bilge-1"
echo 'chapter one' >"$template/thesis/thesis.txt"
make_old "$template" '2 days ago'
touch -d '1 day ago' "$template/api/index.json"
cp -a "$template/api" "$template/web"
rm -r "$template/web/.bilge-aside" "$template/web/.index.json.bilge-1" "$template/web/ingest/x"

# mark DIRECTORY NAME: as a removal marks it; prints the name that it then gets.
mark() {
    ino=$(stat -c %i "$1")
    printf 'bilge-removing 1\ninode %s\nname %s\n' "$ino" "$2" >"$1/.bilge-removing"
    echo ".bilge-gone.$2.$ino-0123456789abcdef"
}

# uncover: wherever it is by now.
uncover() {
    while grep -F " $work/" /proc/self/mountinfo | cut -d' ' -f5 | xargs -r umount 2>/dev/null &&
        grep -qF " $work/" /proc/self/mountinfo; do :; done
}

# fresh: $root and $precious anew; what is mounted comes from the latter, and looks
# just like what it covers.
fresh() {
    uncover
    rm -rf "$root" "$precious"
    cp -a "$template" "$root"
    mkdir "$precious"
    cp -a "$template/api" "$template/thesis" "$precious"
    cp -a "$template/web" "$root/going"
    mv "$root/going" "$root/$(mark "$root/going" going)"
}

# cover: mounts at $place what lies there in $precious.
cover() {
    case $place in
    gone) # the root of the mount has the number that its name tells
        at=$root/$(mark "$precious/api" lost)
        from=$precious/api
        mkdir "$at"
        ;;
    gone/*)
        at=$(echo "$root"/.bilge-gone.going.*)/${place#gone/}
        from=$precious/api/${place#gone/}
        ;;
    *)
        at=$root/$place
        from=$precious/$place
        ;;
    esac
    [ -e "$from" ] || echo x >"$from"
    if [ -d "$from" ]; then mkdir -p "$at"; else [ -e "$at" ] || : >"$at"; fi
    case $kind in
    bind) mount --bind "$from" "$at" ;;
    tmpfs) mount -t tmpfs none "$at" && cp -a "$from/." "$at" ;;
    esac || return
    picture "$precious" >"$work/precious"
    [ $kind = bind ] || picture "$at" >"$work/inside"
}

# untouched COMMAND: what was mounted is as it was.
untouched() {
    picture "$precious" | cmp -s - "$work/precious" || echo "$*: $place: something is gone"
    mountpoint -q "$at" 2>/dev/null || [ -f "$at" ] || echo "$*: $place: the mount is gone"
    [ $kind = bind ] || picture "$at" | cmp -s - "$work/inside" ||
        echo "$*: $place: something in the mount is gone"
}

# call COMMAND...: ends by itself, with a promised exit status.
call() {
    status=0
    timeout $((60 * slow)) env PATH="$bilge_path" "$bilge" "$@" --cache-root "$root" \
        >"$work/out" 2>"$work/err" </dev/null || status=$?
    case $status in
    0 | 1 | 2 | 3) ;;
    *) echo "$*: $place: exit status $status" && cat "$work/err" ;;
    esac
    untouched "$*"
}

# What each command has to say of it is for other tests: here nothing else goes.
walk() {
    fresh && cover || echo "$place: it can't be mounted"
    call status --json
    call verify
    call prune --all --dry-run
    call prune --garbage --yes
    call dedupe --yes
    call restore api
    call verify --repair --yes
    call prune --garbage --keep-generations 1 --yes
    fresh && cover
    call prune --free 1TB --yes
    fresh && cover
    call guard --once --keep-free 1GB --live
    call prune --older-than 1s --yes
    call prune --older-than 1s --yes --now
    fresh && cover
    call prune --service api --yes
    call prune --all --yes
    call prune --all --yes --now
    uncover
}

none() { # of the failures
    cat "$1"
    [ ! -s "$1" ]
}

# each KIND PLACE...: at the same time, for most of it is waiting.
each() {
    kind=$1
    shift
    count=0
    for place; do
        count=$((count + 1))
        (
            work=$tmp/walk.$kind.$count
            mkdir "$work"
            root=$work/root precious=$work/precious.dir at=$work/root/none
            walk >"$work/failures" 2>&1
            rm -rf "$root" "$precious"
        ) &
        [ $((count % 4)) -ne 0 ] || wait
    done
    wait
    count=0
    for place; do
        count=$((count + 1))
        is "$kind at $place: it is left alone by every command" \
            none "$tmp/walk.$kind.$count/failures"
    done
}

hex="blobs/sha256/$orphan"
each bind api api/blobs api/blobs/sha256 api/ingest api/ingest/x api/.bilge-aside thesis \
    gone gone/blobs gone/blobs/sha256 \
    "api/$hex" api/index.json api/oci-layout api/ingest/x/data "api/.bilge-aside/$aside" \
    api/.index.json.bilge-1 api/.bilge-removing gone/oci-layout
each tmpfs api/blobs/sha256 api/ingest/x api/.bilge-aside gone/blobs

finish
