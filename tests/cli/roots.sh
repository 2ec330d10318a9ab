#!/bin/sh
# Cache roots: such as can't be used, such as others have planted, one under several
# names, one inside another, and one that does not answer.
here=$(dirname "$0")
# shellcheck source=tests/cli/mounts.sh
. "$here/mounts.sh"
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

# fresh NAME...: these caches in $root, of a day ago, with garbage.
fresh() {
    rm -rf "$root"
    mkdir "$root"
    for name; do
        export_cache "$root/$name" one
        export_cache "$root/$name" two
        make_old "$root/$name" '1 day ago'
    done
}

# every_command CACHE_ROOT NAME REASON: each command that looks there says why it can't
# with exit 1, and never that there was no such service.
every_command() {
    for command in 'status' 'status --json' 'prune --all --yes' 'prune --garbage --dry-run' \
        'prune --service api --yes' 'verify' 'verify api' 'restore api' 'dedupe --yes' \
        'guard --once --keep-free 1MB'; do
        # shellcheck disable=SC2086
        $as $command --cache-root "$1"
        is "$2: $command: exit 1" exits 1
        is "$2: $command: and why" complains "cannot open cache root $1: $3"
        is "$2: $command: nothing else" lacks 'no such service' "$tmp/err"
    done
    $as doctor --json --cache-root "$1"
    is "$2: doctor: exit 1" exits 1
    is "$2: doctor: a finding" says "$3"
}

# ------------------------------------------------------- such as can't be used

as=run
every_command "$tmp/nosuch" 'no such root' 'no such file or directory'
ln -s "$tmp/nowhere" "$tmp/dangling"
every_command "$tmp/dangling" 'a dangling link' "$tmp/nowhere: no such file or directory"
echo x >"$tmp/file"
every_command "$tmp/file" 'a file' 'not a directory'
mkfifo "$tmp/fifo"
every_command "$tmp/fifo" 'a fifo' 'not a directory'
ln -s loop "$tmp/loop"
every_command "$tmp/loop" 'a link to itself' "too many symbolic links"
if [ "$(id -u)" -eq 0 ]; then
    as=run_as_other
    mkdir -m 700 "$tmp/closed"
    every_command "$tmp/closed" 'not ours to read' 'permission denied'
    mkdir "$tmp/closed/below"
    every_command "$tmp/closed/below" 'not ours to pass' 'permission denied'
    as=run
else
    skip 'not ours to read' 'only root can be somebody else'
fi

# The settings name a root, too.
echo "cache-root = $tmp/nosuch" >"$tmp/settings"
run status --config "$tmp/settings"
is 'a root of the settings: exit 1' exits 1
is 'a root of the settings: and why' complains "$tmp/nosuch: no such file or directory"

# What the others hold is shown, and goes; the exit status tells.
fresh api
run status --json --cache-root "$root" --cache-root "$tmp/nosuch"
is 'one of two: exit 1' exits 1
is 'one of two: the shape' fits status
is 'one of two: the other is read' equals services.0.name api
run prune --garbage --yes --json --cache-root "$tmp/nosuch" --cache-root "$root"
is 'one of two: prune: exit 1' exits 1
is 'one of two: prune: the shape' fits prune
is 'one of two: prune: the garbage went' [ "$(value freed)" -gt 0 ]
run verify api --cache-root "$root" --cache-root "$tmp/nosuch"
is 'one of two: verify: the service is found' says 'api: ok'
is 'one of two: verify: exit 1' exits 1

# One that nobody named need not be there yet.
with_docker
project api
rm -rf "$root"
for command in 'status' 'prune --service api --yes' 'verify' 'dedupe --yes'; do
    # shellcheck disable=SC2086
    run $command
    is "the project's own is not there yet: $command: exit 0" exits 0
done
bilge_path=$tmp/empty
rm compose.yml

# --------------------------------------------------- what others have planted

# planted OWNER: in a directory for everybody a link of his to the root, another one on
# the way to it.
planted() {
    rm -rf "$tmp/shared"
    mkdir -m 1777 "$tmp/shared"
    ln -s "$root" "$tmp/shared/link"
    ln -s "$tmp" "$tmp/shared/way"
    chown -h "$1" "$tmp/shared/link" "$tmp/shared/way"
}

# touches_nothing CACHE_ROOT NAME
touches_nothing() {
    picture "$root" >"$tmp/before"
    for command in 'status' 'prune --all --yes' 'prune --garbage --yes' 'verify --repair --yes' \
        'dedupe --yes' 'restore api'; do
        # shellcheck disable=SC2086
        run $command --cache-root "$1"
        is "$2: $command: exit 1" exits 1
        is "$2: $command: and why" complains 'is a symbolic link that user 64001 put into'
        is "$2: $command: nothing is listed" lacks '^api ' "$tmp/out"
        is "$2: $command: nothing is touched" same_tree "$root" "$tmp/before"
    done
}

if [ "$(id -u)" -eq 0 ]; then
    fresh api web
    planted 64001
    touches_nothing "$tmp/shared/link" 'a planted link'
    touches_nothing "$tmp/shared/link/" 'a planted link with a slash'
    touches_nothing "$tmp/shared/link/." 'a planted link with a dot'
    touches_nothing "$tmp/shared/way/root" 'a planted link on the way'
    ln -s "$tmp/shared/link" "$tmp/mine"
    touches_nothing "$tmp/mine" 'a planted link behind our own'
    SUDO_UID=64001 run status --cache-root "$tmp/shared/link"
    is 'a link of who called sudo: exit 0' exits 0
    is 'a link of who called sudo: is followed' says api
    planted 0
    run status --cache-root "$tmp/shared/link"
    is 'a link of our own: exit 0' exits 0
    is 'a link of our own: is followed' says api
    run prune --garbage --yes --cache-root "$tmp/shared/way/root"
    is 'a link of our own: prune: exit 0' exits 0
    # A user's own root, who need not be root.
    fresh api
    chown -R 64001 "$root"
    run prune --service api --yes --cache-root "$root"
    is "sudo on a user's root: exit 0" exits 0
    is "sudo on a user's root: it went" gone "$root/api"
    # A project's caches are reached by a planted link.
    fresh api
    planted 64001
    with_docker
    real=$root root=$tmp/shared/link
    project api
    root=$real
    picture "$root" >"$tmp/before"
    run prune --all --yes
    is "a project's planted root: exit 1" exits 1
    is "a project's planted root: and why" complains 'is a symbolic link that user 64001 put into'
    is "a project's planted root: nothing is touched" same_tree "$root" "$tmp/before"
    bilge_path=$tmp/empty
    rm compose.yml
else
    skip 'planted links' 'only root can make links of others'
fi

# -------------------------------------------------------- under several names

fresh api web
size=$(du_bytes "$root/api")
ln -s "$root" "$tmp/alias"
once() { # every service stands there once, and so do its bytes
    names=$("$json" each services name <"$tmp/out" | sort | tr '\n' ' ')
    [ "$names" = "$1" ] || { echo "services: $names"; return 1; }
}
run status --json --cache-root "$root" --cache-root "$root/" --cache-root "$tmp/alias" \
    --cache-root "$tmp/./root/../root"
is 'four names: exit 0' exits 0
is 'four names: each service once' once 'api web '
is 'four names: one root' equals cache_roots "[\"$root\"]"
run status --json --cache-root "$root/api" --cache-root "$root" --cache-root "$tmp/alias/api"
is 'a cache and its root: each service once' once 'api web '
run status --json --cache-root "$root/api" --cache-root "$tmp/alias/api/"
is 'one cache by two names: once' once 'api '
is 'one cache by two names: its size' equals services.0.size "$size"
run status --json --cache-root "$root/api" --cache-root "$root/web"
is 'two caches: both' once 'api web '
is 'two caches: their root once' equals cache_roots "[\"$root\"]"
if mkdir "$tmp/bound" && [ -n "${BILGE_TEST_MOUNTS-}" ] && mount --bind "$root" "$tmp/bound"; then
    run status --json --cache-root "$root" --cache-root "$tmp/bound"
    is 'a bind mount: each service once' once 'api web '
    run status --json --cache-root "$tmp/bound"
    is 'a bind mount alone is a root' once 'api web '
    run status --json --cache-root "$tmp/bound" --cache-root "$root/api"
    is 'a cache below it by its other name: once' once 'api web '
    run prune --service api --yes --cache-root "$tmp/bound"
    is 'in a bind mount: prune: exit 0' exits 0
    is 'in a bind mount: prune: it went' gone "$root/api"
    umount "$tmp/bound"
else
    skip 'a bind mount' 'mounting is not allowed here'
fi

# ------------------------------------------------------- one inside another

sum_is() { # of all sizes, and of nothing else: what du says of it
    "$json" each services size <"$tmp/out" >"$tmp/sizes"
    total=0
    while read -r one; do total=$((total + one)); done <"$tmp/sizes"
    [ "$total" -eq "$1" ] || { echo "sum $total, not $1"; cat "$tmp/out"; return 1; }
}
fresh api
export_cache "$root/inner/web" one
export_cache "$root/a/b/deep/db" one
make_old "$root/inner/web" '1 day ago'
make_old "$root/a/b/deep/db" '1 day ago'
head -c 50000 /dev/zero >"$root/a/b/other"
own() { echo $(($(du_bytes "$1") - $(du_bytes "$2"))); }
run status --json --cache-root "$root" --cache-root "$root/inner"
is 'an inner root: exit 0' exits 0
is 'an inner root: each once' once 'a api web '
is 'an inner root: all bytes once' sum_is "$(($(du_bytes "$root/a") + $(du_bytes "$root/api") +
    $(du_bytes "$root/inner/web")))"
run status --json --cache-root "$root/a/b/deep" --cache-root "$root"
is 'a deeper root: each once' once 'a api db inner '
is 'a deeper root: all bytes once' sum_is "$(($(own "$root/a" "$root/a/b/deep") +
    $(du_bytes "$root/api") + $(du_bytes "$root/inner") + $(du_bytes "$root/a/b/deep/db")))"
run status --json --cache-root "$root" --cache-root "$root/a/b/deep/db"
is 'a cache deep below: each once' once 'a api db inner '
is 'a cache deep below: all bytes once' sum_is "$(($(own "$root/a" "$root/a/b/deep/db") +
    $(du_bytes "$root/api") + $(du_bytes "$root/inner") + $(du_bytes "$root/a/b/deep/db")))"

# --------------------------------------------------------- one that hangs

hung() { # ARGUMENT...: calls bilge while $tmp/hung does not answer
    status=0
    timeout $((120 * slow)) env PATH="$bilge_path" "$with_hung" "$tmp/hung" "$bilge" "$@" \
        >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
}
with_hung=$(dirname "$bilge")/tests/support/with-hung
mkdir "$tmp/hung"
fresh api
if [ -x "$with_hung" ] && "$with_hung" "$tmp/hung" /bin/true; then
    hung status --json --cache-root "$tmp/hung" --cache-root "$root"
    is 'hung: status: exit 1' exits 1
    is 'hung: status: the shape' fits status
    is 'hung: status: it is named' complains "$tmp/hung does not answer ("
    is 'hung: status: the others are read' equals services.0.name api
    hung prune --garbage --yes --json --cache-root "$root" --cache-root "$tmp/hung"
    is 'hung: prune: exit 1' exits 1
    is 'hung: prune: it is named' complains "$tmp/hung does not answer ("
    is 'hung: prune: the others are pruned' [ "$(value freed)" -gt 0 ]
    hung verify web --cache-root "$tmp/hung"
    is 'hung: verify: exit 1' exits 1
    is 'hung: verify: it is named' complains "$tmp/hung does not answer ("
    is 'hung: verify: nothing is said that is not known' lacks 'no such service' "$tmp/err"
else
    skip 'a root that hangs' 'there can be none here'
fi

finish
