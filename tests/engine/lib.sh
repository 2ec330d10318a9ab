# What the tests on a real engine share: a project of one service that is
# cheap to build and easy to change. Sourced, with the name of the test's
# folder in $here. Needs a private engine (tests/support/engine), whose
# directory BILGE_TEST_ENGINE_DIR names.
# shellcheck shell=sh disable=SC2154
if [ -z "${BILGE_TEST_ENGINE_DIR-}" ]; then
    echo '1..0 # SKIP no private engine'
    exit 0
fi
export BILGE_TEST_ALONE=1 # the builds of these tests are seen, and are meant to be
unset TMPDIR # one below /dev is seen inside the engine's root, too, and /tmp is not
# shellcheck source=tests/cli/lib.sh
. "$here/../cli/lib.sh"

shapes=$here/../cli/shapes
engine=$BILGE_TEST_ENGINE_DIR
lab=$engine/work/caches-$$ # the same path inside and outside
trap 'docker builder prune -af >/dev/null 2>&1; rm -rf "$lab"; rm -rf "$tmp"' EXIT
mkdir -p "$lab/project" "$lab/caches" "$lab/proc"
root=$lab/caches
bilge_path=$engine/bin:/usr/bin:/bin
PATH=$engine/bin:$PATH
export PATH DOCKER_HOST="unix://$engine/run/docker.sock" DOCKER_CONFIG="$lab/docker"
export BILGE_PROC="$lab/proc"
cd "$lab/project" || exit 1

# A builder stage of two steps of work, of which the second depends on
# main.txt, and a last stage that takes from both.
cat >Dockerfile <<'EOF'
FROM local/base:1 AS builder
WORKDIR /app
COPY deps.txt .
RUN head -c 400000 /dev/urandom >/deps.bin && cat deps.txt
COPY main.txt .
RUN head -c 200000 /dev/urandom >/main.bin && cat main.txt
FROM local/base:1
COPY --from=builder /deps.bin /main.bin /
EOF
echo deps >deps.txt

# make_compose SERVICE...: each with its own cache.
make_compose() {
    echo "name: bilge-lab" >compose.yml
    echo "services:" >>compose.yml
    for service in "$@"; do
        cat >>compose.yml <<EOF
  $service:
    build:
      context: .
      network: none
      cache_from: ["type=local,src=$root/$service"]
      cache_to: ["type=local,dest=$root/$service,mode=max"]
EOF
    done
}

# build SERVICE...: leaves what it printed in $tmp/build; fails as it does.
build_once() { docker compose --progress plain build "$@" >"$tmp/build" 2>&1 </dev/null; }
# Once more, when it is the engine that failed: the tools give one that gets no processor time a few seconds to answer,
# and containerd's store fails when two services of a fresh engine unpack the same layers at once.
build() {
    build_once "$@" && return
    ! grep -Eq '[Dd]eadline ?[Ee]xceeded|failed to prepare extraction snapshot' "$tmp/build" ||
        { build_once "$@" && return; }
    tail -n 20 "$tmp/build"
    return 1
}

# Every step of the Dockerfile but FROM was CACHED, and there was at least one.
# A step that two services share can be told as the unpacking of its layer.
all_cached() {
    awk '
        /^#[0-9]+ \[.*[0-9]+\/[0-9]+\] / && !/\] FROM / { step[$1] = $0 }
        /^#[0-9]+ (CACHED|extracting sha256:)/ { cached[$1] = 1 }
        END {
            for (number in step) { steps++; if (!(number in cached)) { print "not cached: " step[number]; missed++ } }
            exit steps > 0 && missed == 0 ? 0 : 1
        }' "$tmp/build" || { cat "$tmp/build"; return 1; }
}

forget_all() { docker builder prune -af >/dev/null 2>&1 && docker image rm -f "$@" >/dev/null 2>&1; true; }
verifies() { run --cache-root "$root" verify "$@"; exits 0 || { cat "$tmp/out"; return 1; }; }
sum_is_du() {
    run --cache-root "$root" status --json
    [ "$(value services.0.size)" = "$(du_bytes "$root/$1")" ]
}
