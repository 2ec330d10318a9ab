#!/bin/sh
# How the tree hangs together: folders include each other one way only, so do the files
# behind the door, and what each of these knows its header keeps to itself.
set -u

here=$(cd "$(dirname "$0")" && pwd -P)
top=$(cd "$here/../.." && pwd -P)
tmp=$(mktemp -d "${TMPDIR:-/tmp}/bilge-tree.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
number=0

# is NAME COMMAND...: one test; it passes when the command does.
is() {
    name=$1
    shift
    number=$((number + 1))
    if "$@" >"$tmp/why" 2>&1; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        sed 's/^/# /' "$tmp/why"
    fi
}

# includes TOP FOLDER...: "FILE INCLUDED" for each include of a file of the tree.
includes() {
    (
        cd "$1" || exit 1
        shift
        find "$@" -name '*.[ch]' | sort | xargs awk -F '"' \
            '/^#include "(core|tui|cli|bench)\// { print FILENAME, $2 }'
    )
}

# Folders, and files without their .c or .h, in the place of both names.
folders() { sed 's|/[^/ ]* | |; s|/[^/]*$||'; }
nouns() { sed 's|\.[ch] | |; s|\.[ch]$||'; }

# one_way: the pairs that are read lead nowhere back. tsort tells a loop.
one_way() {
    awk '$1 != $2' | sort -u >"$tmp/pairs"
    [ -s "$tmp/pairs" ] || { echo 'nothing includes anything'; return 1; }
    tsort <"$tmp/pairs" >/dev/null 2>"$tmp/loop" && [ ! -s "$tmp/loop" ] && return
    cat "$tmp/loop"
    return 1
}

folders_one_way() { includes "$1" core tui cli bench | folders | one_way; }
app_one_way() { includes "$1" core/app | grep ' core/app/' | nouns | one_way; }

# bare_headers: what a header behind the door lays open is what callers fill in: events,
# what a concern is given, and what is embedded.
bare_headers() {
    sed -n 's/^struct \([a-z_]*\) {$/\1/p' "$1"/core/app/*.h |
        grep -vE '_(ops|needs)$|^(job|space|trend)$' >"$tmp/open"
    [ ! -s "$tmp/open" ] && return
    cat "$tmp/open"
    return 1
}

refused() { ! "$@"; }

is 'no two folders include each other' folders_one_way "$top"
is 'no two files behind the door include each other' app_one_way "$top"
is 'no header behind the door shows what a concern knows' bare_headers "$top"

# The same of a tree in which each is broken.
mkdir -p "$tmp/t/core/app" "$tmp/t/core/base" "$tmp/t/tui" "$tmp/t/cli" "$tmp/t/bench"
echo '#include "core/app/b.h"' >"$tmp/t/core/app/a.c"
printf '%s\n' '#include "core/base/c.h"' 'struct b {' '};' >"$tmp/t/core/app/b.h"
echo '#include "core/app/a.h"' >"$tmp/t/core/app/b.c"
echo '#include "core/app/a.h"' >"$tmp/t/core/base/c.h"
: >"$tmp/t/core/app/a.h"
is 'folders that do are found' refused folders_one_way "$tmp/t"
is 'files that do are found' refused app_one_way "$tmp/t"
is 'a header that does is found' refused bare_headers "$tmp/t"
echo "1..$number"
