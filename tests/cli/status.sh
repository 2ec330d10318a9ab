#!/bin/sh
# bilge status: its JSON to the letter, its bytes as du counts them, whatever
# lies in the cache root, with no docker at all.
here=$(dirname "$0")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

# Every service's size is du's, and every directory is a service.
agrees_with_du() {
    "$json" each services path size <"$tmp/out" >"$tmp/sizes" || return 1
    [ -s "$tmp/sizes" ] || { echo 'no services'; return 1; }
    while IFS='	' read -r path size; do
        expected=$(du_bytes "$path")
        [ "$size" = "$expected" ] || { echo "$path: $size, du says $expected"; return 1; }
    done <"$tmp/sizes"
}

services_are() {
    [ "$(value services | tr ',' '\n' | grep -c '"name"')" -eq "$1" ] || { value services; return 1; }
}

state_is() {
    "$json" each services name state <"$tmp/out" | grep -x "$1	$2" ||
        { "$json" each services name state error <"$tmp/out"; return 1; }
}

sums_up() { # size = shared + unique; live + garbage never exceed it
    "$json" each services size shared unique live garbage <"$tmp/out" >"$tmp/sums"
    while read -r size shared unique live garbage; do
        if [ "$size" -ne $((shared + unique)) ] || [ "$size" -lt $((live + garbage)) ]; then
            echo "$size $shared $unique $live $garbage"
            return 1
        fi
    done <"$tmp/sums"
}

# No byte that a terminal would act on.
printable() { ! LC_ALL=C grep -n '[^ -~]' "$1" | grep -v "$(printf '[\303\342]')"; }

# ------------------------------------------------------------ an empty root

run status --json --cache-root "$root"
is 'empty root: exit 0' exits 0
is 'empty root: the shape' fits status
is 'empty root: no services' equals services '[]'
is 'empty root: its path' equals cache_roots.0 "$root"
is 'no docker: a builder that is not reachable' equals builders.0.reachable false
is 'no docker: and why' [ -n "$(value builders.0.error)" ]
run status --cache-root "$root"
is 'empty root, text: exit 0' exits 0
is 'empty root, text: says so' says 'No caches'

run status --json --cache-root "$tmp/nosuch"
is 'no such root: exit 1' exits 1
is 'no such root: and why' complains "cannot open cache root $tmp/nosuch: no such file or directory"
is 'no such root: the shape' fits status

# -------------------------------------------------------------- real caches

export_cache "$root/api" one
export_cache "$root/api" two 300000
export_cache "$root/web" one
make_old "$root/web" '2 days ago'
mkdir "$root/empty" "$root/foreign" "$root/broken"
echo 'my thesis' >"$root/foreign/thesis.txt"
export_cache "$root/broken" one
rm "$root/broken/blobs/sha256/$(head -c 9000 /dev/zero | sed '1s/^/base/' | sha256sum | cut -d' ' -f1)"
make_old "$root/broken" '1 day ago'
ln "$root/web/blobs/sha256/"* "$root/empty" 2>/dev/null
rm -f "$root/empty/"*
run status --json --cache-root "$root"
is 'caches: exit 0' exits 0
is 'caches: the shape' fits status
is 'caches: as du counts' agrees_with_du
is 'caches: sums' sums_up
is 'caches: a good one' state_is web ok
is 'caches: an empty one' state_is empty empty
is 'caches: a foreign one' state_is foreign foreign
is 'caches: a broken one' state_is broken broken
is 'caches: two generations' equals services.0.generations 2
run --json --cache-root "$root" status
is 'options before the command' fits status
run --json --cache-root "$root"
is 'no command and no terminal: the status' fits status
run --cache-root "$root/" status --json
is 'a slash at the end of the root' agrees_with_du
cd "$tmp" || exit 1
run --cache-root root status --json
is 'a relative root is shown absolute' equals cache_roots.0 "$root"
cd "$tmp/cwd" || exit 1
mkdir "$tmp/root2"
export_cache "$tmp/root2/more" one
run --cache-root "$root" --cache-root "$tmp/root2" status --json
is 'two roots' services_are 6
run --cache-root "$root" status
is 'text: exit 0' exits 0
is 'text: a row' grep -E '^web +ok ' "$tmp/out"
is 'text: says what the units are' says 'SI units'

# -------------------------------------------------------- hostile directories

hostile=$tmp/hostile
mkdir "$hostile" "$hostile/links" "$hostile/tree"
export_cache "$hostile/$(printf 'esc\033]0;owned\007')" one
export_cache "$hostile/$(printf 'new\nline')" one
export_cache "$hostile/$(printf 'not-utf8-\377')" one
export_cache "$hostile/$(printf 'rtl-\342\200\256gpj')" one
export_cache "$hostile/ space and \"quotes\" \\ " one
export_cache "$hostile/$(printf '%0240d' 0)" one
ln -s / "$hostile/slash"
ln -s "$root/web" "$hostile/linked"
mkfifo "$hostile/links/fifo"
echo x >"$hostile/links/a"
ln "$hostile/links/a" "$hostile/links/b"
ln "$hostile/links/a" "$hostile/tree/outside"
ln -s /etc/passwd "$hostile/links/passwd"
truncate -s 1G "$hostile/links/sparse"
echo '{"manifests":[{"digest":"sha256:../../../etc/passwd","size":1}]}' >"$hostile/links/index.json"
deep=$hostile/tree
for i in 1 2 3 4 5 6 7 8 9 10; do
    deep=$deep/$i
    mkdir "$deep"
    head -c "${i}000" /dev/zero >"$deep/file"
done
run status --json --cache-root "$hostile"
is 'hostile: exit 0' exits 0
is 'hostile: the shape' fits status
is 'hostile: a row each' services_are 10
is 'hostile: a symlink is shown, not followed' state_is slash foreign
is 'hostile: a symlink to a cache too' state_is linked foreign
is 'hostile: nothing raw in JSON' printable "$tmp/out"
same_sizes() {
    "$json" each services size <"$tmp/out" | LC_ALL=C sort >"$tmp/ours"
    for directory in "$hostile"/*; do
        du_bytes "$directory"
    done | LC_ALL=C sort >"$tmp/theirs"
    cmp "$tmp/ours" "$tmp/theirs"
}
is 'hostile: as du counts' same_sizes
run status --cache-root "$hostile"
is 'hostile: text: exit 0' exits 0
is 'hostile: nothing raw in text' printable "$tmp/out"

mkdir "$tmp/closed"
export_cache "$tmp/closed/private" one
chmod 0 "$tmp/closed/private"
run_as_other status --json --cache-root "$tmp/closed"
is 'unreadable: exit 0' exits 0
is 'unreadable: shown' state_is private unreadable
chmod 700 "$tmp/closed/private"

# ----------------------------------------------------------- a poor machine

: >"$tmp/err"
env -i "$bilge" --cache-root "$root" status --json >"$tmp/out" 2>"$tmp/err"
status=$?
is 'no environment at all: exit 0' exits 0
is 'no environment at all: the shape' fits status
HOME=/nonexistent run status --json --cache-root "$root"
is 'no home: exit 0' exits 0

if [ -e /dev/full ]; then
    "$bilge" status --cache-root "$root" >/dev/full 2>"$tmp/err" </dev/null
    status=$?
    is 'a full disk behind stdout: exit 1' exits 1
    is 'a full disk behind stdout: says so' complains 'writing to the standard output'
    "$bilge" --help >/dev/full 2>"$tmp/err" </dev/null
    status=$?
    is 'a full disk behind --help: exit 1' exits 1
else
    skip 'a full disk behind stdout' 'no /dev/full'
fi
"$bilge" status --cache-root "$root" >&- 2>"$tmp/err" </dev/null
status=$?
is 'stdout is closed: exit 1' exits 1
is 'stdout is closed: says so' complains 'writing to the standard output'
"$bilge" status --cache-root "$root" >"$tmp/out" 2>&- <&-
status=$?
is 'stderr and stdin are closed: exit 0' exits 0


run status --builder nosuch
is 'a builder that is not there: exit 2' exits 2
is 'a builder that is not there: says so' complains 'there is no builder "nosuch"'

# What could not be read is no mistake of the command line.
with_docker
echo 'ERROR: failed to load builders: input/output error' >"$docker/buildx-ls.err"
echo 1 >"$docker/buildx-ls.status"
for command in 'status' 'du' 'prune --records --yes' 'guard --once --keep-free 1GB'; do
    # shellcheck disable=SC2086
    run $command --builder farm --cache-root "$root"
    is "$command, builders that can't be listed: exit 1" exits 1
    is "$command, builders that can't be listed: says why" complains 'input/output error'
done
rm "$docker/buildx-ls.err" "$docker/buildx-ls.status"
: >"$docker/buildx-ls.jsonl"
run du --builder farm
is 'builders that are listed, without this one: exit 2' exits 2
mkdir -p "$DOCKER_CONFIG/contexts/meta/1111"
printf '{"Name":"far","Endpoints":{"docker":{"Host":"unix:///nowhere"}}}' \
    >"$DOCKER_CONFIG/contexts/meta/1111/meta.json"
run status --context nosuch
is 'a context that is not there: exit 2' exits 2
rm "$DOCKER_CONFIG/contexts/meta/1111/meta.json"
ln -s meta.json "$DOCKER_CONFIG/contexts/meta/1111/meta.json"
run status --context far
is "contexts that can't be read: exit 1" exits 1
is "contexts that can't be read: says why" complains "reading docker's contexts"
is "contexts that can't be read: one line" one_complaint
finish
