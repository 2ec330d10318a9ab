#!/bin/sh
# The sample project with docker-compose 1 and an engine of its time: built all
# the same, and bilge says how.
here=$(dirname "$0")
# shellcheck disable=SC2034
suite=bookworm
# shellcheck source=tests/engine/suite.sh
. "$here/suite.sh"
mkdir "$lab/tmp"
export TMPDIR="$lab/tmp" BILGE_CACHE_ROOT="$root" # docker-compose must see the copies

services='orchestration ruby-worker rust-worker'
sample=$here/../sample
images() { docker image ls --format '{{.Repository}}' | grep -c '^bilge-sample/'; }
forget() {
    for service in $services; do docker image rm -f "bilge-sample/$service"; done >/dev/null 2>&1
    docker builder prune -af >/dev/null 2>&1
}
way() { grep "^bilge: $1" "$tmp/err"; }
built() { [ "$(images)" -eq 3 ] || { docker image ls; return 1; }; }
no_copies() { [ -z "$(ls "$lab/tmp")" ]; }

# ------------------------------------------- with the original files beside
cp -r "$sample/." .
forget
run build
is 'sample: exit 0' exits 0
is 'sample: the way' way 'traditional build (DOCKER_BUILDKIT=0, .*compose.original.yml): docker-compose 1 knows no cache_to; docker 20.10[^ ]* (API 1.41), compose 1.29'
is 'sample: three images' built
forget
run build --traditional --json
is 'sample, --traditional: exit 0' exits 0
is 'sample, --traditional: the way' equals way traditional
is 'sample, --traditional: as the builder says' agree legacy yes "$said.out" "$said.err"
is 'sample, --traditional: three images' built
forget
DOCKER_BUILDKIT=0
export DOCKER_BUILDKIT
run build
unset DOCKER_BUILDKIT
is 'sample, DOCKER_BUILDKIT=0: exit 0' exits 0
is 'sample, DOCKER_BUILDKIT=0: the way' way 'traditional build (DOCKER_BUILDKIT=0, .*): DOCKER_BUILDKIT=0 is set'
is 'sample, DOCKER_BUILDKIT=0: three images' built
run build --fallback ruby-worker
is 'sample, --fallback, one service: exit 0' exits 0

# --------------------------------------------------- without them: no caches
rm compose.original.yml */Dockerfile.original
forget
run build --json
is 'alone: exit 0' exits 0
is 'alone: the way' equals way optimised
is 'alone: says how' way 'optimised build (BuildKit), without local caches: docker-compose 1 knows no cache_to; docker 20.10[^ ]* (API 1.41), compose 1.29'
is 'alone: as the engine says' agree plain no "$said.out" "$said.err"
is 'alone: three images' built
is 'alone: no copy is left' no_copies
is 'alone: no cache was written' holds_nothing "$root"
run build --json
is 'alone, again: as the engine says' agree plain no "$said.out" "$said.err"
is 'alone, again: from the engine'"'"'s own cache' [ "$(cached_steps)" -ge 10 ]
run build --traditional ruby-worker
is 'alone, --traditional: exit 1' exits 1
is 'alone, --traditional: the cause, last' complains 'cause: The Dockerfile needs BuildKit, which is switched off'
is 'alone, --traditional: no copy is left' no_copies

# A form that can't be left out: refused, with the remedy.
cat >compose.yml <<EOF
services: {ruby-worker: {build: {context: ruby-worker, cache_to: ["type=local,dest=$root/x"]}}}
EOF
run build ruby-worker
is 'not to be left out: exit 1' exits 1
is 'not to be left out: the remedy' complains 'Fix: install docker-compose version 2'
is 'not to be left out: no copy is left' no_copies

finish
