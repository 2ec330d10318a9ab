#!/bin/sh
# An engine that counts for a long time: who asks for records waits for them, and says
# how long; --timeout and Ctrl-C end the wait.
here=$(dirname "$0")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

with_engine
printf '{"BuildCache":[{"ID":"a","Type":"regular","Size":5,"Description":"x"}]}\n' >"$engine/system_df.json"

echo 10 >"$engine/system_df.delay"
run du --json
is 'du: exit 0' exits 0
is 'du: the records' equals records.0.id a
is 'du: says how long it waits' complains 'waiting for the records of builder default: 8 s so far'
echo 4 >"$engine/system_df.delay"
run du --timeout 1s
is 'du --timeout: exit 1' exits 1
is 'du --timeout: says so' complains 'builder default has not answered for 1 s'
sleep 4 # it counts to the end for the one that has left
run prune --records --dry-run --timeout 1s
is 'prune --timeout: says so' complains 'builder default has not answered for 1 s'
sleep 4
run status --timeout 1s --cache-root "$root"
is 'status --timeout: says so' complains 'builder default has not answered for 1 s'
run du --timeout x
is 'a timeout that is none: exit 2' exits 2

touch "$engine/system_df.hang"
rm "$engine/system_df.delay"
: >"$tmp/err"
"$bilge" du >"$tmp/out" 2>"$tmp/err" </dev/null &
pid=$!
wait_for complains 'waiting for the records'
kill -INT $pid
wait $pid
status=$?
is 'Ctrl-C ends the wait: exit 130' exits 130
finish
