#!/bin/sh
# Directories that only look like caches: images, parts of caches, what can't be
# read, what was cut short. bilge shows them for what they are, and leaves them alone.
here=$(dirname "$0")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

type=application/vnd.oci.image

# export_image DIRECTORY TAG: what "buildx build -o type=oci" or skopeo leave there.
export_image() {
    image=$1
    layer=$(head -c 400000 /dev/zero | sed "1s/^/$2/" | put_blob "$image")
    config=$(printf '{"architecture":"amd64","os":"linux","config":{},"x":"%s"}' "$2" |
        put_blob "$image")
    manifest=$(printf '{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s]}' \
        "$type.manifest.v1+json" \
        "$(descriptor "$image" "$type.config.v1+json" "$config")" \
        "$(descriptor "$image" "$type.layer.v1.tar+gzip" "$layer")" | put_blob "$image")
    rmdir "$image/ingest"
    printf '{"imageLayoutVersion":"1.0.0"}' >"$image/oci-layout"
    add_entry "$image" "$type.manifest.v1+json" "$manifest" "$2"
}

# add_entry DIRECTORY TYPE DIGEST TAG: to its index.json, before the others.
add_entry() {
    others=
    [ ! -e "$1/index.json" ] ||
        others=,$(sed 's/.*"manifests":\[\(.*\)\]}$/\1/' "$1/index.json")
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"sha256:%s","size":%s,%s}%s]}' \
        "$2" "$3" "$(blob_size "$1" "$3")" \
        "\"annotations\":{\"org.opencontainers.image.ref.name\":\"$4\"}" "$others" >"$1/new"
    mv "$1/new" "$1/index.json"
}

state_is() {
    equals "services.$("$json" each services name <"$tmp/out" | grep -n -x -F -e "$1" |
        head -n 1 | cut -d: -f1 | awk '{print $1 - 1}').state" "$2"
}

# ---------------------------------------------------------------- images

export_cache "$root/web" one
export_cache "$root/web" two
export_image "$root/release" v1.0
export_image "$root/both" v1.0
manifest_of_image=$manifest
rm "$root/both/index.json"
export_cache "$root/both" cached # the image's manifest is superseded ...
export_cache "$root/tags" cached
cp -r "$root/tags" "$root/tagged"
cp -r "$root/release/blobs" "$root/tagged/" # ... and here it has a tag beside the cache's
add_entry "$root/tagged" "$type.manifest.v1+json" "$manifest_of_image" v1.0
mkdir -p "$root/first/blobs/sha256" "$root/first/ingest"
head -c 9000 /dev/zero | put_blob "$root/first" >/dev/null # a first export that was killed
for name in web release both tags tagged first; do
    make_old "$root/$name" '40 days ago'
done
run status --json --cache-root "$root"
is 'images: exit 0' exits 0
is 'images: the shape' fits status
is 'images: a cache is one' state_is web ok
is 'images: with one tag too' state_is tags ok
is 'images: an image is foreign' state_is release foreign
is 'images: beside an old one a cache is foreign, too' state_is both foreign
is 'images: and beside one with a tag' state_is tagged foreign
is 'images: what holds no manifest is foreign' state_is first foreign
only_caches() {
    "$json" each items service <"$tmp/out" | sort -u >"$tmp/taken"
    printf 'tags\nweb\n' | cmp - "$tmp/taken"
}
for how in '--older-than 30d' '--all' '--larger-than 1B' '--free 100GB'; do
    # shellcheck disable=SC2086 # several words
    run prune $how --dry-run --json --cache-root "$root"
    is "images: prune $how takes caches only" only_caches
done
foreign_ones() { for it in release both tagged first; do picture "$root/$it"; done; }
before=$(foreign_ones)
for it in release both tagged first; do
    run prune --service "$it" --yes --cache-root "$root"
    is "images: not even by name: $it" exits 0
    run prune --service "$it" --garbage --now --yes --cache-root "$root"
    run verify "$it" --repair --yes --cache-root "$root"
    is "images: nor repaired: exit 1: $it" exits 1
    is "images: $it: says why" grep -E 'no build cache|leads to a BuildKit' "$tmp/err"
    run restore "$it" --cache-root "$root"
    is "images: nor restored: exit 1: $it" exits 1
done
run dedupe --yes --cache-root "$root"
is 'images: nor linked' exits 0
run guard --keep-free 99% --once --dry-run --json --cache-root "$root"
is 'images: nor by the guard' lacks 'release\|both\|tagged\|first' "$tmp/out"
is 'images: all is as it was' [ "$before" = "$(foreign_ones)" ]
run verify --json --cache-root "$root"
is 'images: verify tells them' fits verify
is 'images: as foreign' says '"kind":"foreign"'

# -------------------------------------------------- a cache that is the root

rm -rf "${root:?}"/*
export_cache "$root/app" one
export_cache "$root/app/sub" one
mkdir -p "$root/app/ingest/half"
echo x >"$root/app/ingest/half/data"
make_old "$root/app" '40 days ago'
for layout in yes no; do
    [ "$layout" = yes ] || rm "$root/app/oci-layout"
    run status --json --cache-root "$root/app"
    is "a cache as the root ($layout): is one cache" equals services.0.name app
    is "a cache as the root ($layout): and no more" equals services.1 ''
    run prune --all --yes --cache-root "$root/app"
    is "a cache as the root ($layout): its parts stay" exists "$root/app/ingest/half/data"
    is "a cache as the root ($layout): and what is inside" exists "$root/app/sub/index.json"
done

# --------------------------------------------------------- what can't be read

if [ "$(id -u)" -eq 0 ]; then
    rm -rf "${root:?}"/*
    export_cache "$root/api" one
    export_cache "$root/api" two
    two=$layer
    make_old "$root/api" '40 days ago'
    chmod 755 "$tmp" "$root"
    chown -R 65534:65534 "$root/api"
    # A layer that an earlier build left, as root, with umask 077.
    chown 0:0 "$root/api/blobs/sha256/$two"
    chmod 400 "$root/api/blobs/sha256/$two"
    before=$(picture "$root")
    run_as_other verify api --json --cache-root "$root"
    is 'a layer of root: verify: exit 1' exits 1
    is 'a layer of root: the shape' fits verify
    is 'a layer of root: it is unreadable' equals services.0.problems.0.kind unreadable
    is 'a layer of root: and that is all' equals services.0.problems.1 ''
    run_as_other verify api --repair --yes --cache-root "$root"
    is 'a layer of root: repair: exit 1' exits 1
    is 'a layer of root: repair: says what' says 'unreadable'
    is 'a layer of root: repair: and why' complains 'permission denied'
    is 'a layer of root: nothing was touched' [ "$before" = "$(picture "$root")" ]

    chmod 000 "$root/api/index.json"
    chown 0:0 "$root/api/index.json"
    before=$(picture "$root")
    run_as_other status --json --cache-root "$root"
    is 'an index of root: unreadable' state_is api unreadable
    is 'an index of root: says why' says 'permission denied'
    for how in '--all' '--service api' '--older-than 1d' '--garbage' '--free 100GB'; do
        # shellcheck disable=SC2086 # several words
        run_as_other prune $how --yes --now --json --cache-root "$root"
        is "an index of root: prune $how takes nothing" equals items '[]'
    done
    run_as_other restore api --cache-root "$root"
    is 'an index of root: restore: exit 1' exits 1
    is 'an index of root: restore: and why' complains 'permission denied'
    run_as_other restore api --generation 000000000000 --cache-root "$root"
    is 'an index of root: restore by digest: exit 1' exits 1
    run_as_other verify --repair --yes --cache-root "$root"
    is 'an index of root: repair: exit 1' exits 1
    is 'an index of root: nothing was touched' [ "$before" = "$(picture "$root")" ]

    chown -R 65534:65534 "$root/api"
    chmod 644 "$root/api/index.json"
    chmod 000 "$root/api"
    run_as_other restore api --cache-root "$root"
    is 'a closed directory: restore: exit 1' exits 1
    is 'a closed directory: restore: and why' complains 'permission denied'
    run_as_other verify api --cache-root "$root"
    is 'a closed directory: verify: exit 1' exits 1
    is 'a closed directory: verify: unreadable' says 'unreadable'
    chmod 755 "$root/api"
else
    skip 'what can not be read' 'only root can be somebody else'
fi

# -------------------------------------------------- what is not understood

rm -rf "${root:?}"/*
export_cache "$root/api" one
first=$manifest
export_cache "$root/api" two
make_old "$root/api" '40 days ago'
add_entry "$root/api" "$type.index.v1+json" "$first" 'half of a pair: \ud83d'
make_old "$root/api" '40 days ago'
before=$(picture "$root")
run status --json --cache-root "$root"
is 'not understood: broken' state_is api broken
is 'not understood: no garbage is known' equals services.0.garbage 0
run prune --garbage --yes --json --cache-root "$root"
is 'not understood: no garbage goes' equals items '[]'
run prune --older-than 1d --yes --json --cache-root "$root"
is 'not understood: nor the whole by its age' equals items '[]'
run restore api --generation "$first" --cache-root "$root"
is 'not understood: restore: exit 1' exits 1
is 'not understood: restore: says why' complains 'does not understand'
run verify --repair --yes --cache-root "$root"
is 'not understood: repair: exit 1' exits 1
is 'not understood: repair: says what to do' complains 'remove index.json'
is 'not understood: nothing was touched' [ "$before" = "$(picture "$root")" ]

sed 's/"manifests"/"Manifests"/' "$root/api/index.json" >"$tmp/index"
cat "$tmp/index" >"$root/api/index.json"
make_old "$root/api" '40 days ago'
before=$(picture "$root")
run restore api --cache-root "$root"
is 'a name in another case: restore: exit 1' exits 1
run verify api --repair --yes --cache-root "$root"
is 'a name in another case: repair: exit 1' exits 1
run prune --garbage --yes --cache-root "$root"
is 'a name in another case: nothing was touched' [ "$before" = "$(picture "$root")" ]
run prune --service api --yes --cache-root "$root"
is 'and by its name the cache goes' gone "$root/api"
finish
