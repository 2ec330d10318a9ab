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
run du
is 'text: exit 0' exits 0
is 'text: a row' grep -E '^run +regular +5.00 GB +- +3 +in use +- +mount / from exec' "$tmp/out"
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

finish
