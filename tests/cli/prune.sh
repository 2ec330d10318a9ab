#!/bin/sh
# bilge prune on cache directories: what is shown goes, and nothing else.
here=$(dirname "$0")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

# caches: a fresh root: "old" has three generations, "new" one, "thesis" is no
# cache at all.
caches() {
    rm -rf "$root"
    mkdir "$root"
    for seed in one two three; do
        export_cache "$root/old" $seed
        make_old "$root/old" '3 days ago'
    done
    make_old "$root/old" '2 days ago'
    touch -d '1 day ago' "$root/old/index.json"
    export_cache "$root/new" one
    make_old "$root/new" '1 hour ago'
    mkdir "$root/thesis"
    echo 'chapter one' >"$root/thesis/thesis.txt"
    touch -d '1 year ago' "$root/thesis/thesis.txt" "$root/thesis"
    picture "$root" >"$tmp/before"
}
untouched() { same_tree "$root" "$tmp/before"; }
kinds() { "$json" each items kind <"$tmp/out" | sort | uniq -c | tr -s ' \n' ' ' | sed 's/^ //;s/ $//'; }
kinds_are() { [ "$(kinds)" = "$1" ] || { kinds; return 1; }; }
cache_is_whole() { # every digest that index.json leads to is there
    run status --json --cache-root "$root"
    "$json" each services name state <"$tmp/out" | grep -x "$1	ok"
}

# ------------------------------------------------------------------ dry runs

caches
for selectors in '--service old' '--all' '--older-than 1s' '--garbage' '--keep-generations 1'; do
    # shellcheck disable=SC2086
    run prune $selectors --dry-run --json --cache-root "$root"
    is "dry run, $selectors: exit 0" exits 0
    is "dry run, $selectors: the shape" fits prune
    is "dry run, $selectors: freed nothing" equals freed 0
    is "dry run, $selectors: says so" equals dry_run true
    is "dry run, $selectors: touched nothing" untouched
    # shellcheck disable=SC2086
    run prune $selectors --dry-run --yes --cache-root "$root"
    is "dry run, $selectors: --yes does not change that" untouched
done
run prune --service old --dry-run --cache-root "$root"
is 'dry run: text shows the item' grep -E '^service +old ' "$tmp/out"
is 'dry run: text shows the sum' says 'will come back'

# ------------------------------------------------------------ a whole service

caches
size=$(du_bytes "$root/old")
run prune --service old --yes --json --cache-root "$root"
is 'service: exit 0' exits 0
is 'service: the shape' fits prune
is 'service: one item' kinds_are '1 service'
is 'service: planned what du says' equals planned "$size"
is 'service: freed what du says' equals freed "$size"
is 'service: gone' gone "$root/old"
is 'service: the other is there' exists "$root/new/index.json"
is 'service: nothing else in the root' \
    [ "$(find "$root" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tr '\n' ' ')" = 'new thesis ' ]
run prune --service old --yes --cache-root "$root"
is 'service: a second time there is none' exits 2

caches
run prune --service new --service old --yes --cache-root "$root"
is 'two services: exit 0' exits 0
is 'two services: says what came back' says 'Freed'
is 'two services: gone' gone "$root/old"
is 'two services: gone too' gone "$root/new"
is 'two services: the thesis is there' exists "$root/thesis/thesis.txt"

# ---------------------------------------------------------------------- ages

caches
run prune --service old --older-than 2w --yes --cache-root "$root"
is 'age, too young: exit 0' exits 0
is 'age, too young: says so' says 'Nothing to prune'
is 'age, too young: untouched' untouched
run prune --service old --service new --older-than 2h --yes --cache-root "$root"
is 'age: exit 0' exits 0
is 'age: the old one is gone' gone "$root/old"
is 'age: the young one is there' exists "$root/new/index.json"

# ------------------------------------------------------------------- garbage

caches
run prune --garbage --yes --json --cache-root "$root"
is 'garbage: exit 0' exits 0
is 'garbage: the shape' fits prune
is 'garbage: two generations' kinds_are '2 generation'
is 'garbage: freed as planned' [ "$(value freed)" = "$(value planned)" ]
is 'garbage: some' [ "$(value freed)" -gt 0 ]
is 'garbage: the live one is whole' cache_is_whole old
run prune --garbage --yes --json --cache-root "$root"
is 'garbage: none left, exit 0' exits 0
is 'garbage: none left' equals items '[]'

caches
run prune --keep-generations 2 --yes --json --cache-root "$root"
is 'keep 2: exit 0' exits 0
is 'keep 2: one generation goes' kinds_are '1 generation'
is 'keep 2: the live one is whole' cache_is_whole old

caches
echo junk | put_blob "$root/old" >/dev/null
mkdir -p "$root/old/ingest/abandoned"
head -c 50000 /dev/zero >"$root/old/ingest/abandoned/data"
make_old "$root/old" '2 days ago'
touch -d '1 day ago' "$root/old/index.json"
run prune --service old --garbage --yes --json --cache-root "$root"
is 'orphan and ingest: exit 0' exits 0
is 'orphan and ingest: in the plan' kinds_are '1 blob 2 generation 1 ingest'
is 'orphan and ingest: gone' gone "$root/old/ingest/abandoned"
is 'orphan and ingest: the live one is whole' cache_is_whole old

# ------------------------------------------------------------------- free N

caches
echo junk | put_blob "$root/old" >/dev/null
make_old "$root/old/blobs" '2 days ago'
picture "$root" >"$tmp/before"
run prune --free 1kB --dry-run --json --cache-root "$root"
is 'free: dry run: exit 0' exits 0
is 'free: dry run: the shape' fits free
is 'free: dry run: wanted' equals wanted 1000
is 'free: dry run: enough' [ "$(value planned)" -ge 1000 ]
is 'free: dry run: what costs nothing' kinds_are '1 blob'
is 'free: dry run: untouched' untouched
run prune --free 10kB --yes --json --cache-root "$root"
is 'free: exit 0' exits 0
is 'free: garbage suffices' kinds_are '1 generation'
is 'free: freed as planned' [ "$(value freed)" = "$(value planned)" ]
is 'free: the live one is whole' cache_is_whole old
is 'free: the other is there' exists "$root/new/index.json"
run prune --free 1GB --dry-run --cache-root "$root"
is 'free, too much: says so' says "1.00 GB can't be reached"
run prune --free 1GB --older-than 2h --yes --cache-root "$root"
is 'free, too much: partly done' exits 3
is 'free, too much: whole caches may be in use' exists "$root/old/index.json"
run prune --free 1GB --older-than 2h --abandoned-after 3h --yes --cache-root "$root"
is 'free, too much: partly done with abandoned ones' exits 3
is 'free, too much: what could go went' gone "$root/old"
is 'free, too much: what is younger is there' exists "$root/new/index.json"
is 'free, too much: the thesis is there' exists "$root/thesis/thesis.txt"

# --------------------------------------------------------------- foreign things

caches
run prune --service thesis --yes --json --cache-root "$root"
is 'foreign: nothing is planned' equals items '[]'
is 'foreign: untouched' untouched
ln -s "$root/thesis" "$root/link"
mkdir "$tmp/elsewhere"
export_cache "$tmp/elsewhere/real" one
ln -s "$tmp/elsewhere/real" "$root/alias"
picture "$tmp/elsewhere" >"$tmp/elsewhere.before"
run prune --service old --service new --yes --cache-root "$root"
is 'symlinks: exit 0' exits 0
run prune --older-than 0s --yes --cache-root "$root"
is 'symlinks: what they lead to is untouched' same_tree "$tmp/elsewhere" "$tmp/elsewhere.before"
is 'symlinks: the thesis is there' exists "$root/thesis/thesis.txt"

# ---------------------------------------------------------------------- busy

caches
mkdir -p "$root/new/ingest/writing"
head -c 1000 /dev/zero >"$root/new/ingest/writing/data"
picture "$root/new" >"$tmp/new.before"
run prune --service new --yes --json --cache-root "$root"
is 'busy: exit 3' exits 3
is 'busy: the shape' fits prune
is 'busy: reported' [ "$("$json" each failed id <"$tmp/out" | wc -l)" -eq 1 ]
is 'busy: untouched' same_tree "$root/new" "$tmp/new.before"
run prune --service new --service old --yes --cache-root "$root"
is 'busy and another: exit 3' exits 3
is 'busy and another: the other is gone' gone "$root/old"
is 'busy and another: the busy one is there' exists "$root/new/index.json"
run prune --service new --yes --now --cache-root "$root"
is 'busy with --now: exit 0' exits 0
is 'busy with --now: gone' gone "$root/new"

# A building client, whatever it builds.
caches
mkdir "$tmp/proc/4711"
printf 'docker\0compose\0build\0other\0' >"$tmp/proc/4711/cmdline"
run prune --service old --yes --cache-root "$root"
is 'building client: exit 3' exits 3
is 'building client: untouched' untouched
is 'building client: named' says '4711'
rm -r "$tmp/proc/4711"

# --wait: the export ends while it waits.
caches
mkdir -p "$root/new/ingest/writing"
echo x >"$root/new/ingest/writing/data"
(sleep 1 && rm -r "$root/new/ingest/writing" && touch -d '1 hour ago' "$root/new/ingest") &
run prune --service new --yes --wait --cache-root "$root"
wait
is 'busy with --wait: exit 0' exits 0
is 'busy with --wait: said so' complains 'waiting'
is 'busy with --wait: gone' gone "$root/new"

# ------------------------------------------------------------------ interrupts

caches
mkdir -p "$root/new/ingest/writing"
echo x >"$root/new/ingest/writing/data"
picture "$root" >"$tmp/before"
: >"$tmp/err"
"$bilge" prune --service new --wait --yes --cache-root "$root" >"$tmp/out" 2>"$tmp/err" </dev/null &
pid=$!
wait_for grep -q waiting "$tmp/err"
kill -TERM $pid
wait $pid
status=$?
is 'interrupted: exit 130' exits 130
is 'interrupted: untouched' untouched

# --------------------------------------------------------- without an engine

caches
run prune --records --yes --cache-root "$root"
is 'records without an engine: exit 1' exits 1
is 'records without an engine: one line' one_complaint
run prune --older-than 2h --abandoned-after 2h --yes --json --cache-root "$root"
is 'caches and records without an engine: partly done' exits 3
is 'caches and records without an engine: the caches went' gone "$root/old"

finish
