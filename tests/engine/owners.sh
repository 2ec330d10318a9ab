#!/bin/sh
# Whose the records of a real engine are: two services with caches of their own,
# a layer and a cache mount in common; and a third that exports nothing, so that
# only its Dockerfile tells, until bilge itself has built it.
here=$(dirname "$0")
# shellcheck source=tests/engine/lib.sh
. "$here/lib.sh"
export COMPOSE_FILE="$lab/project/compose.yml"

for service in api worker; do
    cat >"Dockerfile.$service" <<EOF
# escape=\`
ARG BASE=local/base:1
FROM \$BASE AS builder
RUN head -c 3000000 /dev/urandom >/common
ARG WHERE=/$service.in
COPY $service.txt \$WHERE
RUN --mount=type=cache,id=lab-shared,target=/shared \`
    --mount=type=cache,target=/$service-only \`
    # a comment within
    echo $service >/shared/$service && echo "for \$PURPOSE" >/$service-only/x && head -c 400000 /dev/urandom >/$service.bin
FROM local/base:1
COPY --from=builder /$service.bin /bin/
EOF
    echo one >"$service.txt"
done
cat >Dockerfile.tool <<'EOF'
FROM local/base:1
RUN --mount=type=cache,id=lab-tool,target=/t head -c 50000 /dev/urandom >/t/x; head -c 700000 /dev/urandom >/tool.bin
COPY tool.txt /
EOF
echo one >tool.txt
{
    printf 'name: bilge-lab\nservices:\n'
    for service in api worker tool; do
        printf '  %s:\n    build:\n      context: .\n      dockerfile: Dockerfile.%s\n      network: none\n' \
            $service $service
        [ $service = tool ] || printf '      cache_to: ["type=local,dest=%s/%s,mode=max"]\n' "$root" $service
    done
} >compose.yml

is 'three services build' build
docker image rm -f bilge-lab-api bilge-lab-worker bilge-lab-tool >/dev/null 2>&1

# owners TEXT: "services guess" of each record whose description has it.
owners() {
    run --cache-root "$root" du --json --text "$1" --type "${2-regular}"
    "$json" each records services guess <"$tmp/out" | sort -u
}
owners_are() { # TEXT EXPECTED [TYPE]
    [ "$(owners "$1" "${3-regular}")" = "$2" ] || { owners "$1" "${3-regular}"; return 1; }
}
is 'a COPY, with its variable expanded' owners_are 'COPY api.txt /api.in' '["api"]	false'
is 'a RUN, with comments and continued lines' owners_are 'head -c 400000 /dev/urandom >/worker.bin' '["worker"]	false'
is 'a mount that one has' owners_are 'cached mount /api-only' '["api"]	false' exec.cachemount
is 'a mount that two share' owners_are 'cached mount /shared' '["api","worker"]	false' exec.cachemount
is 'a mount of the one without a cache' owners_are 'cached mount /t ' '["tool"]	false' exec.cachemount
is 'a step of the one without a cache: a guess' owners_are 'mount / from exec /bin/sh -c head -c 50000' '["tool"]	true'

ids() {
    run du --json
    "$json" each records id <"$tmp/out" | sort
}
own_steps() { # of the service: those that it surely has alone
    run --cache-root "$root" du --json --service "$1"
    "$json" each records service <"$tmp/out" | grep -cx "$1"
}

# Its own, and no other: what a guess says stays.
ids >"$tmp/ids.before"
run --cache-root "$root" prune --service tool --yes --json
is 'prune tool: exit 0' exits 0
is 'prune tool: its mount alone' [ "$("$json" each items kind service <"$tmp/out")" = 'record	tool' ]
is 'prune tool: the guesses are kept' grep -q 'only its text says so' "$tmp/out"
ids >"$tmp/ids.after"
is 'prune tool: one record went' [ "$(comm -23 "$tmp/ids.before" "$tmp/ids.after" | wc -l)" -eq 1 ]
run --cache-root "$root" prune --service tool --guesses --dry-run --json
is 'with --guesses: its steps, too' [ "$("$json" each items id <"$tmp/out" | wc -l)" -eq 2 ]

# What bilge builds, it knows.
forget_all
rm -rf "${root:?}"/*
run build --json
is 'bilge builds them' exits 0
docker image rm -f bilge-lab-api bilge-lab-worker bilge-lab-tool >/dev/null 2>&1
is 'known by the build: a step' owners_are 'mount / from exec /bin/sh -c head -c 50000' '["tool"]	false'
is 'known by the build: a COPY' owners_are 'COPY tool.txt /' '["tool"]	false'
is 'known by caches: nothing less' owners_are 'COPY api.txt /api.in' '["api"]	false'
is 'tool has three of its own' [ "$(own_steps tool)" -eq 3 ]
run --cache-root "$root" prune --service tool --yes --json
is 'prune tool: exit 0' exits 0
is 'prune tool: all three' [ "$("$json" each items id <"$tmp/out" | wc -l)" -eq 3 ]
is 'prune tool: freed as planned' [ "$(value freed)" = "$(value planned)" ]

# The others lose nothing. (That the next build takes all from them can't be asked
# of this engine: after any prune, 26.1.5 runs every step again, also when it was
# one cache mount of another service.)
worker_ids() {
    run --cache-root "$root" du --json --service worker
    "$json" each records id <"$tmp/out" | sort
}
worker_ids >"$tmp/worker.before"
is 'worker has records' [ "$(wc -l <"$tmp/worker.before")" -ge 6 ]
run --cache-root "$root" prune --service api --yes --json
is 'prune api: exit 0' exits 0
is 'prune api: the mount that worker needs is kept' grep -q 'also used by worker' "$tmp/out"
is 'prune api: its directory is gone' gone "$root/api"
worker_ids >"$tmp/worker.after"
is 'worker: each of its records is there' cmp "$tmp/worker.before" "$tmp/worker.after"
is 'worker: verifies' verifies worker
is 'worker: builds' build worker
docker image rm -f bilge-lab-worker >/dev/null 2>&1
run --cache-root "$root" prune --service api --others --records --dry-run --json
is 'with --others: what both need' grep -q '"gone_for_good":true' "$tmp/out"
finish
