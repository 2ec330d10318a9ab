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
is 'done: which way, and no complaint' one_complaint
is 'done: the way' complains 'optimised build (BuildKit): compose 2.26.1'
is 'done: asked for all' grep -q 'build$' "$docker/calls.log"
run build --json
is 'done, JSON: exit 0' exits 0
is 'done, JSON: the shape' fits build
is 'done, JSON: the services' equals services '["api","web"]'
is 'done, JSON: the state' equals state 'done'
without_our_lines() { grep -v '^bilge: ' "$tmp/err" | cmp - "$docker/build.log"; }
is 'done, JSON: the output on stderr' without_our_lines
is 'done, JSON: the way' equals way optimised
run build --no-cache web
is '--no-cache web: exit 0' exits 0
is '--no-cache web: handed on' grep -q 'build --no-cache.* web$' "$docker/calls.log"

printf '#1 [api 1/1] RUN x\n#1 0.1 \033[2J\033[31mred\033[0m\r\n#1 DONE\t0.1s\n\377\033]0;t\a\n' \
    >"$docker/build.log"
printf '#1 [api 1/1] RUN x\n#1 0.1 \033[31mred\033[0m\033[0m\n#1 DONE\t0.1s\n\\xff\n' >"$tmp/clean"
run build
is 'a pipe gets colours, and no other control bytes' cmp "$tmp/out" "$tmp/clean"
run build --json
is 'nor does stderr' lacks "$(printf '[\033\a\r]')\[2J" "$tmp/err"
run build --no-color
is 'with --no-color it gets none' lacks "$(printf '[\033\a\r]')" "$tmp/out"

# ------------------------------------- what is named like an option of docker

calls() { : >"$docker/calls.log"; run "$@"; }
called() { grep -qxF -e "$1" "$docker/calls.log" || { cat "$docker/calls.log"; return 1; }; }
project api --push
calls build -- --push
is 'a service named --push: exit 0' exits 0
is 'a service named --push: is a service' called 'compose build -- --push'
calls build
is 'a service named --push, asked for all: exit 0' exits 0
is 'a service named --push, asked for all: not named' called 'compose build'
calls build api
is 'beside one named --push: as ever' called 'compose build api'
calls build --push
is 'without --: exit 2' exits 2
is 'without --: no build' lacks ' build' "$docker/calls.log"
calls build -- --no-cache
is 'an option behind --: exit 2' exits 2
is 'an option behind --: says what it was taken for' complains 'no service "--no-cache"'
: >-o.yml
calls build --file=-o.yml api
is 'a compose file named -o.yml: is a file' called 'compose -f ./-o.yml build api'
calls build --profile=--dry-run --build-arg=--output=x api
is 'a profile named --dry-run: is one' \
    called 'compose --profile=--dry-run build --build-arg=--output=x api'
calls build api --builder=--help
is 'a builder named --help: none of the words' called 'compose build api'
rm -- -o.yml
project api web

cp "$data/compose-2.26-plain-failrun.stdout.txt" "$docker/build.log"
cp "$data/compose-2.26-plain-failrun.stderr.txt" "$docker/build.err"
echo 17 >"$docker/build.status"
run build
is 'failed: exit 1' exits 1
last_complaint() { tail -n 1 "$tmp/err" | grep -e "^bilge: $1"; }
is 'failed: the cause last' last_complaint 'the build failed: '
run build --json
is 'failed, JSON: exit 1' exits 1
is 'failed, JSON: the shape' fits build
is 'failed, JSON: the state' equals state failed
is 'failed, JSON: the exit status of docker' equals exit_status 17
rm "$docker/build.err" "$docker/build.status"

# ------------------------------------------------- what is known, other ways

echo 'ERROR: failed to solve: Cache export is not supported for the docker driver.' \
    >"$docker/build.err"
echo 17 >"$docker/build.status"
run build
is 'known failure: exit 1' exits 1
is 'known failure: cause and fix last' last_complaint 'cause: This builder can.t export'
is 'known failure: the other way' last_complaint '.*bilge build --traditional'
run build --json
is 'known failure, JSON: the shape' fits build
is 'known failure, JSON: its name' equals diagnosis no-cache-export

cp "$data/compose-2.26-legacy-builder-legacy.stdout.txt" "$docker/traditional.log"
run build --fallback
is '--fallback: exit 0' exits 0
is '--fallback: says why' complains "cause: This builder can't export"
is '--fallback: says what' complains 'traditional build (DOCKER_BUILDKIT=0): asked for'
is '--fallback: built' says 'Successfully built'
run build --fallback --json
is '--fallback, JSON: the shape' fits build
is '--fallback, JSON: the way' equals way traditional
echo 'ERROR: failed to solve: process "/bin/sh -c false" did not complete successfully: exit code: 1' \
    >"$docker/build.err"
run build --fallback
is '--fallback: not for a plain failure' exits 1
rm "$docker/build.err" "$docker/build.status"
run build --traditional
is '--traditional: exit 0' exits 0
is '--traditional: built' says 'Successfully built'
DOCKER_BUILDKIT=0
export DOCKER_BUILDKIT
run build
is 'DOCKER_BUILDKIT=0: exit 0' exits 0
is 'DOCKER_BUILDKIT=0: says so' complains 'traditional build (DOCKER_BUILDKIT=0): DOCKER_BUILDKIT=0 is set'
unset DOCKER_BUILDKIT
echo '{"ServerVersion":"26.1.5","DriverStatus":[["Backing Filesystem","extfs"]]}' >"$docker/info.json"
run build
is 'no containerd image store: exit 0' exits 0
is 'no containerd image store: traditional' complains "this builder can't export local caches"
cp compose.yml compose.kept
printf 'services:\n  api:\n    build:\n      context: .\n      cache_to: ["type=local,dest=/x"]\n' >compose.yml
echo '#1 [api 1/1] RUN x' >"$docker/build.log"
mkdir "$tmp/copies"
TMPDIR=$tmp/copies run build
is 'no containerd image store, caches to leave out: exit 0' exits 0
is 'no containerd image store, caches to leave out: says so' \
    complains "without local caches: this builder can't export them (no containerd image store)"
is 'no containerd image store, caches to leave out: the copy' \
    grep -q "compose -f $tmp/copies/bilge-compose-.*/1-compose.yml --project-directory $tmp/cwd build" "$docker/calls.log"
is 'no containerd image store, caches to leave out: no copy is left' holds_nothing "$tmp/copies"
mv compose.kept compose.yml
rm "$docker/info.json" "$docker/traditional.log"

cp compose.yml docker-compose.test-local.yml
cp compose.yml docker-compose.test.yml
run -f docker-compose.test-local.yml build --traditional
is 'the original compose file: exit 0' exits 0
is 'the original compose file: taken' grep -q 'compose -f docker-compose.test.yml build' "$docker/calls.log"
run build --pull --build-arg A=1 --build-arg 'B=2 3' web
is '--pull, --build-arg: handed on' grep -q 'build --pull --build-arg A=1 --build-arg B=2 3 web$' "$docker/calls.log"

# docker-compose 1 alone: the project is not readable, the build runs all the same
touch "$docker/absent"
cat >"$tmp/bin/docker-compose" <<'END'
#!/bin/sh
case $* in
*version*) echo 1.29.2 ;;
*config*) echo 'Usage: config [options]' && exit 0 ;;
*) echo "v1 $DOCKER_BUILDKIT $*" ;;
esac
END
chmod +x "$tmp/bin/docker-compose"
run build api
is 'compose 1: exit 0' exits 0
is 'compose 1: builds by name' says 'v1 1 build api'
is 'compose 1: says how' complains 'optimised build (BuildKit): compose 1.29.2'
run -f docker-compose.test-local.yml build --json api
is 'compose 1, original file: exit 0' exits 0
is 'compose 1, original file: the shape' fits build
is 'compose 1, original file: taken' complains 'v1 0 -f docker-compose.test.yml build api'
rm "$docker/absent" "$tmp/bin/docker-compose"

is 'build-with-compatibility.sh' env PATH="$bilge_path" BILGE="$bilge" \
    "$here/../../compose/build-with-compatibility.sh" --traditional web
is 'build-with-compatibility.sh: its file' \
    [ "$(tail -n 1 "$docker/calls.log")" = 'compose -f docker-compose.test.yml build web' ]

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
