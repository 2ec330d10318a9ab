# What the tests of the command line share: TAP, a world without an engine,
# and small caches. Sourced, with the name of the test's folder in $here.
# shellcheck shell=sh disable=SC2154
set -u

here=$(cd "$here" && pwd -P)
bilge=${BILGE_TEST_BIN:?}
json=$(dirname "$bilge")/tests/cli/jsontool
shapes=$here/shapes # who sources this from elsewhere says where they are
slow=${BILGE_TEST_SLOW:-1}

tmp=$(mktemp -d "${TMPDIR:-/tmp}/bilge-cli.XXXXXX") || exit 1
tmp=$(cd "$tmp" && pwd -P)
trap 'chmod -R u+rwx "$tmp" 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$tmp/home" "$tmp/bin" "$tmp/empty" "$tmp/cwd" "$tmp/root" "$tmp/proc"
cd "$tmp/cwd" || exit 1
export HOME="$tmp/home" DOCKER_CONFIG="$tmp/home/.docker" DOCKER_HOST="unix://$tmp/no-engine.sock"
export BILGE_PROC="$tmp/proc" # a docker build on this machine makes every cache busy
unset DOCKER_CONTEXT BUILDX_BUILDER COMPOSE_FILE COMPOSE_PROJECT_NAME BILGE_LOG NO_COLOR
unset XDG_STATE_HOME XDG_CONFIG_HOME XDG_DATA_HOME
root=$tmp/root
bilge_path=$tmp/empty # no docker, until with_docker

# ------------------------------------------------------------------- TAP

number=0
failures=0

# is NAME COMMAND...: one test; it passes when the command does.
is() {
    test_name=$1
    shift
    number=$((number + 1))
    if "$@" >"$tmp/why" 2>&1; then
        echo "ok $number - $test_name"
    else
        failures=$((failures + 1))
        echo "not ok $number - $test_name"
        echo "# failed: $*"
        sed 's/^/# /' "$tmp/why"
        sed 's/^/#   err: /' "$tmp/err"
    fi
}

# fails NAME: a test that has failed; what went wrong stands in $tmp/why.
fails() {
    number=$((number + 1))
    failures=$((failures + 1))
    echo "not ok $number - $1"
    sed 's/^/# /' "$tmp/why"
}

# prepare COMMAND...: what the tests that follow stand on. When it fails they would fail for
# another reason than they say, so this test ends here.
prepare() {
    "$@" >"$tmp/why" 2>&1 && return
    fails "preparation: $*"
    finish
    exit 1
}

# needs NAME COMMAND...: a test that those that follow stand on. When it fails it is the last one.
needs() {
    failures_before=$failures
    is "$@"
    [ "$failures" -eq "$failures_before" ] && return
    echo '# the tests after this one stand on it: they did not run'
    finish
    exit 1
}

skip() {
    number=$((number + 1))
    echo "ok $number - $1 # SKIP $2"
}

finish() {
    echo "1..$number"
    [ "$failures" -eq 0 ]
}

# ------------------------------------------------------------- one call

# run ARGUMENT...: calls bilge; leaves $status, and what it wrote in $tmp/out
# and $tmp/err.
run() {
    status=0
    timeout $((60 * slow)) env PATH="$bilge_path" "$bilge" "$@" \
        >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
}

# run_as_other ARGUMENT...: the same as a user who is not root; as root that is
# nobody, who may not be able to enter the directory that bilge was built in.
run_as_other() {
    status=0
    if [ "$(id -u)" -ne 0 ]; then
        run "$@"
        return
    fi
    chmod 755 "$tmp"
    [ -x "$tmp/bilge" ] || install -m 755 "$bilge" "$tmp/bilge"
    timeout $((60 * slow)) setpriv --reuid 65534 --regid 65534 --clear-groups \
        env PATH="$bilge_path" HOME=/nonexistent "$tmp/bilge" "$@" \
        >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
}

exits() { [ "$status" -eq "$1" ] || { echo "exit status $status, not $1"; return 1; }; }
says() { grep -F -e "$1" "$tmp/out" || { cat "$tmp/out"; return 1; }; }
complains() { grep -F -e "$1" "$tmp/err"; }
silent() { [ ! -s "$tmp/out" ] || { cat "$tmp/out"; return 1; }; }
quiet() { [ ! -s "$tmp/err" ] || { cat "$tmp/err"; return 1; }; }
one_complaint() { [ "$(wc -l <"$tmp/err")" -eq 1 ] && grep -q '^bilge: ' "$tmp/err"; }
fits() { "$json" check "$shapes/$1.json" <"$tmp/out"; }
value() { "$json" get "$1" <"$tmp/out"; }
equals() { [ "$(value "$1")" = "$2" ] || { echo "$1 is $(value "$1"), not $2"; return 1; }; }
# lacks TEXT FILE: a file that can't be read is a failure, too.
lacks() {
    found=0
    grep -n -e "$1" "$2" || found=$?
    [ "$found" -eq 1 ]
}
exists() { [ -e "$1" ]; }
# holds_nothing DIRECTORY: one that is not there does not count.
holds_nothing() { [ -d "$1" ] && [ -z "$(ls -A "$1")" ] || { ls -lA "$1"; return 1; }; }
gone() { [ ! -e "$1" ]; }

# wait_for COMMAND...: until it succeeds; a test that fails when it does not.
wait_for() {
    tries=0
    until "$@" >"$tmp/why" 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt $((200 * slow)) ] || {
            fails "waiting for: $*"
            return 1
        }
        sleep 0.05
    done
}

# What "du" says; bilge must agree with it to the byte.
du_bytes() { du -B1 -s -- "$1" | head -n 1 | cut -f1; }

# ----------------------------------------------------------------- caches

# put_blob CACHE: stdin becomes a blob; prints its digest in hex.
put_blob() {
    mkdir -p "$1/blobs/sha256" "$1/ingest"
    cat >"$1/ingest/new"
    hex=$(sha256sum <"$1/ingest/new" | cut -d' ' -f1)
    mv "$1/ingest/new" "$1/blobs/sha256/$hex"
    echo "$hex"
}

blob_size() { wc -c <"$1/blobs/sha256/$2" | tr -d ' '; }

# export_cache CACHE SEED [BYTES]: what an export of BuildKit leaves: a layer
# of its own, one that all generations share, config, manifest, index.json.
export_cache() {
    cache=$1 seed=$2 bytes=${3:-20000}
    layer=$(head -c "$bytes" /dev/zero | sed "1s/^/$seed/" | put_blob "$cache")
    base=$(head -c 9000 /dev/zero | sed "1s/^/base/" | put_blob "$cache")
    config=$(printf '{"layers":[{"blob":"sha256:%s"}],"records":[],"seed":"%s"}' "$layer" "$seed" |
        put_blob "$cache")
    type=application/vnd.oci.image
    manifest=$(printf '{"schemaVersion":2,"mediaType":"%s","manifests":[%s,%s,%s]}' \
        "$type.index.v1+json" \
        "$(descriptor "$cache" "$type.layer.v1.tar+gzip" "$base")" \
        "$(descriptor "$cache" "$type.layer.v1.tar+gzip" "$layer")" \
        "$(descriptor "$cache" application/vnd.buildkit.cacheconfig.v0 "$config")" |
        put_blob "$cache")
    printf '{"imageLayoutVersion":"1.0.0"}' >"$cache/oci-layout"
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"sha256:%s","size":%s,%s}]}' \
        "$type.index.v1+json" "$manifest" "$(blob_size "$cache" "$manifest")" \
        '"annotations":{"org.opencontainers.image.ref.name":"latest"}' >"$cache/index.json"
}

descriptor() {
    printf '{"mediaType":"%s","digest":"sha256:%s","size":%s}' "$2" "$3" "$(blob_size "$1" "$3")"
}

# make_old CACHE WHEN: as if the last export had been then.
make_old() { find "$1" -exec touch -h -d "$2" {} +; }

# small_disk DIRECTORY SIZE: a file system of its own there, if we may: the test
# begins with mounts.sh. It goes with the mount namespace.
small_disk() {
    [ -n "${BILGE_TEST_MOUNTS-}" ] &&
        mount -t tmpfs -o "size=$2,mode=755" bilge-test "$1" 2>/dev/null
}

# A picture of a tree, to see that nothing in it was touched.
picture() { (cd "$1" && find . -printf '%p %y %s %T@ %i\n' | LC_ALL=C sort); }

# --------------------------------------------------- docker and an engine

# with_docker: a docker in PATH that answers from the files in $docker.
with_docker() {
    docker=$tmp/docker
    mkdir -p "$docker"
    cp "${BILGE_TEST_SUPPORT:?}/fake-docker" "$tmp/bin/docker"
    chmod +x "$tmp/bin/docker"
    bilge_path=$tmp/bin:$PATH
    export FAKE_DOCKER_DIR="$docker"
}

# project SERVICE...: a compose project, each service with a cache in $root.
project() {
    : >compose.yml
    {
        printf '{"name":"sample","services":{'
        comma=''
        for service; do
            printf '%s"%s":{"build":{"context":"%s","dockerfile":"Dockerfile",' \
                "$comma" "$service" "$tmp/cwd"
            printf '"cache_to":["type=local,dest=%s/%s,mode=max"]}}' "$root" "$service"
            comma=,
        done
        printf '}}\n'
    } >"$docker/config.json"
}

# with_engine: an engine that answers from the files in $engine.
with_engine() {
    if [ ! -x "${BILGE_TEST_FAKE_ENGINE:-}" ]; then
        skip 'with an engine' 'the fake engine was not built'
        finish
        exit
    fi
    engine=$tmp/engine
    mkdir -p "$engine"
    echo OK >"$engine/_ping.json"
    echo '{"Version":"26.1.5","ApiVersion":"1.45","Os":"linux"}' >"$engine/version.json"
    printf '{"ServerVersion":"26.1.5","DockerRootDir":"%s"}\n' "$engine" >"$engine/info.json"
    "$BILGE_TEST_FAKE_ENGINE" "$tmp/engine.sock" "$engine" >/dev/null 2>&1 &
    engine_pid=$!
    trap 'kill "$engine_pid"; chmod -R u+rwx "$tmp" 2>/dev/null; rm -rf "$tmp"' EXIT
    wait_for [ -S "$tmp/engine.sock" ]
    DOCKER_HOST=unix://$tmp/engine.sock
}

# same_tree TREE PICTURE: the tree is as it was.
same_tree() { picture "$1" >"$tmp/after" && cmp "$2" "$tmp/after"; }
