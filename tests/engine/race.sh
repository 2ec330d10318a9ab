#!/bin/sh
# Removals while builds export: no build fails or loses its cache because of
# bilge, no published index names what is gone.
#
# BILGE_TEST_LARGE_MB=N: how large the layer is that is written while garbage
# goes (1500 by hand). BILGE_TEST_EXPORTS=N: how many exports race with "prune --garbage" in a loop
# (200 by hand; fewer in a run of all tests).
here=$(dirname "$0")
# shellcheck source=tests/engine/lib.sh
. "$here/lib.sh"
exports=${BILGE_TEST_EXPORTS:-12}
large=${BILGE_TEST_LARGE_MB:-300}
export COMPOSE_FILE="$lab/project/compose.yml"

# One more large layer, when large.txt says how large (in MB).
cat >>Dockerfile <<'EOF'

COPY large.txt /
RUN head -c "$(cat /large.txt)000000" /dev/urandom >/large.bin
EOF
echo 0 >large.txt

# state NAME [MB]: the sources of that state.
state() {
    echo "main $1" >main.txt
    echo "${2:-0}" >large.txt
}
prune_garbage() { run --cache-root "$root" prune --garbage --yes --json "$@"; }
import_all() {
    forget_all bilge-lab-api
    build api && all_cached
}

# ----------------------------------------- A, B, then A again with a new layer
# A's layers are garbage while the large one is written, and are live at the end.
make_compose api
state A
prepare build api
state B
prepare build api
state A "$large"
build api &
builder=$!
pruned=0 seen=''
while kill -0 $builder 2>/dev/null; do
    prune_garbage
    pruned=$((pruned + 1))
    case $status in
    0 | 3) ;;
    *) seen="$seen $status" ;;
    esac
done
wait $builder
is 'a build with a large layer: exit 0' [ $? -eq 0 ]
is 'garbage was pruned meanwhile' [ $pruned -gt 3 ]
is 'each prune ended as it may' [ -z "$seen" ]
is 'what was published verifies' verifies
is 'the next build is all CACHED' import_all

# The same with processes in sight, so that the sign of the client counts.
state B
prepare build api
state A $((large - 1))
build api &
builder=$!
BILGE_PROC=/proc
pruned=0 deleted=''
while kill -0 $builder 2>/dev/null; do
    prune_garbage
    pruned=$((pruned + 1))
    # The last prune may come when the client has ended.
    kill -0 $builder 2>/dev/null && [ "$(value freed)" != 0 ] && deleted="$deleted $(value freed)"
done
BILGE_PROC=$lab/proc
wait $builder
is 'with the client in sight: exit 0' [ $? -eq 0 ]
is 'with the client in sight: there were prunes' [ $pruned -gt 0 ]
is 'with the client in sight: nothing was deleted' [ -z "$deleted" ]
is 'with the client in sight it verifies' verifies

# Every blob exists already: nothing on the disk shows the export.
state A "$large"
build api &
builder=$!
while kill -0 $builder 2>/dev/null; do prune_garbage; done
wait $builder
is 'an export that writes no layer: exit 0' [ $? -eq 0 ]
is 'an export that writes no layer verifies' verifies
is 'an export that writes no layer: all CACHED' import_all

# ------------------------------------------------- many exports, many prunes
make_compose api worker third
rm -rf "${root:?}"/*
state start
prepare build
done=0
while [ $done -lt "$exports" ]; do
    state "$((done % 5))" # states come back, and with them what was garbage
    build || cp "$tmp/build" "$tmp/failed"
    done=$((done + 3))
    echo "$done" >"$tmp/exported"
done &
builder=$!
pruned=0 odd=''
while kill -0 $builder 2>/dev/null; do
    prune_garbage
    pruned=$((pruned + 1))
    case $status in
    0 | 3) ;;
    *) odd="$odd $status: $(cat "$tmp/err")" ;;
    esac
done
wait $builder
[ ! -e "$tmp/failed" ] || sed 's/^/# /' "$tmp/failed"
is "$exports exports: all were made" [ "$(cat "$tmp/exported")" -ge "$exports" ]
is "$exports exports: none failed" gone "$tmp/failed"
is "$pruned prunes: each ended as it may" [ -z "$odd" ]
is 'every live cache verifies' verifies
find "$root/api" "$root/worker" "$root/third" >"$tmp/names" || echo 'find failed: index.json.lock .bilge-' >>"$tmp/names"
is 'no lock is left' lacks 'index\.json\.lock' "$tmp/names"
is 'nothing set aside is left' lacks '\.bilge-' "$tmp/names"
forget_all bilge-lab-api bilge-lab-worker bilge-lab-third
is 'the next build of all' build
is 'is all CACHED' all_cached
finish
