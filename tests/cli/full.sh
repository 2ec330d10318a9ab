#!/bin/sh
# A disk with 0 bytes free, and no place for the history: everything still works.
here=$(dirname "$0")
# shellcheck source=tests/cli/mounts.sh
. "$here/mounts.sh"
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

# caches: "old" with two older generations and an orphan, "new".
caches() {
    export_cache "$root/old" one
    export_cache "$root/old" two
    export_cache "$root/old" three
    echo junk | put_blob "$root/old" >/dev/null
    make_old "$root/old" '3 days ago'
    export_cache "$root/new" one
    make_old "$root/new" '1 hour ago'
}
fill() {
    head -c 100000000 /dev/zero >"$root/.filler" 2>/dev/null
    number_of_files=0
    while true >"$root/.filler-$number_of_files" && [ $number_of_files -lt 2000 ]; do
        number_of_files=$((number_of_files + 1))
    done 2>/dev/null
    ! echo x 2>/dev/null >"$root/.more"
}
cache_is_whole() {
    run status --json --cache-root "$root"
    "$json" each services name state <"$tmp/out" | grep -x "$1	ok"
}

# everything STATE: what people do, with $XDG_STATE_HOME as it is.
everything() {
    run status --json --cache-root "$root"
    is "$1: status" exits 0
    is "$1: status: the shape" fits status
    is "$1: status: nothing free" equals disk.0.free 0
    run prune --garbage --dry-run --json --cache-root "$root"
    is "$1: plan" exits 0
    planned=$(value planned)
    is "$1: plan: some" [ "$planned" -gt 0 ]
    run prune --garbage --yes --json --cache-root "$root"
    is "$1: prune" exits 0
    is "$1: prune: the shape" fits prune
    is "$1: prune: freed as planned" equals freed "$planned"
    is "$1: prune: the live one is whole" cache_is_whole old
    run prune --service old --yes --json --cache-root "$root"
    is "$1: a whole cache" exits 0
    is "$1: a whole cache is gone" gone "$root/old"
    is "$1: the other is there" exists "$root/new/index.json"
    run prune --free 1kB --yes --json --cache-root "$root"
    is "$1: free: the last one may be in use" exits 3
    is "$1: free: the last one is there" exists "$root/new/index.json"
    run prune --free 1kB --abandoned-after 30m --yes --json --cache-root "$root"
    is "$1: free: the last one is abandoned" exits 0
    is "$1: free: the last one is gone" gone "$root/new"
}

# disk OPTIONS: a full one.
disk() {
    umount "$root" 2>/dev/null
    small_disk "$root" "$1" && caches && fill
}
if ! disk 1m; then
    skip 'a full disk' 'no tmpfs can be mounted here'
    finish
    exit
fi
export XDG_STATE_HOME="$root/state"
everything 'state on the full disk'
disk 1m
: >"$tmp/file"
XDG_STATE_HOME=$tmp/file/state
everything 'no state directory'
disk 4m,nr_inodes=60
XDG_STATE_HOME=$tmp/file/state
everything 'no inode free'
umount "$root"
finish
