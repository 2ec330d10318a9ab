#!/bin/sh
# The disks of bilge status: where they are mounted, and the thresholds of the
# settings.
here=$(dirname "$0")
# shellcheck source=tests/cli/mounts.sh
. "$here/mounts.sh"
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

# settle AMBER RED
settle() { printf '[disk]\namber = %s\nred = %s\n' "$1" "$2" >"$tmp/conf"; }
look() { run status --config "$tmp/conf" --cache-root "$root" "$@"; }

# is_alarm AMBER RED ALARM NOTE: what is said with these thresholds.
is_alarm() {
    settle "$1" "$2"
    look --json
    is "amber $1, red $2: the shape" fits status
    is "amber $1, red $2: $3" equals disk.0.alarm "$3"
    look
    if [ -n "$4" ]; then
        is "amber $1, red $2: text" says "$4"
    else
        is "amber $1, red $2: no word" lacks 'full' "$tmp/out"
    fi
}
# A disk of any machine has less than 8000 TB free, and more than a byte.
is_alarm 1B 1B ok ''
is_alarm 8000TB 1B amber 'getting full'
is_alarm 8000TB 8000TB red 'almost full!'
is_alarm 1B 8000TB red 'almost full!'

: >"$tmp/conf"
look --json
is 'where it is mounted' equals disk.0.mount "$(df --output=target "$root" | tail -n 1)"
is 'the disk has a path' equals disk.0.path "$root"

# ------------------------------------------------- disks of our own

if small_disk "$root" 1m; then
    look --json
    is 'a disk of its own: its place' equals disk.0.mount "$root"
    is 'a disk of its own: its size' equals disk.0.total 1048576
    is 'a disk of its own: calm' equals disk.0.alarm ok
    head -c 920000 /dev/zero >"$root/file"
    look --json
    is '88 % used: amber by default' equals disk.0.alarm amber
    head -c 1010000 /dev/zero >"$root/file"
    look --json
    is '97 % used: red by default' equals disk.0.alarm red
    settle 99% 99%
    look --json
    is '97 % used: as the settings say' equals disk.0.alarm ok
    run doctor --config "$tmp/conf" --cache-root "$root" --json
    is 'doctor goes by the same thresholds' lacks '"disk","severity":"bad"' "$tmp/out"
    : >"$tmp/conf"
    run doctor --config "$tmp/conf" --cache-root "$root" --json
    is 'doctor: bad by default' says '"disk","severity":"bad"'
    umount "$root"
else
    skip 'a disk of its own' 'needs root and mount namespaces'
fi

odd=$tmp/$(printf 'odd\033[31m\n\\ name')
mkdir "$odd"
if small_disk "$odd" 1m; then
    root=$odd
    look --json
    is 'an odd name: the shape' fits status
    is 'an odd name: its place' [ "$(value disk.0.mount)" = "$(value cache_roots.0)" ]
    look
    is 'an odd name: nothing raw' lacks "$(printf '\033')" "$tmp/out"
    is 'an odd name: still in sight' says 'odd\x1b[31m\x0a\ name'
    umount "$odd"
else
    skip 'an odd name' 'needs root and mount namespaces'
fi

finish
