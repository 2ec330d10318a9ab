#!/bin/sh
# bilge bench on a real engine: what is measured is what it says, and of all that
# was there before nothing is touched: records, cache mounts, images, local
# caches, files; of the measured service as of the others.
here=$(dirname "$0")
# shellcheck source=tests/engine/lib.sh
. "$here/lib.sh"
slow=$((slow * 5)) # a whole benchmark is one call

# As in the reference stack, the Dockerfiles lie beside the context.
mkdir -p src "$lab/own" ../dockerfiles
TMPDIR=$lab/own
export TMPDIR
echo 'print("hello")' >src/main.py
echo flask >requirements.txt
cat >../dockerfiles/original.Dockerfile <<'EOF'
FROM local/base:1 AS builder
WORKDIR /app
COPY . .
RUN sleep 1; cat requirements.txt >/deps; head -c 300000 /dev/urandom >/blob
RUN cat src/main.py >/program
FROM local/base:1
COPY --from=builder /program /program
EOF
cat >../dockerfiles/optimised.Dockerfile <<'EOF'
FROM local/base:1 AS builder
WORKDIR /app
COPY requirements.txt .
# The mount says whether it was warm.
RUN --mount=type=cache,target=/kept \
    sleep 1; cat requirements.txt >/deps; \
    if [ -e /kept/mark ]; then echo was warm; else echo was cold; fi; echo >/kept/mark
COPY src src
RUN cat src/main.py >/program
FROM local/base:1
COPY --from=builder /program /program
EOF
for variant in test:original test-local:optimised; do
    {
        printf 'name: bilge-lab\nservices:\n'
        for service in api web; do
            printf '  %s:\n    build:\n      context: .\n      dockerfile: ../dockerfiles/%s.Dockerfile\n' \
                $service "${variant#*:}"
            printf '      network: none\n'
            [ ${variant%:*} = test ] || printf '      %s: ["type=local,%s=%s/%s%s"]\n' \
                cache_from src "$root" $service '' cache_to dest "$root" $service ',mode=max'
        done
    } >"docker-compose.${variant%:*}.yml"
done

# A life before: both services built by their owner, with their cache mounts.
docker builder prune -af >/dev/null 2>&1
export COMPOSE_FILE=docker-compose.test-local.yml
is 'built before: optimised' build api web
COMPOSE_FILE=docker-compose.test.yml
is 'built before: original' build api web
unset COMPOSE_FILE

ids() {
    run du --json
    "$json" each records id <"$tmp/out" | sort
}
images() { docker image ls --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}' | sort; }
look() { # WHEN
    ids >"$tmp/ids.$1"
    images >"$tmp/images.$1"
    picture . >"$tmp/files.$1"
    picture "$root" >"$tmp/caches.$1"
}
is_as_before() {
    look after
    for what in ids images files caches; do
        diff "$tmp/$what.before" "$tmp/$what.after" || return 1
    done
}
nothing_of_its_own() { [ -z "$(ls -A "$TMPDIR")" ] || { ls -lA "$TMPDIR"; return 1; }; }
look before
is 'there are records before' [ "$(wc -l <"$tmp/ids.before")" -gt 8 ]
is 'there are cache mounts before' [ "$(docker buildx du --verbose | grep -c 'cached mount /kept')" -eq 1 ]

# ------------------------------------------------------------------ measuring

run bench --dry-run --runs 1 api
is '--dry-run: exit 0' exits 0
is '--dry-run: changes nothing' is_as_before

run bench --yes --json --runs 2 api
cp "$tmp/out" "$tmp/result"
is 'exit 0' exits 0
is 'the shape' fits bench
is 'nothing is left behind' equals left '[]'
is 'images went' equals removed.images 16
is 'records went' [ "$(value removed.records)" -gt 15 ]

# cached SCENARIO-NUMBER VARIANT: "over cached work" of each run
cached() { "$json" each "services.0.scenarios.$1.$2.runs" steps_over steps_cached work_cached <"$tmp/result"; }
for variant in original optimised; do
    is "$variant: first builds were not cached" [ "$(cached 0 $variant | awk '$3 != 0' | wc -l)" -eq 0 ]
    is "$variant: there were two" [ "$(cached 0 $variant | awk '$1 >= 5' | wc -l)" -eq 2 ]
    is "$variant: no change: all CACHED" [ "$(cached 1 $variant | awk '$1 == $2 && $1 >= 5' | wc -l)" -eq 2 ]
    is "$variant: a code change: some" [ "$(cached 2 $variant | awk '$2 < $1' | wc -l)" -eq 2 ]
    is "$variant: a dependency change: some" [ "$(cached 3 $variant | awk '$2 < $1' | wc -l)" -eq 2 ]
done
is 'a code change leaves the dependencies cached' [ "$(cached 2 optimised | awk '$3 >= 2' | wc -l)" -eq 2 ]
is 'not in the original' [ "$(cached 2 original | awk '$3 == 0' | wc -l)" -eq 2 ]

# What the second of them slept, the first slept; the original always sleeps.
saved() { "$json" get "services.0.scenarios.$1.saved_permille" <"$tmp/result"; }
is 'a code change: the dependencies were saved' [ "$(saved 2)" -gt 100 ]

is 'nothing that was there is gone, and nothing has come' is_as_before
is 'the directory is gone' nothing_of_its_own

# -------------------------------------------------------------- as the history says

run history --json
"$json" each builds kind started_at duration_ms <"$tmp/out" | sort >"$tmp/history.lines"
for pair in 0:'first build' 1:'no change' 2:'code change' 3:'dependency change'; do
    for variant in original optimised; do
        "$json" each "services.0.scenarios.${pair%%:*}.$variant.runs" started_at duration_ms <"$tmp/result" |
            sed "s/^/bench: $variant, ${pair#*:}	/"
    done
done | sort >"$tmp/bench.lines"
is 'the same numbers as in the history' cmp "$tmp/history.lines" "$tmp/bench.lines"
is "the owner's mount is warm still, the benchmark's were cold" \
    [ "$(docker buildx du --verbose | grep -c 'cached mount /kept')" -eq 1 ]

# ------------------------------------------------------------------- endings

sed -i 's/^RUN cat src.main.py.*/RUN cat src\/nosuch.py/' ../dockerfiles/optimised.Dockerfile
look before
run bench --yes --runs 1 --scenario code web
is 'a failing build: exit 1' exits 1
is 'a failing build: which' complains 'web, optimised, preparation, run 1: the build failed'
log=$(sed -n 's/^bilge: its log is kept in //p' "$tmp/err")
is 'a failing build: its log' grep -q "nosuch.py" "$log"
rm -f "$log"
is 'a failing build: all is as before' is_as_before
is 'a failing build: the directory is gone' nothing_of_its_own

sed -i 's/^RUN sleep 1;/RUN sleep 100;/' ../dockerfiles/original.Dockerfile
look before
: >"$tmp/err"
env PATH="$bilge_path" "$bilge" bench --yes --runs 1 web >"$tmp/out" 2>"$tmp/err" </dev/null &
pid=$!
sleeping() { pgrep -f 'sleep 100; cat requirements' >/dev/null; }
wait_for sleeping
kill -s INT $pid
wait $pid
status=$?
is 'an interrupt: exit 130' exits 130
is 'an interrupt: the directory is gone' nothing_of_its_own
is 'an interrupt: all is as before' is_as_before

# Killed: an image, a cache mount and a directory stay, until the next one.
sed -i 's/^RUN sleep 100;/RUN sleep 1;/' ../dockerfiles/original.Dockerfile
sed -i -e 's/^RUN cat src.nosuch.py/RUN cat src\/main.py >\/program/' -e 's/^    sleep 1;/    sleep 100;/' \
    ../dockerfiles/optimised.Dockerfile
env PATH="$bilge_path" "$bilge" bench --yes --runs 1 web >/dev/null 2>&1 </dev/null &
pid=$!
wait_for sleeping
mark=$(ls "$TMPDIR")
kill -s KILL $pid
wait $pid 2>/dev/null
pkill -INT -f "$TMPDIR/$mark/" # its build, should it go on
no_more() { ! "$@"; }
wait_for no_more sleeping
its_own() { docker image ls | grep -c "^$mark-"; docker buildx du --verbose | grep -c "\"$mark-"; }
is 'killed: an image and a cache mount stay' [ "$(its_own | tr '\n' ' ')" = '1 1 ' ]
sed -i 's/^    sleep 100;/    sleep 1;/' ../dockerfiles/optimised.Dockerfile
run bench --yes --runs 1 --scenario first --json web
is 'killed: the next one runs' exits 0
is 'killed: it has found it' equals leftovers "[\"$mark\"]"
is 'killed: nothing of it stays with the engine' [ "$(its_own | tr '\n' ' ')" = '0 0 ' ]
is 'killed: nothing stays in the directory' nothing_of_its_own
look after
is 'killed: the images of others stay' cmp "$tmp/images.before" "$tmp/images.after"
is 'killed: and their caches' cmp "$tmp/caches.before" "$tmp/caches.after"
finish
