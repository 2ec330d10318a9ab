#!/bin/sh
# Records in use prove nothing: what failed builds have left in use on Docker 29.7
# keeps no cache from being pruned, restored, linked or repaired; a build that
# docker's history calls Running does.
here=$(dirname "$0")
# shellcheck source=tests/cli/mounts.sh
. "$here/mounts.sh"
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

data=${BILGE_TEST_DATA:?}/engine
with_engine
with_docker
project api worker
printf '{"ServerVersion":"29.7.2","DockerRootDir":"%s"}\n' "$engine" >"$engine/info.json"
cp "$data/api-1.55-system-df-during-build-and-leaked.json" "$engine/system_df.json"

over() { tail -n +2 "$data/buildx-0.36-history-ls-running.stdout.jsonl" >"$docker/buildx-history.jsonl"; }
running() { cp "$data/buildx-0.36-history-ls-running.stdout.jsonl" "$docker/buildx-history.jsonl"; }
caches() {
    rm -rf "${root:?}"/*
    for service in api worker; do
        export_cache "$root/$service" one 50000
        make_old "$root/$service" '2 days ago'
        export_cache "$root/$service" two 50000
        make_old "$root/$service" '1 day ago'
    done
}
asked() { grep -c '^buildx history ls --format json --builder=default' "$docker/calls.log"; }

# ------------------------------------------------------------------- no build runs

over
caches
run prune --garbage --yes --cache-root "$root" --json
is 'prune: exit 0' exits 0
is 'prune: not busy' lacks '"busy":true' "$tmp/out"
is 'prune: something went' [ "$(value freed)" -gt 40000 ]
is 'prune: the history was asked' [ "$(asked)" -ge 1 ]
caches
run prune --garbage --yes --wait --cache-root "$root"
is 'prune --wait: exit 0' exits 0
is 'prune --wait: does not wait' lacks waiting "$tmp/err"
caches
run restore api --cache-root "$root"
is 'restore: exit 0' exits 0
caches
run dedupe --yes --cache-root "$root" --json
is 'dedupe: exit 0' exits 0
caches
rm "$root"/api/blobs/sha256/"$(ls -t "$root/api/blobs/sha256" | head -n 1)"
run verify --repair --yes api --cache-root "$root"
is 'repair: not busy' lacks 'a build runs' "$tmp/out"
is 'repair: no complaint of a build' lacks 'a build runs' "$tmp/err"

run prune --records --dry-run --cache-root "$root"
is 'records: what is leaked is said so' says 'a failed build leaked it; restarting the engine frees it'
run doctor --cache-root "$root"
is 'doctor names them' says 'builder default: 9 records'
is 'doctor says whose fault it is' says 'failed builds leaked them'
run doctor --json --cache-root "$root"
is 'doctor: the shape' fits doctor

if small_disk "$root" 4m; then
    caches
    head -c 3300000 /dev/zero >"$root/fill"
    run guard --once --keep-free 700kB --cache-root "$root" --json
    is 'guard: deletes' [ "$(value freed)" -gt 40000 ]
    is 'guard: waits for nobody' lacks 'waiting for' "$tmp/err"
    umount "$root"
else
    skip 'guard' 'no tmpfs can be mounted here'
fi

# ---------------------------------------------------------------------- one does

running
caches
picture "$root" >"$tmp/before"
same() { same_tree "$root" "$tmp/before"; }
run prune --garbage --yes --cache-root "$root"
is 'a build runs: exit 3' exits 3
is 'a build runs: named' says 'a build runs on builder default: p1/Dockerfile.slow'
run restore api --cache-root "$root"
is 'a build runs, restore: exit 3' exits 3
is 'a build runs, restore: says so' complains 'a build runs on builder default'
run dedupe --yes --cache-root "$root"
is 'a build runs, dedupe: exit 1' exits 1
run verify --repair --yes api --cache-root "$root"
is 'a build runs: nothing was touched' same
# It ends while --wait waits.
(sleep 1 && over) &
run prune --garbage --yes --wait --cache-root "$root"
wait $!
is 'a build runs, --wait: exit 0' exits 0
is 'a build runs, --wait: said so' complains 'a build runs on builder default'

# -------------------------------------------------------- a docker without a history

rm "$docker/buildx-history.jsonl"
caches
run prune --garbage --yes --cache-root "$root"
is 'no history, old records on an engine that leaks: exit 0' exits 0
printf '{"ServerVersion":"26.1.5","DockerRootDir":"%s"}\n' "$engine" >"$engine/info.json"
caches
run prune --garbage --yes --cache-root "$root"
is 'no history, an engine that does not leak them: exit 3' exits 3
finish
