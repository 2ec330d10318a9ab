#!/bin/sh
# Each selector on a real engine: what the plan says comes back is what the
# engine and du say, within one part in a hundred, and nothing unlisted is gone.
here=$(dirname "$0")
# shellcheck source=tests/engine/lib.sh
. "$here/lib.sh"
export COMPOSE_FILE="$lab/project/compose.yml"

# Two services with a step of their own each, and one in common.
for service in api worker; do
    cat >"Dockerfile.$service" <<EOF
FROM local/base:1
RUN head -c 3000000 /dev/urandom >/common
COPY $service.txt .
RUN --mount=type=cache,target=/kept head -c 2000000 /dev/urandom >/kept/$service; head -c 4000000 /dev/urandom >/$service
EOF
    echo one >"$service.txt"
done
{
    printf 'name: bilge-lab\nservices:\n'
    for service in api worker; do
        printf '  %s:\n    build:\n      context: .\n      dockerfile: Dockerfile.%s\n' $service $service
        printf '      network: none\n      cache_to: ["type=local,dest=%s/%s,mode=max"]\n' "$root" $service
    done
} >compose.yml

# What an image has too stays with it, whoever removes the record.
engine_bytes() {
    run du --json
    "$json" each records shared size <"$tmp/out" |
        awk '$1 == "false" { sum += $2 } END { printf "%d\n", sum }'
}
ids() {
    run du --json
    "$json" each records id <"$tmp/out" | sort
}
near() { # A B: within one part in a hundred
    awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; if (d < 0) d = -d; exit d * 100 <= a ? 0 : 1 }' ||
        { echo "$1 is not near $2"; return 1; }
}

# Images would keep the layers: their bytes would not come back.
fresh() {
    forget_all bilge-lab-api bilge-lab-worker
    rm -rf "${root:?}"/*
    for text in one two; do
        echo $text >api.txt
        echo $text >worker.txt
        # One after the other: two services of a fresh engine that unpack the same layers at once make it fail.
        build api && build worker || return 1
    done
    docker image rm -f bilge-lab-api bilge-lab-worker >/dev/null 2>&1
}

# selects NAME SELECTOR...: plans, prunes, and compares.
selects() {
    selector=$1
    shift
    ids >"$tmp/ids.before"
    engine_before=$(engine_bytes)
    disk_before=$(du_bytes "$root")
    run --cache-root "$root" prune "$@" --dry-run --json
    planned=$(value planned)
    is "$selector: something is planned" [ "$planned" -gt 0 ]
    run --cache-root "$root" prune "$@" --yes --json
    is "$selector: exit 0" exits 0
    # What --free chooses weighs when a record was last used: between two plans
    # time goes by, and of two that cost alike the other one may be chosen.
    is "$selector: as much was planned" near "$planned" "$(value planned)"
    planned=$(value planned)
    "$json" each items kind id <"$tmp/out" | sed -n 's/^record	//p' | sort >"$tmp/listed"
    freed=$(value freed)
    is "$selector: freed what was planned" near "$planned" "$freed"
    back=$((engine_before - $(engine_bytes) + disk_before - $(du_bytes "$root")))
    is "$selector: the engine and du say so" near "$planned" "$back"
    ids >"$tmp/ids.after"
    comm -23 "$tmp/ids.before" "$tmp/ids.after" >"$tmp/gone.ids"
    is "$selector: just what was listed is gone" cmp "$tmp/listed" "$tmp/gone.ids"
}

needs 'two services build' fresh
selects '--type' --type exec.cachemount
selects '--garbage' --garbage
selects '--free' --free 1MB
needs 'fresh' fresh
selects '--match' --match '^RUN .*/dev/urandom >/(api|nobody)$'
selects '--text' --text 'local source'
selects '--larger-than' --records --larger-than 3.5MB --smaller-than 1GB
needs 'fresh' fresh
selects '--in-use, --shared and --type' --in-use no --shared no --type regular
selects '--garbage --larger-than' --garbage --larger-than 1MB
run prune --in-use yes --yes --json
is '--in-use yes: exit 0' exits 0
is '--in-use yes: nothing can go' equals items '[]'
ids >"$tmp/ids.before"
for wrong in '--match (' '--larger-than 2GB --smaller-than 1GB' '--text x --garbage' '--in-use perhaps'; do
    # shellcheck disable=SC2086
    run --cache-root "$root" prune $wrong --yes
    is "$wrong: exit 2" exits 2
    is "$wrong: one line" one_complaint
done
ids >"$tmp/ids.after"
is 'wrong ones: nothing went' cmp "$tmp/ids.before" "$tmp/ids.after"
needs 'fresh' fresh
selects '--keep-generations' --keep-generations 1
run du --json --cache-root "$root"
id=$("$json" each records pinned_by size id <"$tmp/out" | awk '$1 == "[]" && $2 > 1000000 { print $3; exit }')
selects '--id' --id "$id"
selects '--service' --service api
is '--service: its directory is gone' gone "$root/api"
is '--service: the other verifies' verifies worker
is '--service: the other builds' build worker
docker image rm -f bilge-lab-worker >/dev/null 2>&1
needs 'fresh' fresh
selects '--free, a lot' --free 12MB
selects '--records --older-than' --records --older-than 0s
needs 'fresh' fresh
selects '--all' --all
is '--all: no cache is left' holds_nothing "$root"
is '--all: the next build' build

# A chain that a build has just used to its young leaf: by age nothing of it can
# go, not even the old layer at its root, and the plan is right.
docker image rm -f bilge-lab-api bilge-lab-worker >/dev/null 2>&1
forget_all
cat >Dockerfile.api <<'EOF'
FROM local/base:1
RUN echo 1 >/1
RUN echo 2 >/2
RUN echo 3 >/3
RUN echo 4 >/4
RUN echo 5 >/5
RUN echo 6 >/6
RUN echo 7 >/7
RUN echo 8 >/8
RUN echo 9 >/9
EOF
needs 'a chain' build api
docker image rm -f bilge-lab-api >/dev/null 2>&1
made=$(date +%s)
aged() { [ "$(date +%s)" -ge $((made + 8)) ]; }
wait_for aged
echo 'RUN echo young >/10' >>Dockerfile.api
needs 'a young leaf' build api
docker image rm -f bilge-lab-api >/dev/null 2>&1
before=$(ids | wc -l)
run prune --records --type regular --older-than 8s --dry-run
is 'a young leaf: why' says 'pinned by RUN echo'
run prune --records --type regular --older-than 8s --yes --json
is 'a young leaf: exit 0' exits 0
is 'a young leaf: no step went' [ "$(ids | wc -l)" -ge $((before - 1)) ]

# With containerd's image store any record that goes takes the memory of all steps with it.
mkdir steps
for step in stays goes; do
    printf 'FROM local/base:1\nRUN --network=none echo this %s\n' $step >steps/$step.Dockerfile
    docker buildx build -f steps/$step.Dockerfile steps >/dev/null 2>&1
done
cached() { docker buildx build --progress=plain -f steps/stays.Dockerfile steps 2>&1 | grep -c '^#[0-9]* CACHED'; }
run du --json
id=$("$json" each records id description <"$tmp/out" | awk -F '\t' '$2 ~ /echo this goes/ { print $1 }')
is 'two steps: one goes, the other is cached before' [ "$(cached)" -eq 1 ]
run prune --id "$id" --dry-run
is 'two steps: the plan tells what the engine forgets' says 'The engine forgets all its cached steps'
run prune --id "$id" --yes --json
is 'two steps: one record went' equals failed '[]'
is 'two steps: in JSON, too' equals forgets_steps true
is 'two steps: so it is, the other runs again' [ "$(cached)" -eq 0 ]
finish
