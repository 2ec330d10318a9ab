#!/bin/sh
# Twenty builds on a real engine, each of a kind that is known beforehand: what
# the history says of them.
here=$(dirname "$0")
suite=${suite:-trixie}
# shellcheck source=tests/engine/suite.sh
. "$here/suite.sh"

mkdir src
echo 'fn main() {}' >src/main.rs
echo 'pub fn lib() {}' >src/lib.rs
echo 'serde 1.0' >Cargo.lock
cat >Dockerfile <<'EOF'
FROM local/base:1 AS deps
WORKDIR /app
COPY Cargo.lock .
RUN sleep 0.4; head -c 300000 /dev/urandom >/app/deps
FROM deps AS builder
ARG PROFILE=debug
COPY src src
RUN ! grep -r broken src && sleep 0.2 && cat src/* deps >/app/bin && echo "$PROFILE"
FROM local/base:1
COPY --from=builder /app/bin /bin/app
RUN echo packed >/packed
EOF
cat >Dockerfile.web <<'EOF'
FROM local/base:1
WORKDIR /web
COPY page.html .
RUN sleep 0.1; wc -c page.html
EOF
echo hello >page.html
compose() {
    echo 'name: bilge-history'
    echo services:
    for service in api web; do
        printf '  %s:\n    build:\n      context: .\n      network: none\n' $service
        [ $service = web ] && echo '      dockerfile: Dockerfile.web'
        [ $service = api ] && [ -n "${1-}" ] && printf '      args: {PROFILE: %s}\n' "$1"
        cat <<EOF
      cache_from: ["type=local,src=$root/$service"]
      cache_to: ["type=local,dest=$root/$service,mode=max"]
EOF
    done
}
compose >compose.yml

# built NAME KIND STEPS CACHED FIRST-MISS WHY [OPTION...]: one build of api, and
# what must be remembered of it.
total=0
built() {
    which=$1 kind=$2 steps=$3 cached=$4 miss=$5 why=$6
    shift 6
    total=$((total + 1))
    before=0
    [ ! -d "$root/api" ] || before=$(du_bytes "$root/api")
    run build api "$@"
    after=$(du_bytes "$root/api")
    run history --json --limit 1
    is "$which: kind" equals builds.0.kind "$kind"
    is "$which: steps" equals builds.0.steps_over "$steps"
    is "$which: cached" equals builds.0.steps_cached "$cached"
    is "$which: first miss" equals builds.0.first_miss "$miss"
    is "$which: why" says "$why"
    is "$which: bytes added, as du says" equals builds.0.added_bytes $((after - before))
}
changed='what it copies changed: '

docker builder prune -af >/dev/null 2>&1
built 'scratch' 'from scratch' 7 0 'WORKDIR /app' 'there was no cache'
is 'scratch: tools' equals builds.0.tools "docker $(docker version --format '{{.Server.Version}}'), compose $(docker compose version --short)"
for i in 1 2 3 4; do
    built "nothing changed $i" 'nothing changed' 7 7 null '"why":null'
done
for i in 1 2 3; do
    echo "fn main() { $i }" >src/main.rs
    built "code changed $i" 'code changed' 7 3 'COPY src src' "$changed"'COPY src src (src/main.rs)'
done
echo 'serde 2.0' >Cargo.lock
built 'dependencies changed' 'dependencies changed' 7 1 'COPY Cargo.lock .' "$changed"'COPY Cargo.lock . (Cargo.lock)'
echo 'serde 3.0' >Cargo.lock
echo 'more' >src/more.rs
built 'dependencies and code changed' 'dependencies changed' 7 1 'COPY Cargo.lock .' "$changed"'COPY Cargo.lock .'
compose release >compose.yml
# What it makes is as before, so that the engine takes the rest from the cache.
built 'an ARG changed' 'code changed' 7 6 \
    'RUN ! grep -r broken src && sleep 0.2 && cat src/* deps >/app/bin && echo "release"' 'ARG PROFILE changed'
echo broken >src/lib.rs
built 'it fails' 'code changed' 5 3 'COPY src src' "$changed"'COPY src src (src/lib.rs)'
is 'it fails: state' equals builds.0.state failed
is 'it fails: error' says 'did not complete successfully'
echo 'pub fn lib() { 2 }' >src/lib.rs
built 'mended' 'code changed' 7 3 'COPY src src' "$changed"'COPY src src (src/lib.rs)'
sed -i 's/echo packed/echo wrapped/' Dockerfile
built 'an instruction changed' 'code changed' 7 6 'RUN echo wrapped >/packed' 'the instruction is new, or its text changed'
built '--no-cache' 'from scratch' 7 1 'COPY Cargo.lock .' '--no-cache was asked for' --no-cache
built 'after --no-cache' 'nothing changed' 7 7 null '"why":null'
docker builder prune -af >/dev/null 2>&1
built 'imported' 'nothing changed' 7 7 null '"why":null'

# Two services at once: a row each.
echo 'hello again' >page.html
run build
total=$((total + 2))
run history web --json --limit 1
is 'two services, web: kind' equals builds.0.kind 'from scratch'
run history api --json --limit 1
is 'two services, api: kind' equals builds.0.kind 'nothing changed'
echo 'hello for ever' >page.html
run build
total=$((total + 2))
run history web --json --limit 1
is 'web changed: kind' equals builds.0.kind 'code changed'
is 'web changed: why' says "$changed"'COPY page.html . (page.html)'

run history --json --limit 100
rows() { [ "$("$json" each builds id <"$tmp/out" | wc -l)" -eq $total ]; }
is 'all are remembered' rows
is 'more than twenty' [ $total -ge 20 ]
median_of() {
    "$json" each builds service kind state duration_ms <"$tmp/out" |
        awk -F '\t' -v service="$1" -v kind="$2" '$1 == service && $2 == kind && $3 == "done" { print $4 }' |
        sort -n | awk '{ all[NR] = $1 } END { print int((all[int((NR + 1) / 2)] + all[int(NR / 2) + 1]) / 2) }'
}
told_median() { "$json" each medians service kind duration_ms <"$tmp/out" | awk -F '\t' -v service="$1" -v kind="$2" '$1 == service && $2 == kind { print $3 }'; }
for kind in 'nothing changed' 'code changed' 'dependencies changed' 'from scratch'; do
    is "median of api, $kind" [ "$(told_median api "$kind")" -eq "$(median_of api "$kind")" ]
done
is 'medians: scratch is slower than nothing' \
    [ "$(told_median api 'from scratch')" -gt "$(told_median api 'nothing changed')" ]

# What a person sees of build 5 (nothing changed) and 9 (dependencies changed).
run history --compare 5 9
is 'compare: exit 0' exits 0
is 'compare: what it is about' says "$changed"'COPY Cargo.lock .'
is 'compare: the step' grep -Eq 'RUN sleep 0.4.* cached +[0-9.]+ s +\+[0-9.]+ s' "$tmp/out"
is 'compare: where most of it went' says 'most of it: RUN sleep 0.4'
run history --csv --limit 100
is 'CSV: a row for each' [ "$(wc -l <"$tmp/out")" -eq $((total + 1)) ]
columns() { awk -F , 'NR == 1 { n = NF } END { exit n < 13 }' "$tmp/out"; }
is 'CSV: its columns' columns
finish
