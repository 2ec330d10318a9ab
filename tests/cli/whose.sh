#!/bin/sh
# Whose a cache directory is, and what of it goes without being named: nothing
# that may be somebody's current cache.
here=$(dirname "$0")
# shellcheck source=tests/cli/mounts.sh
. "$here/mounts.sh"
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"
with_docker
history=$tmp/home/.local/state/bilge/history.db
on_disk=false
if small_disk "$root" 20m; then on_disk=true; fi

# compose DIRECTORY NAME SERVICE-JSON...: a project there, which docker tells of
# from now on; the first letter of @ in a path stands for the cache root.
compose() {
    directory=$1 project_name=$2
    shift 2
    mkdir -p "$directory"
    : >"$directory/compose.yml"
    cd "$directory" || exit 1
    {
        printf '{"name":"%s","services":{' "$project_name"
        comma=''
        for service; do
            printf '%s%s' "$comma" "$service" | sed "s|@|$root|g"
            comma=,
        done
        printf '}}\n'
    } >"$docker/config.json"
    rm -f "$docker/config.err" "$docker/config.status"
}
# service NAME FROM TO...: its JSON; an empty FROM or TO is left out.
service() {
    printf '"%s":{"build":{"context":"/x","dockerfile":"Dockerfile"' "$1"
    [ -z "$2" ] || printf ',"cache_from":["type=local,src=%s"]' "$2"
    [ -z "${3-}" ] || printf ',"cache_to":["type=local,dest=%s,mode=max"]' "$3"
    printf '}}'
}
# cache NAME AGE: one with garbage, last written to so long ago.
cache() {
    export_cache "$root/$1" one
    export_cache "$root/$1" two
    make_old "$root/$1" "$2"
}
fresh() {
    find "$root" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
    rm -rf "$tmp/home/.local" "$tmp/mine" "$tmp/other"
}
of() { "$json" each services name "$1" <"$tmp/out" | sed -n "s/^$2	//p" | head -n 1; }
of_is() { [ "$(of "$1" "$2")" = "$3" ] || { echo "$1 of $2 is $(of "$1" "$2"), not $3"; return 1; }; }
kept_says() { "$json" each kept reason <"$tmp/out" | grep -F -e "$1" || { cat "$tmp/out"; return 1; }; }
plans_whole() { "$json" each items kind service <"$tmp/out" | grep -qx "service	$1"; }
spares() { ! plans_whole "$1" || { cat "$tmp/out"; return 1; }; }

# spared WHAT NAME: nothing automatic takes it as a whole, and it is there.
spared() {
    for selectors in '--free 1GB' '--older-than 1s' '--larger-than 1kB' '--smaller-than 1GB'; do
        # shellcheck disable=SC2086
        run prune $selectors --dry-run --json --cache-root "$root"
        is "$1: $selectors spares it" spares "$2"
    done
    guarded "$1: guard" --cache-root "$root"
    is "$1: it is there" exists "$root/$2/index.json"
}
# guarded WHAT ARGUMENT...: once, with a disk that is short.
guarded() {
    what=$1
    shift
    if ! $on_disk; then
        skip "$what" 'no tmpfs can be mounted here'
        return
    fi
    run guard --once --keep-free 20.97MB --json "$@"
    is "$what: the disk was short" grep -qE ' (short on|below) ' "$tmp/err"
}

# ------------------------------------------------- cache_from A, cache_to A-new

fresh
compose "$tmp/mine" shop "$(service web @/web/ @/web-new)"
cache web '1 minute ago'
size=$(du_bytes "$root/web")
run status --json --cache-root "$root"
is 'rotated: what is read from is its own' of_is in_project web true
is 'rotated: the bytes' [ "$("$json" each services name size <"$tmp/out" | awk '$1 == "web" { n += $2 } END { print n }')" = "$size" ]
spared 'rotated' web
is 'rotated: its garbage went' [ "$(find "$root/web/blobs" -type f | wc -l)" -eq 4 ]
make_old "$root/web" '90 days ago'
spared 'rotated, old' web
run prune --free 1GB --live --dry-run --json --cache-root "$root"
is 'rotated: --live takes it' plans_whole web
run verify web --json --cache-root "$root"
is 'rotated: the one that is there is meant by the name' exits 0
run prune --service web --yes --cache-root "$root"
is 'rotated: its name takes it: exit 0' exits 0
is 'rotated: its name takes it' gone "$root/web"

# As compose lets it be written: several, relative, as a map, another's cache.
fresh
compose "$tmp/mine" shop \
    '"web":{"build":{"context":"/x","cache_from":["app:latest","type=local,src=@/web","type=local,src=@/base"],"cache_to":["type=local,dest=@/web-new"]}}' \
    '"base":{"build":{"context":"/x","cache_to":["type=local,dest=@/base"]}}' \
    '"map":{"build":{"context":"/x","cache_from":[{"type":"local","src":"@/map/"}],"cache_to":["type=local,dest=@/map-new"]}}'
for name in web base map; do cache $name '40 days ago'; done
run status --json --cache-root "$root"
for name in web base map; do is "several: $name is in the project" of_is in_project $name true; done
is 'several: web reads what base writes' equals services.0.read_by.0 web
for name in web base map; do spared "several: $name" $name; done
run prune --service web --yes --cache-root "$root"
is "several: web's name takes what web only reads" gone "$root/web"
is "several: web's name leaves what base writes" exists "$root/base/index.json"

fresh
mkdir -p "$tmp/mine/caches"
compose "$tmp/mine" shop "$(service web ./caches/../caches/web caches/web-new)"
export_cache "$tmp/mine/caches/web" one
make_old "$tmp/mine/caches/web" '90 days ago'
ln -sfn "$tmp/mine" "$tmp/link"
cd "$tmp/link" || exit 1
run prune --older-than 1s --dry-run --json --cache-root "$tmp/mine/caches"
is 'relative, in a linked directory: it is spared' spares web
is 'relative, in a linked directory: since it is current' kept_says 'current cache of this project'
run prune --older-than 1s --dry-run --json --cache-root "$tmp/link/caches"
is 'relative, the root by its link: it is spared' spares web
rm -rf "$tmp/mine/caches"

# The root by another name.
if $on_disk; then
    fresh
    compose "$tmp/mine" shop "$(service web '' @/web)"
    cache web '90 days ago'
    mkdir -p "$tmp/alias"
    mount --bind "$root" "$tmp/alias"
    run prune --older-than 1s --dry-run --json --cache-root "$tmp/alias"
    is 'the root by another name: it is spared' spares web
    is 'the root by another name: it is current' kept_says 'current cache of this project'
    compose "$tmp/mine" shop "$(service other '' @/other)"
    run prune --older-than 1s --dry-run --json --cache-root "$tmp/alias"
    is 'the root by another name, no longer named' plans_whole web
    compose "$tmp/other" parts "$(service web '' @/web)"
    run status --json
    compose "$tmp/mine" shop "$(service other '' @/other)"
    run prune --older-than 1s --dry-run --json --cache-root "$tmp/alias"
    is 'the root by another name: known as that of another project' kept_says 'project parts uses it'
    umount "$tmp/alias"
else
    skip 'the root by another name' 'nothing can be mounted here'
fi

# A service that a profile switches off is the project's all the same.
fresh
compose "$tmp/mine" shop "$(service web '' @/web)" "$(service debug '' @/debug | sed 's/}}$/},"profiles":["debug"]}/')"
cache debug '90 days ago'
: >"$docker/calls.log"
run status --json --cache-root "$root"
is 'profiles: all of them are asked for' grep -q -e '--profile \*' "$docker/calls.log"
is 'profiles: it is in the project' of_is in_project debug true
spared 'profiles' debug

# ------------------------------------------------- two projects under one root

fresh
compose "$tmp/mine" shop "$(service web '' @/web)"
cache theirs 'now'
run status --json --cache-root "$root"
is 'another: not in this project' of_is in_project theirs false
is 'another: not abandoned' of_is abandoned theirs false
run status --cache-root "$root"
is 'another: said so' says 'not in this project'
is 'another: no word of a service that is gone' lacks 'no such' "$tmp/out"
spared 'another, just exported' theirs
run prune --free 1GB --live --dry-run --json --cache-root "$root"
is 'another: --live is of this project alone' spares theirs
is 'another: why' kept_says 'not in this project; last export'
run prune --all --dry-run --json --cache-root "$root"
is 'another: --all takes it' plans_whole theirs
is 'another: --all says whose it is not' [ "$("$json" each items kind reason <"$tmp/out" | grep -c 'not in this project; last export')" -eq 1 ]
run prune --service theirs --dry-run --json --cache-root "$root"
is 'another: its name takes it' plans_whole theirs

# Seen by bilge in its own project, it stays theirs while the file is there.
compose "$tmp/other" parts "$(service theirs '' @/theirs)"
run status --json --cache-root "$root"
is 'seen: there it is in the project' of_is in_project theirs true
compose "$tmp/mine" shop "$(service web '' @/web)"
make_old "$root/theirs" '400 days ago'
run status --json --cache-root "$root"
is 'seen: not in this project' of_is in_project theirs false
is 'seen: not abandoned' of_is abandoned theirs false
is 'seen: whose' of_is other_project theirs parts
spared 'seen' theirs
run prune --free 1GB --dry-run --json --cache-root "$root"
is 'seen: why' kept_says "project parts uses it ($tmp/other/compose.yml)"
echo '# changed' >"$tmp/other/compose.yml"
spared 'seen, its file changed since' theirs
mkdir "$tmp/nowhere"
cd "$tmp/nowhere" || exit 1
run prune --free 1GB --dry-run --json --cache-root "$root"
is 'seen, from outside any project: spared' spares theirs
is 'seen, from outside any project: why' kept_says 'project parts uses it'
cd "$tmp/mine" || exit 1
cp "$history" "$tmp/history"
printf 'no database' >"$history"
run prune --free 1GB --dry-run --json --cache-root "$root"
is 'a history that can not be read: spared' spares theirs
is 'a history that can not be read: said' kept_says 'the history'
cp "$tmp/history" "$history"
rm -f "$history-wal" "$history-shm"

# In its own project again it is no longer named: the project's word counts.
compose "$tmp/other" parts "$(service new '' @/new)"
run status --json --cache-root "$root"
compose "$tmp/mine" shop "$(service web '' @/web)"
run status --json --cache-root "$root"
is 'no longer named: abandoned' of_is abandoned theirs true
compose "$tmp/other" parts "$(service theirs '' @/theirs)"
run --read-only status --json --cache-root "$root"
compose "$tmp/mine" shop "$(service web '' @/web)"
run status --json --cache-root "$root"
is '--read-only remembers nothing' of_is abandoned theirs true
compose "$tmp/other" parts "$(service theirs '' @/theirs)"
run status --json --cache-root "$root"
rm -r "$tmp/other"
compose "$tmp/mine" shop "$(service web '' @/web)"
run status --json --cache-root "$root"
is 'its file is gone: abandoned' of_is abandoned theirs true
is 'its file is gone: nobody named' of_is other_project theirs null
run status --cache-root "$root"
is 'its file is gone: said so' says 'abandoned (400 d)'
run prune --free 1GB --dry-run --json --cache-root "$root"
is 'its file is gone: --free takes it' plans_whole theirs
is 'its file is gone: why' [ "$("$json" each items kind reason <"$tmp/out" | grep -c 'abandoned (last export 400 d ago): no project is known to use it')" -eq 1 ]
guarded 'its file is gone: guard' --cache-root "$root"
if $on_disk; then is 'its file is gone: guard takes it' gone "$root/theirs"; fi

# A file that can't be looked at is not gone.
if [ "$(id -u)" -eq 0 ]; then
    fresh
    compose "$tmp/other" parts "$(service theirs '' @/theirs)"
    cache theirs '400 days ago'
    mkdir -p "$tmp/state/bilge"
    chmod -R a+rwX "$tmp/state" "$tmp/docker" "$tmp/bin" "$root"
    export XDG_STATE_HOME="$tmp/state"
    run_as_other status --json --cache-root "$root"
    compose "$tmp/mine" shop "$(service web '' @/web)"
    chmod 700 "$tmp/other"
    run_as_other status --json --cache-root "$root"
    is 'its file is out of sight: not abandoned' of_is abandoned theirs false
    rm -r "$tmp/other"
    run_as_other status --json --cache-root "$root"
    is 'its file is gone, to another user: abandoned' of_is abandoned theirs true
    unset XDG_STATE_HOME
else
    skip 'its file is out of sight' 'not root'
fi

# A service of ours without a cache has a namesake among their directories.
fresh
compose "$tmp/mine" shop "$(service web '' '')"
cache web '40 days ago'
run status --json --cache-root "$root"
is 'a namesake: taken for the service'"'"'s' of_is in_project web true
spared 'a namesake' web
run prune --free 1GB --live --dry-run --json --cache-root "$root"
is 'a namesake: --live does not trust the name' spares web
is 'a namesake: why' kept_says 'it has the name of a service'
compose "$tmp/other" parts "$(service web '' @/web)"
run status --json --cache-root "$root"
compose "$tmp/mine" shop "$(service web '' '')"
run status --json --cache-root "$root"
is 'a namesake of another project: it is theirs' [ "$("$json" each services path in_project other_project <"$tmp/out" | sed -n "s|^$root/web	||p")" = 'false	parts' ]
spared 'a namesake of another project' web
run prune --service web --yes --cache-root "$root"
is 'a namesake of another project: our name does not take it' exists "$root/web/index.json"

# Services of the project outside the roots that were given are no failure.
fresh
compose "$tmp/mine" shop "$(service web '' "$tmp/outside/web")"
cache other '1 hour ago'
run prune --garbage --yes --json --cache-root "$root"
is 'outside the given roots: exit 0' exits 0
run prune --service web --yes --json --cache-root "$root"
is 'outside the given roots, by name: exit 1' exits 1
is 'outside the given roots, by name: why' kept_says 'outside the cache roots'

# ------------------------------------------------------------ no project, or a broken one

fresh
cache some '3 days ago'
cache old '40 days ago'
cd "$tmp/nowhere" || exit 1
run status --json --cache-root "$root"
is 'no project: nothing is outside it' of_is in_project some null
is 'no project: a young one' of_is abandoned some false
is 'no project: an old one' of_is abandoned old true
spared 'no project' some
run prune --free 1GB --live --dry-run --json --cache-root "$root"
is 'no project: --live takes nobody knows whose' spares some
is 'no project: why' kept_says 'no project is loaded'
cache old '40 days ago'
run prune --older-than 1s --yes --cache-root "$root"
is 'no project: an abandoned one goes' gone "$root/old"
is 'no project: the young one is there' exists "$root/some/index.json"
compose "$tmp/mine" shop "$(service some '' @/some)"
run status --json --cache-root "$root"
make_old "$root/some" '40 days ago'
echo 'yaml: line 3: mapping values are not allowed' >"$docker/config.err"
echo 1 >"$docker/config.status"
spared 'compose fails, what it named before' some
run prune --service nosuch --yes --cache-root "$root"
is 'compose fails: whether there is such a service is not known' exits 1
is 'compose fails: why' complains 'yaml: line 3'
rm -f "$docker/config.err" "$docker/config.status"
run prune --service nosuch --yes --cache-root "$root"
is 'no such service: exit 2' exits 2
with=$bilge_path
bilge_path=$tmp/empty
run prune --service nosuch --yes --cache-root "$root"
is 'no docker that reads the project: exit 1' exits 1
is 'no docker that reads the project: why' complains 'neither docker'
bilge_path=$with

# ------------------------------------------------------------------ how old is old

fresh
compose "$tmp/mine" shop "$(service web '' @/web)"
cache old '10 days ago'
run prune --free 1GB --dry-run --json --cache-root "$root"
is '30 days are the default' spares old
run prune --free 1GB --abandoned-after 7d --dry-run --json --cache-root "$root"
is '--abandoned-after 7d' plans_whole old
run prune --free 1GB --abandoned-after 11d --dry-run --json --cache-root "$root"
is '--abandoned-after 11d' spares old
run prune --free 1GB --abandoned-after 0s --dry-run --cache-root "$root"
is '--abandoned-after 0s: exit 2' exits 2
echo 'abandoned-after = 7d' >"$tmp/conf"
run prune --free 1GB --dry-run --json --cache-root "$root" --config "$tmp/conf"
is 'abandoned-after in the settings' plans_whole old
run prune --free 1GB --abandoned-after 11d --dry-run --json --cache-root "$root" --config "$tmp/conf"
is 'the command line goes before the settings' spares old
guarded 'guard --abandoned-after 11d' --abandoned-after 11d --cache-root "$root"
is 'guard --abandoned-after 11d: there' exists "$root/old/index.json"
guarded 'guard --abandoned-after 7d' --abandoned-after 7d --cache-root "$root"
if $on_disk; then is 'guard --abandoned-after 7d: gone' gone "$root/old"; fi
cache late '40 days ago'
echo half >"$root/late/ingest/part"
run prune --free 1GB --dry-run --json --cache-root "$root"
is 'an export that was tried lately: not abandoned' spares late
saved=$HOME
unset HOME
cache old '40 days ago'
run prune --free 1GB --dry-run --json --cache-root "$root"
is 'without a home: by age alone' plans_whole old
HOME=$saved

# -------------------------------------------------- directories of several services

fresh
compose "$tmp/mine" shop "$(service a '' @/both)" "$(service b '' @/both)" "$(service c @/both)"
cache both '1 minute ago'
run status --json --cache-root "$root"
is 'shared: a names b' equals services.0.shares_path.0 b
is 'shared: b names a' equals services.1.shares_path.0 a
is 'shared: c reads it' equals services.0.read_by.0 c
is 'shared: the shape' fits status
run status --cache-root "$root"
is 'shared: the total counts it once' says "Total: $(du_bytes "$root/both" | awk '{ printf "%.1f kB", $1 / 1000 }')"
run prune --service a --yes --cache-root "$root"
is 'shared: one name does not take it' exists "$root/both/index.json"
is 'shared: why' says 'shares its directory with b'
run prune --service a --service b --yes --cache-root "$root"
is 'shared: both names take it' gone "$root/both"

# with_tag FILE TAG...: index.json names the export under these tags instead.
tagged() { sed "s/\"latest\"/\"$2\"/" "$1"; }
fresh
compose "$tmp/mine" shop "$(service a '' @/both,tag=a)" "$(service b '' @/both,tag=b)"
export_cache "$root/both" one
tagged "$root/both/index.json" a >"$tmp/a.json"
export_cache "$root/both" two
tagged "$root/both/index.json" b >"$tmp/b.json"
sed 's/.*"manifests":\[\(.*\)\]}$/\1/' "$tmp/a.json" >"$tmp/a.entry"
sed 's/.*"manifests":\[\(.*\)\]}$/\1/' "$tmp/b.json" >"$tmp/b.entry"
printf '{"schemaVersion":2,"manifests":[%s,%s]}' "$(cat "$tmp/a.entry")" "$(cat "$tmp/b.entry")" \
    >"$root/both/index.json"
make_old "$root/both" '1 hour ago'
before=$(find "$root/both/blobs" -type f | wc -l)
run prune --service a --dry-run --json --cache-root "$root"
planned=$(value planned)
is 'one tag: the shape' fits prune
is 'one tag: an export' equals items.0.kind generation
run prune --service a --yes --json --cache-root "$root"
is 'one tag: exit 0' exits 0
is 'one tag: freed as planned' equals freed "$planned"
is 'one tag: some' [ "$planned" -gt 0 ]
is 'one tag: three blobs went' [ "$(find "$root/both/blobs" -type f | wc -l)" -eq $((before - 3)) ]
is 'one tag: the other is named' grep -q '"b"' "$root/both/index.json"
is 'one tag: it is not' lacks '"a"' "$root/both/index.json"
run verify --json --cache-root "$root"
is 'one tag: the other is whole' exits 0
run prune --service a --yes --json --cache-root "$root"
is 'one tag: a second time it is the other service alone' exists "$root/both/index.json"

# --------------------------------------------------- links, and what can't be read

fresh
compose "$tmp/mine" shop "$(service web '' @/alias)"
mkdir -p "$tmp/elsewhere"
export_cache "$tmp/elsewhere/real" one
make_old "$tmp/elsewhere" '90 days ago'
ln -s "$tmp/elsewhere/real" "$root/alias"
picture "$tmp/elsewhere" >"$tmp/elsewhere.before"
for selectors in '--service web' '--all' '--older-than 1s' '--free 1GB'; do
    # shellcheck disable=SC2086
    run prune $selectors --yes --json --cache-root "$root"
    is "a link, $selectors: nothing is planned" equals items '[]'
    is "a link, $selectors: kept, and why" kept_says 'symbolic link'
    is "a link, $selectors: untouched" same_tree "$tmp/elsewhere" "$tmp/elsewhere.before"
done
rm "$root/alias"
cache target '90 days ago'
ln -s target "$root/alias"
run status --json --cache-root "$root"
is 'a link within the root: what it leads to is in the project' [ "$("$json" each services path in_project <"$tmp/out" | sed -n "s|^$root/target	||p")" = true ]
run prune --free 1GB --dry-run --json --cache-root "$root"
is 'a link within the root: what it leads to is spared' spares web

fresh
compose "$tmp/mine" shop "$(service web '' @/web)"
cache web '1 hour ago'
chmod a+rx "$tmp" "$tmp/mine" "$docker"
chmod -R a+rwX "$root" "$docker"
chmod 700 "$root/web"
if [ "$(id -u)" -eq 0 ]; then
    run_as_other prune --service web --yes --json --cache-root "$root"
    is 'unreadable: exit 1' exits 1
    is 'unreadable: kept, and why' kept_says 'permission denied'
    is 'unreadable: failed' [ -n "$(value failed.0.error)" ]
    run_as_other prune --garbage --yes --cache-root "$root"
    is 'unreadable, --garbage: exit 1' exits 1
    is 'unreadable, --garbage: why' says 'permission denied'
    chmod 700 "$root"
    for command in 'status' 'prune --garbage --yes' 'prune --garbage --dry-run' \
        'prune --service nosuch --yes' 'prune --free 1GB --yes' 'guard --once --keep-free 1kB' \
        'verify nosuch'; do
        # shellcheck disable=SC2086
        run_as_other $command --cache-root "$root"
        is "a root that can't be read, $command: exit 1" exits 1
        is "a root that can't be read, $command: why" complains 'permission denied'
        is "a root that can't be read, $command: nothing false" lacks 'no such' "$tmp/err"
    done
    chmod 755 "$root" "$root/web"
else
    skip 'unreadable' 'not root'
fi

cd /
if $on_disk; then umount "$root"; fi
finish
