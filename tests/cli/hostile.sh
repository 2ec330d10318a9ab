#!/bin/sh
# What an engine may answer when it is broken or means ill: one object on stdout
# all the same, the promised shape, one calm line on stderr, sums that hold.
here=$(dirname "$0")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"
with_engine

# ---------------------------------------------------------- absurd records

huge=9223372036854775807
{
    printf '{"BuildCache":['
    printf '{"ID":"bare"},'
    printf '{"ID":"huge1","Type":"regular","Size":%s,"CreatedAt":"0001-01-01T00:00:00Z"},' $huge
    printf '{"ID":"huge2","Type":"regular","Size":1e300,"UsageCount":1e99,"CreatedAt":null},'
    printf '{"ID":"huge3","Size":%s,"Shared":true,"CreatedAt":"9999-12-31T23:59:59Z"},' $huge
    printf '{"ID":"minus","Size":-5,"UsageCount":-1,"CreatedAt":"2026-02-31T25:61:61Z"},'
    printf '{"ID":"twice","Size":5},{"ID":"twice","Size":6},'
    printf '{"ID":"self"," Parents":["self","gone",null,7]},'
    printf '{"ID":"a"," Parents":["b"]},{"ID":"b"," Parents":["a"]},'
    printf '{"ID":"../../etc"},{"ID":"\\u001b[31m\\n"},{"ID":""},5,null,[],{}'
    printf ']}\n'
} >"$engine/system_df.json"
run du --json
is 'records: du: exit 0' exits 0
is 'records: du: the shape' fits du
run du
is 'records: du, text: exit 0' exits 0
is 'records: du, text: nothing raw' lacks '[^ -~]' "$tmp/out"
run status --json --cache-root "$root"
is 'records: status: exit 0' exits 0
is 'records: status: the shape' fits status
run status --cache-root "$root"
is 'records: status, text: nothing raw' lacks '[^ -~]' "$tmp/out"
for selector in --records '--older-than 0s' '--larger-than 1B'; do
    # shellcheck disable=SC2086
    run prune $selector --dry-run --json --cache-root "$root"
    is "records: prune $selector: exit 0" exits 0
    is "records: prune $selector: the shape" fits prune
    is "records: prune $selector: nothing on stderr" quiet
done
run prune --free 5GB --dry-run --json --cache-root "$root"
is 'records: free: the shape' fits free
printf '{"CachesDeleted":["huge1",5,null,"\\u001b"],"SpaceReclaimed":-1e99}\n' >"$engine/build_prune.json"
run prune --records --yes --json
is 'records: prune: partly done' exits 3
is 'records: prune: the shape' fits prune
is 'records: prune: nothing on stderr' quiet

# ----------------------------------------------------------- broken answers

# broken NAME ANSWER: what the engine sends to the question for records.
broken() {
    rm -f "$engine/system_df.json"
    printf '%b' "$2" >"$engine/system_df.http"
    run status --json --cache-root "$root"
    is "$1: status: exit 0" exits 0
    is "$1: status: the shape" fits status
    is "$1: status: not reachable" equals builders.0.reachable false
    run du --json
    is "$1: du: exit 1" exits 1
    is "$1: du: nothing on stdout" silent
    is "$1: du: one line" one_complaint
    is "$1: du: a calm line" lacks '[^ -~]' "$tmp/err"
    run prune --records --yes --json
    is "$1: prune: exit 1" exits 1
    is "$1: prune: one line" one_complaint
}
ok='HTTP/1.1 200 OK\r\n'
broken 'HTML' "${ok}Content-Length: 6\r\n\r\n<html>"
broken 'an error with escapes' 'HTTP/1.1 500 Oops\r\n\r\n{"message":"\\u001b[31mno\\nreally"}'
broken 'no HTTP' 'SSH-2.0-OpenSSH\r\n'
broken 'a broken chunk' "${ok}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}"
broken 'a chunk without end' "${ok}Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n{}"
broken 'cut off' "${ok}Content-Length: 99\r\n\r\n{}"
broken 'a negative length' "${ok}Content-Length: -1\r\n\r\n{}"
broken 'nothing' ''
broken 'an empty object' "${ok}\r\n{}"
broken 'a list' "${ok}\r\n[]"
broken 'of another type' "${ok}\r\n"'{"BuildCache":"none"}'
broken 'not UTF-8' "${ok}\r\n\0377\0376"
rm "$engine/system_df.http"

# What is not UTF-8 inside of it does no harm.
printf '{"BuildCache":[{"ID":"x","Description":"\377\300\200 \355\240\200","Type":"\377"}]}\n' \
    >"$engine/system_df.json"
run du --json
is 'a text that is not UTF-8: the shape' fits du
is 'a text that is not UTF-8: the output is' iconv -f UTF-8 -t UTF-8 "$tmp/out"

# ------------------------------------------------------------------- caches

DOCKER_HOST=unix://$tmp/no-engine.sock
sums_up() { # live and garbage are apart, and all of it is in size
    "$json" each services size live garbage <"$tmp/out" >"$tmp/sums"
    while read -r size live garbage; do
        [ "$size" -ge $((live + garbage)) ] || { echo "$size $live $garbage"; return 1; }
    done <"$tmp/sums"
}

# Names of live blobs in ingest/: nothing comes back when these go.
export_cache "$root/linked" one
for blob in "$root"/linked/blobs/sha256/*; do
    ln "$blob" "$root/linked/ingest/$(basename "$blob" | cut -c1-8)"
done
make_old "$root/linked" '3 days ago'
run status --json --cache-root "$root"
is 'links to live blobs: sums' sums_up
is 'links to live blobs: no garbage' equals services.0.garbage 0
run prune --garbage --dry-run --json --cache-root "$root"
is 'links to live blobs: nothing comes back' equals planned 0
run prune --garbage --yes --json --cache-root "$root"
is 'links to live blobs: exit 0' exits 0
is 'links to live blobs: freed as planned' equals freed 0
rm -r "$root/linked"

# A blob that was blown up to terabytes of nothing is not read to its end.
export_cache "$root/sparse" one
truncate -s 4T "$root"/sparse/blobs/sha256/"$(head -c 9000 /dev/zero | sed '1s/^/base/' | sha256sum | cut -d' ' -f1)"
make_old "$root/sparse" '3 days ago'
run verify --json --cache-root "$root"
is 'a sparse blob: exit 1' exits 1
is 'a sparse blob: the shape' fits verify
is 'a sparse blob: its size' equals services.0.problems.0.kind size
rm -r "$root/sparse"

# What may not be read is not said to be gone.
if [ "$(id -u)" -eq 0 ]; then
    export_cache "$root/closed" one
    make_old "$root/closed" '3 days ago'
    chmod 000 "$root/closed/blobs"
    run_as_other verify --json --cache-root "$root"
    is 'not ours to read: exit 1' exits 1
    is 'not ours to read: the shape' fits verify
    is 'not ours to read: and why' says 'permission denied'
    is 'not ours to read: nothing is said to be gone' lacks 'missing' "$tmp/out"
    chmod 755 "$root/closed/blobs"
    rm -r "$root/closed"
else
    skip 'not ours to read' 'only root can be somebody else'
fi

run prune --records --match '(((a{1,200}){1,200}){1,200}){1,200}' --yes
is 'an expression that grows: exit 2' exits 2
is 'an expression that grows: one line' one_complaint

finish
