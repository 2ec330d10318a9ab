#!/bin/sh
# Builds on a real engine: steps, states, times and what came from the cache,
# as bilge tells them, are what the engine's own words say; those are read
# without any of bilge's code. Run for each suite: builds-bookworm.sh, ...
here=$(dirname "$0")
suite=${suite:-trixie}
# shellcheck source=tests/engine/suite.sh
. "$here/suite.sh"

# ------------------------------------------------------------ the projects

nap=6$$ # seconds that no other process on this machine sleeps

# compose_of SERVICE...: each from Dockerfile.SERVICE, with a cache of its own
# where compose knows such.
compose_of() {
    echo services:
    for service; do
        printf '  %s:\n    image: bilge-lab/%s\n    build:\n' "$service" "$service"
        printf '      context: .\n      dockerfile: Dockerfile.%s\n      network: none\n' "$service"
        [ "$suite" = bookworm ] || cat <<EOF
      cache_from: ["type=local,src=$root/$service"]
      cache_to: ["type=local,dest=$root/$service,mode=max"]
EOF
    done
}

cat >Dockerfile.api <<'EOF'
FROM local/base:1 AS builder
WORKDIR /app
COPY deps.txt .
RUN sleep 0.3; cat deps.txt; head -c 100000 /dev/urandom >/deps.bin
ARG COLOUR=red
RUN echo "colour $COLOUR"; echo to-stderr >&2
COPY main.txt .
RUN cat main.txt >/main.bin
FROM local/base:1
COPY --from=builder /deps.bin /main.bin /
EOF
printf 'FROM local/base:1\nRUN echo good; sleep 20\n' >Dockerfile.good
printf 'FROM local/base:1\nCOPY deps.txt /\nRUN sleep 1; echo bad >&2; exit 3\n' >Dockerfile.bad
printf 'FROM local/base:1\nCOPY deps.txt /\nRUN echo "error[E0425]: no such value" >&2; exit 101\nRUN echo never\n' \
    >Dockerfile.failrun
printf 'FROM local/base:1\nCOPY deps.txt missing.txt /\n' >Dockerfile.failcopy
printf 'FROM local/base:1\nRUNN echo\n' >Dockerfile.syntax
printf 'FROM local/base:1\nCOPY deps.txt /\nRUN echo asleep; sleep %s\n' "$nap" >Dockerfile.slow
printf 'FROM local/base:1\nRUN --mount=type=cache,target=/c echo hi\n' >Dockerfile.mount
echo deps >deps.txt
echo main >main.txt
for service in api failrun failcopy syntax slow mount; do
    compose_of $service >$service.yml
done
compose_of bad good >pair.yml

# build PROJECT [OPTION...]: --json, so that all can be compared. Where compose
# can't tell what a project holds, its service is named.
build() {
    file=$1.yml service=$1
    shift
    [ "$suite" = bookworm ] && [ "$file" != pair.yml ] && set -- "$@" "$service"
    run -f "$file" build --json "$@"
}
step() { "$json" each steps state instruction <"$tmp/out" | grep -F "$1	$2"; }
no_process() {
    for process in /proc/[0-9]*/cmdline; do
        [ "$(tr '\0' ' ' 2>/dev/null <"$process")" != "sleep $nap " ] || return 1
    done
}
slept() { awk -F '\t' '$3 ~ /RUN sleep 0.3/ && ($2 >= 250 || $2 == "-") { found = 1 } END { exit !found }' "$tmp/bilge.reading"; }

# The engine's own books: how often each record of the cache was used, of all;
# and, where it keeps a history, what that says of the newest build.
uses() {
    docker system df -v --format '{{range .BuildCache}}{{println .UsageCount}}{{end}}' |
        awk '{ sum += $1 } END { print sum + 0 }'
}
engine_history() { docker buildx history ls --format json 2>/dev/null | head -n 1; }
engine_value() { engine_history | sed "s/.*\"$1\":\([0-9]*\).*/\1/"; }
has_history() { engine_history | grep -q '"ref"'; }
# The client's own steps are unknown to the engine.
as_in_history() {
    echo "cached, all: $(engine_value cached_steps), $(engine_value completed_steps)"
    [ "$(engine_value cached_steps)" -eq "$(grep -c '^cached' "$tmp/bilge.reading")" ] &&
        [ "$(engine_value completed_steps)" -eq \
            "$(grep -c -v -e 'load local bake definitions' -e 'resolving provenance' "$tmp/bilge.reading")" ]
}

# ------------------------------------------------------------------ builds

docker builder prune -af >/dev/null 2>&1
build api
is 'first build: exit 0' exits 0
is 'first build: the state' equals state done
is 'first build: all as the engine says' agree $events no "$said.out" "$said.err"
is 'first build: nothing came from the cache' [ "$(cached_steps)" -eq 0 ]
is 'first build: its work is there' step done 'RUN sleep 0.3'
is 'first build: sleep took its time' slept

before=$(uses)
build api
is 'nothing changed: the engine used what it had' [ "$(uses)" -gt "$before" ]
is 'nothing changed: exit 0' exits 0
is 'nothing changed: all as the engine says' agree $events no "$said.out" "$said.err"
is 'nothing changed: all steps from the cache' [ "$(cached_steps)" -eq 7 ]
run history --json --limit 1
is 'nothing changed: remembered so' equals builds.0.steps_cached 7
is 'nothing changed: of as many' equals builds.0.steps_over 7

echo changed >main.txt
build api
is 'code changed: all as the engine says' agree $events no "$said.out" "$said.err"
has_history && is 'code changed: as the engine remembers it' as_in_history
is 'code changed: what stands before is cached' [ "$(cached_steps)" -eq 4 ]

build api --no-cache
is '--no-cache: all as the engine says' agree $events no "$said.out" "$said.err"
is '--no-cache: no work is cached' lacks '^cached.*\] \(RUN\|COPY\)' "$tmp/engine.reading"

# What plain progress of the same tool, captured as it is, says of the same.
plain_build() {
    if [ "$suite" = bookworm ]; then
        DOCKER_BUILDKIT=1 COMPOSE_DOCKER_CLI_BUILD=1 BUILDKIT_PROGRESS=plain docker-compose -f api.yml build
    else
        docker compose -f api.yml --progress plain build
    fi
}
plain_build >"$lab/plain.out" 2>"$lab/plain.err" </dev/null
build api
is 'again: all as the engine says' agree $events no "$said.out" "$said.err"
counted=$(cached_steps)
reading_of plain no "$lab/plain.out" "$lab/plain.err" >"$tmp/engine.reading"
is 'again: plain progress counts as many from the cache' [ "$(cached_steps)" -eq "$counted" ]
is 'again: and that is all' [ "$counted" -eq 7 ]

build failrun
is 'failing RUN: exit 1' exits 1
is 'failing RUN: all as the engine says' agree $events yes "$said.out" "$said.err"
is 'failing RUN: the step' step failed 'RUN echo "error[E0425]'
is 'failing RUN: its reason' grep -q 'exit code: 101' "$tmp/out"
is 'failing RUN: no known cause' equals diagnosis null
build failcopy
is 'failing COPY: exit 1' exits 1
is 'failing COPY: all as the engine says' agree $events yes "$said.out" "$said.err"
is 'failing COPY: the cause' equals diagnosis copy-missing
build syntax
is 'syntax error: exit 1' exits 1
is 'syntax error: all as the engine says' agree $events yes "$said.out" "$said.err"
is 'syntax error: the cause' equals diagnosis dockerfile

build pair
is 'two, one fails: exit 1' exits 1
is 'two, one fails: all as the engine says' agree $events yes "$said.out" "$said.err"
is 'two, one fails: the bad one' step failed 'RUN sleep 1; echo bad'
[ "$suite" = bookworm ] ||
    is 'two, one fails: the good one was called off' step cancelled 'RUN echo good'
# A person sees the cause last.
run -f pair.yml build
last_is_cause() { tail -n 1 "$tmp/err" | grep 'the build failed: .*exit code: 3'; }
is 'two, one fails, as text: the cause last' last_is_cause

# --------------------------------------------------------------- traditional

build api --traditional
is 'traditional: exit 0' exits 0
is 'traditional: all as the builder says' agree legacy yes "$said.out" "$said.err"
is 'traditional: the way' equals way traditional
build api --traditional
is 'traditional, again: all as the builder says' agree legacy yes "$said.out" "$said.err"
is 'traditional, again: all from the cache' [ "$(grep -c '^cached' "$tmp/engine.reading")" -ge 7 ]
DOCKER_BUILDKIT=0
export DOCKER_BUILDKIT
build failrun
unset DOCKER_BUILDKIT
is 'DOCKER_BUILDKIT=0, failing RUN: exit 1' exits 1
is 'DOCKER_BUILDKIT=0, failing RUN: all as the builder says' agree legacy yes "$said.out" "$said.err"
is 'DOCKER_BUILDKIT=0, failing RUN: says why so' complains 'DOCKER_BUILDKIT=0 is set'
build mount --traditional
is 'traditional, RUN --mount: exit 1' exits 1
is 'traditional, RUN --mount: the cause' equals diagnosis no-buildkit

# --------------------------------------------------------------- interrupted

env PATH="$bilge_path" "$bilge" -f slow.yml build --json slow >"$tmp/out" 2>"$tmp/err" </dev/null &
pid=$!
wait_for grep -q '^#.* asleep$' "$tmp/err"
naps() { ! no_process; }
is 'before the interrupt: it sleeps in the engine' naps
kill -s INT $pid
status=0
wait $pid || status=$?
is 'interrupted: exit 130' exits 130
is 'interrupted: the state' equals state cancelled
is 'interrupted: all as the engine says' agree $events yes "$said.out" "$said.err"
is 'interrupted: the step was called off' step cancelled 'RUN echo asleep'
wait_for no_process
is 'interrupted: nothing sleeps in the engine' no_process

finish
