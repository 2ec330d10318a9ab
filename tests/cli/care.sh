#!/bin/sh
# bilge verify, restore, dedupe: on caches whose blobs are what their names say.
here=$(dirname "$0")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

two_generations() {
    export_cache "$root/$1" first
    old=$manifest
    export_cache "$root/$1" second
    new=$manifest new_layer=$layer
    make_old "$root/$1" '2 hours ago'
}
names() { grep -q "$2" "$root/$1/index.json"; }

# ---------------------------------------------------------------- verify
two_generations api
two_generations worker
run --cache-root "$root" verify --json
is 'verify: exit 0' exits 0
is 'verify: its shape' fits verify
is 'verify: api is ok' equals services.0.ok true
is 'verify: worker too' equals services.1.ok true

chmod u+w "$root/api/blobs/sha256/$new_layer"
printf X | dd of="$root/api/blobs/sha256/$new_layer" bs=1 seek=70 conv=notrunc 2>/dev/null
make_old "$root/api" '2 hours ago'
before=$(picture "$root")
run --cache-root "$root" verify --json
is 'a damaged blob: exit 1' exits 1
is 'a damaged blob: its shape' fits verify
is 'a damaged blob: api is not ok' equals services.0.ok false
is 'a damaged blob: digest' equals services.0.problems.0.kind digest
is 'a damaged blob: which' equals services.0.problems.0.digest "sha256:$new_layer"
is 'a damaged blob: worker is ok' equals services.1.ok true
run --cache-root "$root" verify worker
is 'verify worker alone: exit 0' exits 0
is 'verify worker alone: not api' lacks api "$tmp/out"
run --cache-root "$root" verify nosuch
is 'verify nosuch: exit 2' exits 2
run --cache-root "$root" verify --repair
is 'repair without a terminal: exit 2' exits 2
run --cache-root "$root" verify --repair --yes --read-only
is 'repair read-only: exit 2' exits 2
is 'so far nothing was touched' [ "$before" = "$(picture "$root")" ]

run --cache-root "$root" verify --repair --yes
is 'repair: exit 0' exits 0
is 'repair: says what it did' says 'api: repaired'
is 'repair: back to the older generation' names api "$old"
is 'repair: the damaged blob is gone' gone "$root/api/blobs/sha256/$new_layer"
run --cache-root "$root" verify
is 'after the repair: exit 0' exits 0

run --cache-root "$tmp/empty" verify
is 'nothing to verify: exit 0' exits 0

# --------------------------------------------------------------- restore
rm -rf "${root:?}"/*
two_generations api
run --cache-root "$root" restore api
is 'restore: exit 0' exits 0
is 'restore: the older one is live' names api "$old"


make_old "$root/api" '2 hours ago'
run --cache-root "$root" restore api --generation "sha256:$new" --json
is 'restore by digest: exit 0' exits 0
is 'restore by digest: says so' equals generation "sha256:$new"
is 'restore by digest: it is live' names api "$new"
run --cache-root "$root" restore api --generation 000000000000
is 'restore an unknown one: exit 2' exits 2
run --cache-root "$root" restore
is 'restore without a service: exit 2' exits 2
run --cache-root "$root" restore api --read-only
is 'restore read-only: exit 2' exits 2

# Of several tags one goes back, and that one is told of.
# tagged MANIFEST TAG: an entry of index.json.
tagged() {
    printf '%s,"annotations":{"org.opencontainers.image.ref.name":"%s"}}' \
        "$(descriptor "$root/api" application/vnd.oci.image.index.v1+json "$1" | sed 's/}$//')" "$2"
}
export_cache "$root/api" third
third=$manifest
for order in "$old $new $third" "$new $third $old" "$third $old $new"; do
    for tags in 'main latest' 'latest main' 'main dev'; do
        # shellcheck disable=SC2086
        set -- $order $tags
        case $1 in "$old") name=old ;; "$new") name=new ;; *) name=third ;; esac
        printf '{"schemaVersion":2,"manifests":[%s,%s]}' "$(tagged "$2" "$4")" \
            "$(tagged "$3" "$5")" >"$root/api/index.json"
        make_old "$root/api" '2 hours ago'
        run --cache-root "$root" restore api --generation "$1" --json
        is "restore $name, tags $tags: exit 0" exits 0
        is "restore $name, tags $tags: it is told of" equals generation "sha256:$1"
        is "restore $name, tags $tags: and its tag" equals tag latest
        is "restore $name, tags $tags: it is live" names api "$1"
    done
done
# The one that the project's builds read.
with_docker
printf '{"name":"sample","services":{"api":{"build":{"context":"%s","cache_to":["%s"]}}}}\n' \
    "$tmp/cwd" "type=local,dest=$root/api,tag=dev" >"$docker/config.json"
: >compose.yml
for tags in 'main dev' 'dev main' 'main other'; do
    # shellcheck disable=SC2086
    set -- $tags
    printf '{"schemaVersion":2,"manifests":[%s,%s]}' "$(tagged "$third" "$1")" \
        "$(tagged "$new" "$2")" >"$root/api/index.json"
    make_old "$root/api" '2 hours ago'
    case $tags in *dev*) want=dev ;; *) want=latest ;; esac
    run --cache-root "$root" restore api --generation "$old" --json
    is "restore what the project exports as dev, tags $tags: exit 0" exits 0
    is "restore what the project exports as dev, tags $tags: its tag" equals tag $want
done
rm compose.yml "$docker/config.json"
printf '{"schemaVersion":2,"manifests":[%s]}' "$(tagged "$new" latest)" >"$root/api/index.json"
rm "$root/api/blobs/sha256/$third"
make_old "$root/api" '2 hours ago'

rm -f "$root/api/blobs/sha256/$old"
run --cache-root "$root" restore api
is 'restore with nothing to go back to: exit 2' exits 2
is 'no lock is left' gone "$root/api/index.json.lock"

# ---------------------------------------------------------------- dedupe
rm -rf "${root:?}"/*
two_generations api
two_generations worker
two_generations third
run --cache-root "$root" dedupe --dry-run --json
is 'dedupe --dry-run: exit 0' exits 0
planned=$(value planned)
is 'dedupe --dry-run: something is duplicated' [ "$planned" -gt 40000 ]
is 'dedupe --dry-run: nothing freed' equals freed 0
run --cache-root "$root" dedupe
is 'dedupe without a terminal: exit 2' exits 2
used=$(du_bytes "$root")
run --cache-root "$root" dedupe --yes --json
is 'dedupe: exit 0' exits 0
is 'dedupe: freed what was planned' equals freed "$planned"
is 'dedupe: as du says' [ $((used - $(du_bytes "$root"))) -eq "$planned" ]
run --cache-root "$root" verify
is 'after dedupe: all verify' exits 0
run --cache-root "$root" dedupe --yes --json
is 'dedupe again: nothing left' equals planned 0
run --cache-root "$root" status --json
is 'status: shared bytes' [ "$(value services.0.shared)" -gt 0 ]
run --cache-root "$root" prune --service api --yes
is 'prune one of them: exit 0' exits 0
is 'prune one of them: gone' gone "$root/api"
run --cache-root "$root" verify
is 'the others are whole' exits 0

# What could not be read shares nobody knows what.
two_generations closed
chmod 000 "$root/closed/index.json"
run_as_other --cache-root "$root" dedupe --dry-run
is 'dedupe beside an unreadable cache: exit 1' exits 1
is 'dedupe beside an unreadable cache: says which' complains 'closed is left out: '
finish
