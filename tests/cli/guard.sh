#!/bin/sh
# bilge guard: it deletes when a disk is short, as much as is short, and nothing
# that it must not.
here=$(dirname "$0")
# shellcheck source=tests/cli/mounts.sh
. "$here/mounts.sh"
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

run guard
is 'without a size: exit 2' exits 2
is 'without a size: one line' one_complaint
for wrong in '--keep-free -1GB' '--keep-free 0' '--keep-free 5x' '--keep-free 1GB --interval 5x' \
    '--keep-free 1GB --interval 0s' '--keep-free 1GB --json' '--keep-free 1GB --read-only' \
    '--keep-free 1GB --once --interval 5m' '--keep-free 1GB --once x' \
    '--keep-free 1GB --once --builder nosuch'; do
    # shellcheck disable=SC2086
    run guard $wrong
    is "$wrong: exit 2" exits 2
    is "$wrong: one line" one_complaint
done
run guard --once --keep-free 1000000TB --cache-root "$root"
is 'more than the disk has: nothing to do' exits 0
is 'more than the disk has: says so' says 'is left alone: its disk has'

if ! small_disk "$root" 4m; then
    skip 'a disk of its own' 'no tmpfs can be mounted here'
    finish
    exit
fi
with_docker
project api

# caches: 2 MB on a disk of 4.2 MB: garbage and a live one of api, which exists;
# "old" does not.
caches() {
    rm -rf "${root:?}"/*
    export_cache "$root/api" one 500000
    make_old "$root/api" '2 days ago'
    export_cache "$root/api" two 500000
    make_old "$root/api" '1 day ago'
    export_cache "$root/old" one 1000000
    make_old "$root/old" '30 days ago'
}

caches
run guard --once --keep-free 1MB --cache-root "$root" --json
is 'enough: exit 0' exits 0
is 'enough: the shape' fits guard
is 'enough: nothing deleted' equals items '[]'
run guard --once --keep-free 2.3MB --cache-root "$root" --json
is 'a little short: exit 0' exits 0
is 'a little short: the shape' fits guard
is 'a little short: the garbage went' equals items.0.kind generation
is 'a little short: no more than that' equals items.1 ''
is 'a little short: the live one is there' exists "$root/api/index.json"
is 'a little short: the old one is there' exists "$root/old/index.json"
run guard --once --keep-free 3.5MB --cache-root "$root"
is 'short: exit 0' exits 0
is 'short: a line for the act' says ' deleted service old: '
is 'short: the time of it' grep -qE '^20[0-9-]*T[0-9:]*Z deleted' "$tmp/out"
is 'short: what there is now' says ' free, 3.50 MB wanted'
is 'short: the old one is gone' gone "$root/old"
is 'short: the live one is there' exists "$root/api/index.json"
run guard --once --keep-free 4MB --cache-root "$root"
is 'out of reach: exit 3' exits 3
is 'out of reach: says so' says ' short on '
is 'out of reach: the live one is there' exists "$root/api/index.json"
run guard --once --keep-free 4MB --live --older-than 2d --cache-root "$root"
is '--older-than: exit 3' exits 3
is '--older-than: what is younger is there' exists "$root/api/index.json"
run guard --once --keep-free 4MB --live --cache-root "$root"
is '--live: exit 0' exits 0
is '--live: gone' gone "$root/api"

caches
mkdir -p "$root/api/ingest/writing"
echo x >"$root/api/ingest/writing/data"
run guard --once --keep-free 4MB --live --cache-root "$root"
is 'busy: exit 3' exits 3
is 'busy: says so' says 'waiting for api'
is 'busy: untouched' exists "$root/api/index.json"

# What was written to lately is not abandoned, and not waited for either.
caches
mkdir -p "$root/old/ingest/writing"
echo x >"$root/old/ingest/writing/data"
run guard --once --keep-free 3.5MB --cache-root "$root"
is 'written to: exit 3' exits 3
is 'written to: not waited for' lacks 'waiting for old' "$tmp/out"
is 'written to: untouched' exists "$root/old/index.json"

# watching ARGUMENT...: runs it in the background until $pid is told to end.
watching() {
    : >"$tmp/out" # or what the last one said would pass for this one's word
    env PATH="$bilge_path" "$bilge" guard "$@" --cache-root "$root" >"$tmp/out" 2>"$tmp/err" </dev/null &
    pid=$!
}
ends() {
    kill "-$1" $pid
    wait $pid
    status=$?
}
watching --keep-free 1MB --interval 1s
wait_for says watching
export_cache "$root/old" one 1000000
make_old "$root/old" '30 days ago'
head -c 1800000 /dev/zero >"$root/fill"
wait_for says ' deleted '
is 'watching: deletes when it is short' says ' deleted '
wait_for says ' now '
ends TERM
is 'watching: SIGTERM ends it cleanly' exits 0
is 'watching: no complaint' quiet
is 'watching: what it did not need is there' exists "$root/api/index.json"
watching --keep-free 1MB
wait_for says watching
ends INT
is 'watching: SIGINT is an interrupt' exits 130
rm -f "$root/fill"

# Records count where the engine's data lie.
with_engine
mkdir "$root/data"
printf '{"ServerVersion":"26.1.5","DockerRootDir":"%s","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}\n' \
    "$root/data" >"$engine/info.json"
printf '{"LayersSize":0,"BuildCache":[{"ID":"step","Type":"regular","Size":9000000,"Description":"%s",%s}]}\n' \
    'mount / from exec /bin/sh -c make' \
    '"CreatedAt":"2024-01-02T03:04:05Z","InUse":false,"Shared":false,"UsageCount":1' >"$engine/system_df.json"
printf '{"CachesDeleted":["step"],"SpaceReclaimed":9000000}\n' >"$engine/build_prune.json"
printf '{"BuildCache":[]}\n' >"$engine/build_prune.after.json"
run guard --once --keep-free 4MB --cache-root "$root"
is 'a record: deleted' says ' deleted record RUN make: 9.00 MB'
is 'a record: and what the engine forgets with it' says 'The engine forgets all its cached steps'
is 'a record: as the engine was asked' grep -q 'POST .*/build/prune.*step' "$engine/requests.log"
printf '{"ServerVersion":"26.1.5","DockerRootDir":"/nowhere"}\n' >"$engine/info.json"
rm "$engine"/build_prune*
: >"$engine/requests.log"
run guard --once --keep-free 4MB --cache-root "$root"
is 'records elsewhere: left alone' says 'records of builder default are left alone'
is 'records elsewhere: nothing was asked of the engine' lacks prune "$engine/requests.log"
umount "$root"
finish
