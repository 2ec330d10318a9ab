#!/bin/sh
# bilge build, with a docker that answers from files.
here=$(dirname "$0")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"
data=${BILGE_TEST_DATA:?}/build

run build
is 'no docker: exit 1' exits 1
is 'no docker: one line' one_complaint
is 'no docker: nothing on stdout' silent

with_docker
echo 'no configuration file provided: not found' >"$docker/config.err"
echo 14 >"$docker/config.status"
run build
is 'no project: exit 1' exits 1
is 'no project: one line' one_complaint
rm "$docker/config.err" "$docker/config.status"

project api web
cp "$data/compose-2.26-plain-two-services-parallel.stdout.txt" "$docker/build.log"
run build
is 'done: exit 0' exits 0
is 'done: the output as it came' cmp "$tmp/out" "$docker/build.log"
is 'done: no complaint' quiet
is 'done: asked for all' grep -q 'build$' "$docker/calls.log"
run build --json
is 'done, JSON: exit 0' exits 0
is 'done, JSON: the shape' fits build
is 'done, JSON: the services' equals services '["api","web"]'
is 'done, JSON: the state' equals state 'done'
is 'done, JSON: the output on stderr' cmp "$tmp/err" "$docker/build.log"
run build --no-cache web
is '--no-cache web: exit 0' exits 0
is '--no-cache web: handed on' grep -q 'build --no-cache.* web$' "$docker/calls.log"

printf '#1 [api 1/1] RUN x\n#1 0.1 \033[2J\033[31mred\033[0m\r\n#1 DONE 0.1s\n\377\n' >"$docker/build.log"
run build
is 'raw bytes pass to a pipe' cmp "$tmp/out" "$docker/build.log"

cp "$data/compose-2.26-plain-failrun.stdout.txt" "$docker/build.log"
cp "$data/compose-2.26-plain-failrun.stderr.txt" "$docker/build.err"
echo 17 >"$docker/build.status"
run build
is 'failed: exit 1' exits 1
last_complaint() { tail -n 1 "$tmp/err" | grep '^bilge: the build failed: '; }
is 'failed: the cause last' last_complaint
run build --json
is 'failed, JSON: exit 1' exits 1
is 'failed, JSON: the shape' fits build
is 'failed, JSON: the state' equals state failed
is 'failed, JSON: the exit status of docker' equals exit_status 17
rm "$docker/build.err" "$docker/build.status"

run build nosuch
is 'unknown service: exit 2' exits 2
is 'unknown service: one line' one_complaint
is 'unknown service: nothing was built' lacks nosuch "$docker/calls.log"
run build api nosuch
is 'known and unknown service: exit 2' exits 2

for signal in INT TERM HUP; do
    echo hang >"$docker/build.mode"
    printf '#5 [api 1/1] RUN sleep\n' >"$docker/build.1"
    : >"$tmp/err"
    env PATH="$bilge_path" "$bilge" build --json >"$tmp/out" 2>"$tmp/err" </dev/null &
    pid=$!
    wait_for grep -q sleep "$tmp/err"
    kill -s $signal $pid
    wait $pid
    status=$?
    is "SIG$signal: exit 130" exits 130
    is "SIG$signal: the shape" fits build
    is "SIG$signal: the state" equals state cancelled
    is "SIG$signal: docker was told" grep -q CANCELED "$tmp/err"
done

echo flood >"$docker/build.mode"
env PATH="$bilge_path" "$bilge" build 2>"$tmp/err" </dev/null | head -n 100 >"$tmp/out"
is 'reader goes away: bilge ends' grep -q 'broken pipe' "$tmp/err"
if [ -e /dev/full ]; then
    status=0
    timeout 60 env PATH="$bilge_path" "$bilge" build >/dev/full 2>"$tmp/err" </dev/null || status=$?
    is 'full disk: the build stops, exit 1' exits 1
    is 'full disk: says so' complains 'no space left'
else
    skip 'full disk: the build stops, exit 1' 'no /dev/full'
    skip 'full disk: says so' 'no /dev/full'
fi

finish
