#!/bin/sh
# bilge history: builds are remembered, with what made them slow.
here=$(dirname "$0")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"
data=${BILGE_TEST_DATA:?}/build

run history
is 'nothing yet: exit 0' exits 0
is 'nothing yet: says so' says 'No build is remembered yet'
run history --json
is 'nothing yet, JSON: the shape' fits history
is 'nothing yet, JSON: none' equals builds '[]'

with_docker
project api
export_cache "$root/api" one

# log STEP...: "cached INSTRUCTION" or "ran INSTRUCTION"
log() {
    n=0 total=$#
    for step; do
        n=$((n + 1))
        echo "#$n [api builder $n/$total] ${step#* }"
        case $step in
        cached*) echo "#$n CACHED" ;;
        failed*) printf '#%s ERROR: process "x" did not complete successfully: exit code: 1\n' $n ;;
        *) echo "#$n DONE 1.$n""s" ;;
        esac
        echo
    done >"$docker/build.log"
}
last() { run history --json && equals "builds.0.$1" "$2"; }

log 'ran FROM base@sha256:1' 'ran COPY Cargo.lock ./' 'ran RUN cargo fetch' 'ran COPY src src' 'ran RUN cargo build'
run build api
is 'from scratch: built' exits 0
is 'from scratch: kind' last kind 'from scratch'
is 'from scratch: why' last why 'there was no cache'
is 'from scratch: steps' last steps_over 4
log 'cached FROM base@sha256:1' 'cached COPY Cargo.lock ./' 'cached RUN cargo fetch' 'cached COPY src src' 'cached RUN cargo build'
run build api
is 'nothing changed: kind' last kind 'nothing changed'
is 'nothing changed: cached' last steps_cached 4
log 'cached FROM base@sha256:1' 'cached COPY Cargo.lock ./' 'cached RUN cargo fetch' 'ran COPY src src' 'ran RUN cargo build'
run build api
is 'code changed: kind' last kind 'code changed'
is 'code changed: first miss' last first_miss 'COPY src src'
is 'code changed: why' last why 'what it copies changed: COPY src src'
log 'cached FROM base@sha256:1' 'ran COPY Cargo.lock ./' 'ran RUN cargo fetch' 'ran COPY src src' 'ran RUN cargo build'
sed -i 's/^#1 DONE.*/#1 CACHED/' "$docker/build.log"
printf '#9 [api other 1/1] RUN x\n#9 CACHED\n' >>"$docker/build.log"
run build api
is 'dependencies changed: kind' last kind 'dependencies changed'
log 'cached FROM base@sha256:1' 'cached COPY Cargo.lock ./' 'cached RUN cargo fetch' 'cached COPY src src' 'failed RUN cargo build'
echo 17 >"$docker/build.status"
run build api
is 'failed: exit 1' exits 1
is 'failed: state' last state failed
is 'failed: an ARG or so' last why 'an ARG or a mount that it uses changed, or its cache was not there'
rm "$docker/build.status"

run history --json
is 'JSON: the shape' fits history
run history api
is 'text: exit 0' exits 0
is 'text: kind' says 'dependencies changed'
is 'text: medians' says 'MEDIAN'
run history nosuch
is 'another service: nothing' says 'No build is remembered'
run history --limit 2 --json
lines() { [ "$("$json" each builds id <"$tmp/out" | wc -l)" -eq "$1" ]; }
is '--limit' lines 2
run history --csv
is '--csv: a heading and five rows' [ "$(wc -l <"$tmp/out")" -eq 6 ]
is '--csv: quotes' says '"what it copies changed: COPY src src"'
run history --compare 2 3
is '--compare: exit 0' exits 0
is '--compare: the step that took longer' grep -q 'RUN cargo build .*cached.*1.5 s.*+1.5 s' "$tmp/out"
run history --compare 2 3 --json
is '--compare, JSON: the change' equals steps.4.change_ms 1500
run history --compare 2
is '--compare with one: exit 2' exits 2
run history --compare 2 x
is '--compare with a word: exit 2' exits 2
run history --compare 2 99
is '--compare with none such: exit 1' exits 1
run history --csv --json
is '--csv and --json: exit 2' exits 2

run build --no-cache api
is '--no-cache: kind' last kind 'from scratch'
is '--no-cache: why' last why '--no-cache was asked for'

# two services at once: one row each; the one that did not fail was called off
project api web
cp "$data/compose-2.26-plain-two-services-one-fails.stdout.txt" "$docker/build.log"
cp "$data/compose-2.26-plain-two-services-one-fails.stderr.txt" "$docker/build.err"
echo 17 >"$docker/build.status"
run build
is 'two services: exit 1' exits 1
run history --json --limit 2
is 'two services: two rows' lines 2

# what others built, as the engine remembers it: neither bilge's own builds, nor
# what a docker without that command says
row() {
    printf '{"ref":"default/default/%s","name":"%s","status":"%s","created_at":"%s","completed_at":"%s",' "$@"
    printf '"completed_steps":9,"cached_steps":4,"total_steps":9}\n'
}
start=$(value builds.0.started_at)
{
    row r1 api Completed "$start" "$start"
    row r2 other Error 2026-01-02T03:04:05.5Z 2026-01-02T03:04:07Z
} >"$docker/buildx-history.jsonl"
run history --json --limit 100
is 'with others, JSON: the shape' fits history
others() { "$json" each builds by service state ref duration_ms steps_cached <"$tmp/out" | grep '^engine'; }
others >"$tmp/others"
is 'with others: the one that is not ours' [ "$(cat "$tmp/others")" = \
    'engine	other	failed	default/default/r2	1500	4' ]
run history --limit 100
is 'with others, text: marked' says 'not run by bilge'
run history --own --limit 100
is '--own: without them' lacks 'not run by bilge' "$tmp/out"
run history api --limit 100
is 'another service: without them' lacks 'not run by bilge' "$tmp/out"
cp "$BILGE_TEST_DATA/engine/buildx-0.13-history-ls.txt" "$docker/buildx-history.jsonl"
run history --json --limit 100
is 'a docker that has no such command: exit 0' exits 0
is 'a docker that has no such command: its own builds' says '"service":'
is 'a docker that has no such command: no others' [ -z "$(others)" ]
rm "$docker/buildx-history.jsonl"

echo 'no database' >"$HOME/.local/state/bilge/history.db"
rm -f "$HOME/.local/state/bilge/history.db-wal" "$HOME/.local/state/bilge/history.db-shm"
rm "$docker/build.err" "$docker/build.status"
run build
is 'a damaged history: the build runs all the same' exits 0
run history
is 'a damaged history: exit 1' exits 1
is 'a damaged history: one line' one_complaint

# ------------------------------------------------- one that can't be used

# Everything else goes on without it, and says so once.
db=$HOME/.local/state/bilge/history.db
without() {
    run status --cache-root "$root"
    is "$1: status goes on" exits 0
    is "$1: status says why, once" one_complaint
    is "$1: status says what" complains "$2"
    run status --json --cache-root "$root"
    is "$1: status, JSON: the shape" fits status
    run prune --garbage --dry-run --cache-root "$root"
    is "$1: prune goes on" exits 0
    run build api
    is "$1: a build goes on" exits 0
    run history
    is "$1: history: exit 1" exits 1
    is "$1: history: one line" one_complaint
    is "$1: history: says what" complains "$2"
}
rm -f "$db"*
log 'ran FROM base@sha256:1'
for i in 1 2 3 4 5 6 7 8 9; do run build api; done
run history
is 'a new one: exit 0' exits 0
for ending in '' -journal -wal -shm; do
    mv "$db" "$tmp/kept"
    rm -f "$db-wal" "$db-shm"
    mkfifo "$db$ending"
    without "a FIFO at history.db$ending" 'not a regular file'
    is "a FIFO at history.db$ending: is still there" [ -p "$db$ending" ]
    rm -f "$db"*
    mv "$tmp/kept" "$db"
done
echo precious >"$tmp/file"
cp "$db" "$tmp/kept"
rm "$db"
ln -s "$tmp/file" "$db"
without 'a symlink' 'not a regular file'
is 'a symlink: not followed' grep -qx precious "$tmp/file"
rm "$db"
seq 1 2000 >"$db"
cp "$db" "$tmp/letter"
without 'no database' 'is not a database'
is 'no database: left as it is' cmp "$db" "$tmp/letter"
cp "$tmp/kept" "$db"
chmod 644 "$db"
run history
is 'sound again: exit 0' exits 0
is 'sound again: for us alone' [ "$(stat -c %a "$db")" = 600 ]
# Pages of it made unreadable; what of it comes is shown, or the reason.
size=$(wc -c <"$db")
for page in 1 2 3 4 5 6 7; do
    [ $((page * 4096)) -lt "$size" ] || continue
    cp "$tmp/kept" "$db"
    head -c 2000 /dev/urandom | dd of="$db" bs=1 seek=$((page * 4096)) conv=notrunc 2>/dev/null
    run history
    is "page $page damaged: history ends well" [ "$status" -le 1 ]
    run status --json --cache-root "$root"
    is "page $page damaged: status goes on" fits status
done
rm -f "$db"*

# A limit on the size of files is a full disk, no reason to die.
limited() {
    status=0
    (ulimit -f 48 && run "$@" && exit "$status") || status=$?
}
for i in 1 2 3 4 5 6 7 8 9; do
    limited build api
    is "a file size limit, build $i: goes on" exits 0
done
limited history
is 'a file size limit: history ends well' [ "$status" -le 1 ]
limited status --json --cache-root "$root"
is 'a file size limit: status goes on' fits status

finish
