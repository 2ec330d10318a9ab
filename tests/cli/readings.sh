#!/bin/sh
# All recorded builds: what "bilge build" makes of the output is what another
# reading of the same bytes finds in it.
here=$(dirname "$0")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/cli/reading.sh
. "$here/reading.sh"
data=${BILGE_TEST_DATA:?}/build

with_docker
project api
echo 1 >"$docker/build.status"

format_of() {
    case $1 in
    *rawjson* | *progress-json*) echo rawjson ;;
    *legacy-builder* | *buildkit0* | *-legacy-* | *-no-buildx) echo legacy ;;
    *) echo plain ;;
    esac
}

# They failed before their first step: neither reading finds one.
is_empty() {
    agree "$@"
    [ ! -s "$tmp/engine.reading" ] && [ ! -s "$tmp/bilge.reading" ]
}

for expected in "$data"/*.expected; do
    name=$(basename "$expected" .expected)
    format=$(format_of "$name")
    cat "$data/$name.stdout.txt" >"$docker/build.log" 2>/dev/null
    cat "$data/$name.stderr.txt" >"$docker/build.err" 2>/dev/null
    way=
    [ "$format" = legacy ] && way=--traditional
    # shellcheck disable=SC2086
    run build --json $way
    [ -s "$docker/build.log" ] || [ -s "$docker/build.err" ] || echo nothing >>"$tmp/err"
    case $name in
    *-no-builder | *-no-engine | *-no-file | *-no-service) read_by=is_empty ;;
    *) read_by=agree ;;
    esac
    is "$name" "$read_by" "$format" yes "$docker/build.log" "$docker/build.err"
done
is 'there were some' [ "$number" -ge 50 ]
finish
