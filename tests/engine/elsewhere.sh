#!/bin/sh
# The engine's own history of builds, where its buildx has one: what others
# built stands in "bilge history", bilge's own builds only once.
here=$(dirname "$0")
# shellcheck disable=SC2034
suite=forky
# shellcheck source=tests/engine/suite.sh
. "$here/suite.sh"
printf 'FROM local/base:1\nRUN echo %s\n' "$$" >Dockerfile
printf 'services:\n  mine:\n    build: {context: ., network: none}\n' >compose.yml
# What older runs of tests have left in this engine is not asked about.
begun=$(date +%s)
rows() {
    "$json" each builds by service state started_at <"$tmp/out" | while IFS='	' read -r by service state at; do
        [ "$(date -d "$at" +%s)" -lt "$begun" ] || echo "$by $service $state"
    done
}
has() { rows >"$tmp/rows" && [ "$(sort "$tmp/rows" | tr '\n' ',')" = "$1" ] || { cat "$tmp/rows"; return 1; }; }

run build
is 'built' exits 0
run history --json
is 'its own build stands there once' has 'bilge mine done,'
# What lies within two seconds of bilge's own build could be the same one.
ended=$(date +%s)
later() { [ "$(date +%s)" -gt $((ended + 2)) ]; }
wait_for later
docker buildx build --network none -t bilge-lab/other "$lab/project" >/dev/null 2>&1
printf 'FROM local/base:1\nRUN exit 3\n' >Dockerfile
docker buildx build --network none "$lab/project" >/dev/null 2>&1
run history --json
is 'what others built is told' has 'bilge mine done,engine project done,engine project failed,'
run history
is 'and marked' says 'not run by bilge'
run history --own --json
is '--own: not told' has 'bilge mine done,'
finish
