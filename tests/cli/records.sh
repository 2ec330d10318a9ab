#!/bin/sh
# bilge du, status and prune on the records of an engine and of a builder.
here=$(dirname "$0")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

run du --json
is 'no engine: exit 1' exits 1
is 'no engine: one line' one_complaint
is 'no engine: nothing on stdout' silent
run du --builder nosuch
is 'unknown builder: exit 2' exits 2

with_engine
record() { # ID TYPE SIZE DESCRIPTION USED IN_USE PARENTS
    printf '{"ID":"%s","Type":"%s","Size":%s,"Description":"%s","LastUsedAt":%s,"InUse":%s' \
        "$1" "$2" "$3" "$4" "$5" "$6"
    printf ',"Shared":false,"CreatedAt":"2024-01-02T03:04:05.000000006Z","UsageCount":3%s}' "$7"
}
{
    printf '{"LayersSize":0,"BuildCache":['
    record base regular 4096 '' '"2024-02-01T00:00:00Z"' false ''
    printf ,
    record copy regular 20480 '[builder 2/3] COPY \u001b[31m. .' '"2024-02-02T00:00:00Z"' false \
        ',"\u0020Parents":["base"]'
    printf ,
    record run regular 5000000000 'mount / from exec /bin/sh -c echo a\nb' null true \
        ',"\u0020Parents":["copy"]'
    printf ,
    record mount exec.cachemount 900719925474099 'cached mount /app/target' \
        '"2024-02-03T00:00:00Z"' false ''
    printf ']}\n'
} >"$engine/system_df.json"

run du --json
is 'exit 0' exits 0
is 'the shape' fits du
ids() { "$json" each records id <"$tmp/out" | tr '\n' ' '; }
ids_are() { [ "$(ids)" = "$1" ] || { ids; return 1; }; }
is 'sorted by size' ids_are 'mount run copy base '
is 'exact bytes' equals records.0.size 900719925474099
is 'exact times' equals records.0.created_at 2024-01-02T03:04:05.000000006Z
is 'never used' equals records.1.last_used_at null
is 'parents' equals records.1.parents '["copy"]'
is 'pinned by its child' equals records.3.pinned_by '["copy"]'
is 'in use' equals records.1.in_use true
run du --json --sort used
is 'sorted by last use' ids_are 'run base copy mount '
run du --json --type exec.cachemount
is 'of one type' ids_are 'mount '
run du --json --match '^RUN'
is 'of a description, as it is shown' ids_are 'run '
run du --json --match '^mount /'
is 'of a description, as the builder says it' ids_are 'run '
run du --json --text APP/target
is 'with a text' ids_are 'mount '
run du --json --larger-than 10kB --smaller-than 6GB
is 'of a size' ids_are 'run copy '
run du --json --in-use no --type regular
is 'not in use' ids_are 'copy base '
run du --json --shared yes
is 'shared: none' ids_are ''
run du --json --id base --id mount
is 'by id' ids_are 'mount base '
run du
is 'text: exit 0' exits 0
is 'text: a row' grep -E '^run +regular +5.00 GB +- +3 +in use +- +RUN echo a b' "$tmp/out"
is 'text: pinned' grep -E '^base .* pinned ' "$tmp/out"
is 'text: the sum' says '4 records'
is 'text: nothing raw' lacks '[^ -~]' "$tmp/out"

run status --json --cache-root "$root"
is 'status: the shape' fits status
is 'status: reachable' equals builders.0.reachable true
is 'status: records' equals builders.0.records 4
is 'status: their size' equals builders.0.size 900724925498675
is 'status: reclaimable' equals builders.0.reclaimable 900719925498675

run prune --records --dry-run --json
is 'prune, dry run: exit 0' exits 0
is 'prune, dry run: the shape' fits prune
is 'prune, dry run: no request' lacks prune "$engine/requests.log"
run prune --type exec.cachemount --dry-run --json
is 'prune by type: one item' equals items.0.id mount
run prune --text app/target --dry-run --json
is 'prune by text: one item' equals items.0.id mount
run prune --match 'COPY|RUN' --dry-run
is 'prune by expression: nothing can go' says 'Nothing to prune'
is 'prune by expression: what is in use' grep -q 'leaked' "$tmp/out"
is 'prune by expression: and what it pins' grep -q 'pinned by RUN echo a b, in use' "$tmp/out"
run prune --in-use no --larger-than 1GB --yes --dry-run --json
is 'prune by use and size' equals items.0.id mount
run prune --id nosuch --yes
is 'prune, unknown id: exit 2' exits 2
is 'prune, unknown id: no request' lacks prune "$engine/requests.log"

printf '{"CachesDeleted":["mount"],"SpaceReclaimed":900719925474099}\n' >"$engine/build_prune.json"
printf '{"BuildCache":[]}\n' >"$engine/build_prune.after.json"
run prune --type exec.cachemount --yes --json
is 'prune: exit 0' exits 0
is 'prune: the shape' fits prune
is 'prune: freed' equals freed 900719925474099
is 'prune: one exact request' grep -q 'POST .*/build/prune' "$engine/requests.log"

# ------------------------------------------------------------ another builder

is 'one builder: no warning' lacks 'builds go to' "$tmp/err"
with_docker
mkdir -p "$DOCKER_CONFIG/buildx/instances"
echo '{}' >"$DOCKER_CONFIG/buildx/instances/box"
printf '%s%s\n' '{"Current":true,"Builder":{"Name":"box","Driver":"docker-container",' \
    '"Nodes":[{"Name":"box0","Endpoint":"unix:///x.sock","Status":"running"}]}}' >"$docker/buildx-ls.jsonl"
{
    printf 'ID:\t\tboxed\nCreated at:\t2024-01-02 03:04:05 +0000 UTC\nMutable:\tfalse\n'
    printf 'Reclaimable:\ttrue\nShared:\t\tfalse\nSize:\t\t1.5GB\nDescription:\tRUN x\n'
    printf 'Usage count:\t1\nLast used:\t2 hours ago\nType:\t\tregular\n\n'
} >"$docker/buildx-du.txt"
run status --json --cache-root "$root"
is 'two builders: exit 0' exits 0
is 'two builders: the shape' fits status
is 'two builders: warned' complains 'builds go to builder box (1.50 GB)'
run status --json --cache-root "$root" --builder default
is 'two builders, one is named: no warning' lacks 'builds go to' "$tmp/err"
run prune --records --dry-run --json
is 'two builders: records of the selected one' equals items.0.id boxed
run prune --records --builder default --dry-run --json
is 'two builders: of the named one' [ "$(value items.0.id)" != boxed ]
rm -r "$DOCKER_CONFIG/buildx" "$docker/buildx-ls.jsonl"

# A chain of ten with a young leaf: nothing can go by age, and the plan says why.
{
    printf '{"LayersSize":0,"BuildCache":['
    record c0 regular 100 'RUN 0' '"2024-02-01T00:00:00Z"' false ''
    for link in 1 2 3 4 5 6 7 8; do
        printf ,
        record c$link regular 100 "RUN $link" '"2024-02-01T00:00:00Z"' false \
            ",\"Parents\":[\"c$((link - 1))\"]"
    done
    printf ,
    record c9 regular 100 'RUN young' "\"$(date -u -d '1 hour ago' +%Y-%m-%dT%H:%M:%SZ)\"" false \
        ',"Parents":["c8"]'
    printf ']}\n'
} >"$engine/system_df.json"
: >"$engine/requests.log"
run prune --records --older-than 1d --dry-run
is 'a chain with a young leaf: nothing can go' says 'Nothing to prune'
is 'a chain with a young leaf: and why' [ "$(grep -c 'pinned by RUN young, used 1 h ago' "$tmp/out")" -eq 9 ]
run prune --records --older-than 1d --yes
is 'a chain with a young leaf: exit 0' exits 0
is 'a chain with a young leaf: nothing was asked of the engine' lacks prune "$engine/requests.log"

# ---------------------------------------------------- the records of a service

# own_layer CACHE SECOND: its layers were made at that second.
own_layer() {
    config=$(printf '{"layers":[],"records":[],"at":%s}' "$2" | put_blob "$1")
    layer=$(echo "layer $2" | put_blob "$1")
    type=application/vnd.oci.image
    manifest=$(printf '{"schemaVersion":2,"mediaType":"%s","manifests":[%s,%s]}' \
        "$type.index.v1+json" \
        "$(descriptor "$1" "$type.layer.v1.tar+gzip" "$layer" |
            sed "s/}$/,\"annotations\":{\"buildkit\/createdat\":\"2024-01-02T03:04:0$2.000000006Z\"}}/")" \
        "$(descriptor "$1" application/vnd.buildkit.cacheconfig.v0 "$config")" | put_blob "$1")
    printf '{"imageLayoutVersion":"1.0.0"}' >"$1/oci-layout"
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"sha256:%s","size":%s}]}' \
        "$type.index.v1+json" "$manifest" "$(blob_size "$1" "$manifest")" >"$1/index.json"
    make_old "$1" '1 hour ago'
}
made() { record "$1" regular "$2" "$3" '"2024-02-01T00:00:00Z"' false "$5" | sed "s/03:04:05/03:04:0$4/"; }
answer() {
    printf '{"LayersSize":0,"BuildCache":['
    made mine 1000 'COPY mine' 1 ''
    printf ,
    made theirs 2000 'COPY theirs' 2 ''
    printf ,
    made nobodys 4000 'COPY nobodys' 9 ''
    printf ']}\n'
}
answer >"$engine/system_df.json"
rm -f "$engine"/build_prune*
own_layer "$root/api" 1
own_layer "$root/worker" 2
run du --json --cache-root "$root"
is 'service: du tells whose' [ "$("$json" each records id service <"$tmp/out" | grep -c 'mine	api')" -eq 1 ]
run prune --service api --records --dry-run --json --cache-root "$root"
is 'service, its records: exit 0' exits 0
is 'service, its records: the one' [ "$("$json" each items id service <"$tmp/out")" = 'mine	api' ]
run prune --service api --dry-run --json --cache-root "$root"
is 'service: directory and record' \
    [ "$("$json" each items kind <"$tmp/out" | sort | tr '\n' ' ')" = 'record service ' ]
printf '{"CachesDeleted":["mine"],"SpaceReclaimed":1000}\n' >"$engine/build_prune.json"
answer | sed 's/{"ID":"mine"[^}]*},//' >"$engine/build_prune.after.json"
run prune --service api --yes --json --cache-root "$root"
is 'service: exit 0' exits 0
is 'service: freed as planned' [ "$(value freed)" = "$(value planned)" ]
is 'service: its directory is gone' gone "$root/api"
is 'service: the other is there' exists "$root/worker/index.json"
is 'service: one exact request' grep -q 'POST .*/build/prune.*mine' "$engine/requests.log"
is 'service: nothing else was asked for' lacks theirs "$engine/requests.log"

: >"$tmp/stale.sock"
DOCKER_HOST=unix://$tmp/stale.sock
run prune --service worker --yes --cache-root "$root"
is 'an engine that does not answer: partly done' exits 3
is 'an engine that does not answer: said so' complains 'records of builder default are left out'
is 'an engine that does not answer: the directory went' gone "$root/worker"
DOCKER_HOST=unix://$tmp/nothing.sock
own_layer "$root/worker" 2
run prune --service worker --yes --cache-root "$root"
is 'no engine at all: done' exits 0
is 'no engine at all: said so' complains 'left out'
own_layer "$root/worker" 2
run prune --service worker --records --yes --cache-root "$root"
is 'its records without an engine: exit 1' exits 1
is 'its records without an engine: one line' one_complaint

finish
