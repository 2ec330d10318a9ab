#!/bin/sh
# bilge bench, with a docker and an engine that answer from files: what it asks
# for, in which order, and that nothing but its own things is touched.
here=$(dirname "$0")
# shellcheck source=tests/cli/mounts.sh
. "$here/mounts.sh"
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

with_docker
with_engine
echo '{"BuildCache":[]}' >"$engine/system_df.json"
project api web
mkdir -p src api "$tmp/own"
TMPDIR=$tmp/own
export TMPDIR
echo 'print("hello")' >src/main.py
echo flask >requirements.txt
touch requirements.txt src
cat >Dockerfile <<'EOF'
FROM base
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY src src
EOF
mv compose.yml docker-compose.test-local.yml
cp docker-compose.test-local.yml docker-compose.test.yml
make_old . '2 days ago'
export_cache "$root/api" one
picture . >"$tmp/cwd.before"
picture "$root" >"$tmp/root.before"

nothing_is_left() { holds_nothing "$tmp/own"; }
untouched() { same_tree . "$tmp/cwd.before" && same_tree "$root" "$tmp/root.before"; }
: >"$docker/calls.log"
nothing_was_built() { lacks 'compose .*build ' "$docker/calls.log"; }

# ------------------------------------------------------------------- refusals

refused() { # WORDS ARGUMENT...
    words=$1
    shift
    run bench "$@"
    is "$* : exit 2" exits 2
    is "$* : one line" one_complaint
    is "$* : says \"$words\"" complains "$words"
}
refused 'no terminal to ask on' --runs 1
refused 'no scenario "warm"' --scenario warm --dry-run
refused '--runs' --runs 0 --dry-run
refused 'not sensible' --runs 5000 --dry-run
refused '--read-only' --read-only --yes
refused 'no service "third"' --dry-run third
refused 'no file src/nosuch.py' --dry-run --change-code src/nosuch.py
refused 'no file ../x' --dry-run --change-deps api=../x
refused 'no original beside compose.yml' --dry-run --optimised compose.yml
mkdir "$tmp/bare"
sed -i "s|\"context\":\"$tmp/cwd\"|\"context\":\"$tmp/bare\"|g" "$docker/config.json"
refused 'its code can'\''t be told: --change-code' --dry-run
sed -i "s|\"context\":\"$tmp/bare\"|\"context\":\"git@host:x.git\"|g" "$docker/config.json"
run bench --dry-run
is 'a remote context: exit 1' exits 1
is 'a remote context: says so' complains 'only a directory can be copied'
project api web
sed -i 's|type=local,dest=[^"]*web[^"]*|type=registry,ref=team/cache|' "$docker/config.json"
run bench --dry-run
is 'a shared cache: exit 1' exits 1
is 'a shared cache: says so' complains 'a benchmark would overwrite it'
rm -f compose.yml
is 'refusals: nothing was built' nothing_was_built

# ------------------------------------------------------------------- the plan

project api web
rm -f compose.yml
make_old . '2 days ago'
picture . >"$tmp/cwd.before"
run bench --dry-run
is '--dry-run: exit 0' exits 0
is '--dry-run: how much' says '2 services, 4 scenarios, 3 runs each: 48 builds'
is '--dry-run: this engine forgets no steps' [ "$(grep -c 'forgets all' "$tmp/out")" -eq 0 ]
is '--dry-run: which file' says 'code: src/main.py; dependencies: requirements.txt'
run bench --dry-run --json --runs 2 api
is '--dry-run, JSON: exit 0' exits 0
is '--dry-run, JSON: the shape' fits bench
is '--dry-run, JSON: builds' equals builds 16
cp "$engine/info.json" "$tmp/info.json"
printf '{"ServerVersion":"26.1.5","DockerRootDir":"%s","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}\n' "$engine" >"$engine/info.json"
run bench --dry-run
is '--dry-run: says what the engine forgets' says 'The engine forgets all its cached steps'
cp "$tmp/info.json" "$engine/info.json"
is '--dry-run: nothing was built' nothing_was_built
is '--dry-run: nothing was made' nothing_is_left
is '--dry-run: nothing was touched' untouched

# ------------------------------------------------------------------- a run

cat >"$docker/build.log" <<'EOF'
#1 [api 1/4] FROM base
#1 DONE 0.0s
#2 [api 2/4] COPY requirements.txt .
#2 DONE 0.1s
#3 [api 3/4] RUN pip install -r requirements.txt
#3 CACHED
#4 [api 4/4] COPY src src
#4 DONE 0.2s
EOF
# What each build sees: its compose file, and the two files of its context.
cat >"$docker/build.hook" <<EOF
#!/bin/sh
n=\$((\$(cat "$docker/count" 2>/dev/null || echo 0) + 1))
echo \$n >"$docker/count"
cp "\$3" "$docker/seen.\$n.json"
context=\$("$json" get services.api.build.context <"\$3")
cp "\$context/src/main.py" "$docker/seen.\$n.py"
cp "\$context/requirements.txt" "$docker/seen.\$n.txt"
"$json" get services.api.image <"\$3" >>"$docker/images"
EOF
chmod +x "$docker/build.hook"
: >"$docker/calls.log"
run bench --yes --json --runs 2 api
cp "$tmp/out" "$tmp/result"
cp "$tmp/err" "$tmp/result.err"
is 'a run: exit 0' exits 0
is 'a run: the shape' fits bench
is 'a run: all done' equals builds_done 16
is 'a run: nothing is left behind' equals left '[]'
is 'a run: a line for each build' [ "$(grep -c '^\[[0-9]*/16\] api, ' "$tmp/err")" -eq 16 ]
is 'a run: all told' grep -q '^\[16/16\] api, original, dependency change, run 2: ' "$tmp/err"
is 'a run: 16 builds' [ "$(grep -cE 'compose .*build ' "$docker/calls.log")" -eq 16 ]
is 'a run: first ones without cache' [ "$(grep -cE 'build --no-cache' "$docker/calls.log")" -eq 4 ]
mark=$(value mark)
mounts() { grep -oE "BUILDKIT_CACHE_MOUNT_NS=$mark-1-$1" "$docker/calls.log" | wc -l; }
is 'a run: cache mounts of each round and variant' [ "$(mounts 1-original) $(mounts 1-optimised) $(mounts 2-original) $(mounts 2-optimised)" = '4 4 4 4' ]
variants=$(for n in 1 2 3 4 9 10; do "$json" get services.api.image <"$docker/seen.$n.json"; done | grep -oE '(original|optimised)-[a-z]*' | tr '\n' ' ')
is 'a run: the two take turns' [ "$variants" = 'original-first optimised-first original-no optimised-no optimised-first original-first ' ]
same() { cmp "$docker/seen.$1.$3" "$docker/seen.$2.$3"; }
differ() { ! same "$@"; }
is 'no change: the same files' same 1 3 py
is 'no change: the same list' same 1 3 txt
is 'code: another file' differ 3 5 py
is 'code: another one for each' differ 5 6 py
is 'code: the same list' same 3 5 txt
is 'dependencies: another list' differ 5 7 txt
is 'dependencies: the code as it was changed' same 5 7 py
is 'second run: as in the beginning' same 1 9 py
is 'second run: another change' differ 5 13 py
is 'the edit is a comment' grep -q '^# bilge bench [0-9a-f]*$' "$docker/seen.5.py"
cache_of() { "$json" get services.api.build.cache_to.0 <"$docker/seen.2.json"; }
is 'exports go to its own place' [ "$(cache_of | grep -c "dest=$tmp/own/$mark/optimised-caches/")" -eq 1 ]
is 'and mode stays' [ "$(cache_of | grep -c 'mode=max')" -eq 1 ]
deleted() { sed -n 's/^image rm //p' "$docker/calls.log" | sort; }
is 'its images are removed' [ "$(deleted | grep -c "^$mark-1-api:")" -eq 16 ]
is 'and no others' [ "$(deleted | grep -vc "^$mark-1-api:")" -eq 0 ]
is 'no record was named' [ "$(grep -c 'build/prune' "$engine/requests.log")" -eq 0 ]
is 'the directory is gone' nothing_is_left
is "the user's files and caches are as they were" untouched

# ------------------------------------------------------------------- the history

run history --json
is 'history: 16 builds' [ "$("$json" each builds id <"$tmp/out" | wc -l)" -eq 16 ]
"$json" each builds kind started_at duration_ms <"$tmp/out" | sort >"$tmp/history.lines"
for pair in 0:first:'first build' 1:no-change:'no change' 2:code:'code change' 3:dependencies:'dependency change'; do
    number=${number:-0}
    place=${pair%%:*} title=${pair##*:}
    for variant in original optimised; do
        "$json" each "services.0.scenarios.$place.$variant.runs" started_at duration_ms <"$tmp/result" |
            sed "s/^/bench: $variant, $title	/"
    done
done | sort >"$tmp/bench.lines"
is 'the same numbers as in the history' cmp "$tmp/history.lines" "$tmp/bench.lines"
run history
is 'history: what they were' says 'bench: optimised, code change'
rm "$docker/build.hook"
run -f docker-compose.test-local.yml build api
is 'an ordinary build after it' exits 0
last() { run history --json --limit 1 && equals "builds.0.$1" "$2"; }
is 'is judged by itself' last kind 'dependencies changed'
is 'and not held against those' last why 'what it copies changed: COPY requirements.txt .'

# ------------------------------------------------------------------- it fails

cat >"$docker/build.hook" <<EOF
#!/bin/sh
n=\$((\$(cat "$docker/count" 2>/dev/null || echo 0) + 1))
echo \$n >"$docker/count"
"$json" get services.api.image <"\$3" >>"$docker/images"
if [ -f "$docker/fail.\$n" ]; then cat "$docker/fail.\$n"; exit 17; fi
if [ -f "$docker/gone.\$n" ]; then
    kill $engine_pid
    rm -f "$tmp/engine.sock"
    echo 'Cannot connect to the Docker daemon' >"$docker/image-ls.err"
    echo 1 >"$docker/image-ls.status"
fi
exit 0
EOF
chmod +x "$docker/build.hook"
rm -f "$docker/count"
printf '#7 [api 3/4] RUN pip\n#7 0.1 no such package: flask\n#7 ERROR: process "pip" did not complete successfully: exit code: 1\n' >"$docker/fail.4"
run bench --yes --runs 1 --json api
is 'a failure: exit 1' exits 1
is 'a failure: the shape' fits bench
is 'a failure: which' complains 'api, optimised, no change, run 1: the build failed: '
is 'a failure: what was done' equals builds_done 3
log=$(value log)
is 'a failure: its log is kept' grep -q 'no such package: flask' "$log"
is 'a failure: and named' complains "$log"
rm -f "$log" "$docker/fail.4" "$docker/count"
is 'a failure: all else is gone' nothing_is_left
is 'a failure: nothing was touched' untouched

echo hang >"$docker/build.mode"
printf '#5 [api 1/1] RUN sleep\n' >"$docker/build.1"
: >"$docker/calls.log"
: >"$engine/requests.log"
env PATH="$bilge_path" "$bilge" bench --yes --runs 1 --json api >"$tmp/out" 2>"$tmp/err" </dev/null &
pid=$!
wait_for grep -q . "$docker/images" # its build is under way
kill -s INT $pid
wait $pid
status=$?
is 'an interrupt: exit 130' exits 130
is 'an interrupt: the shape' fits bench
is 'an interrupt: says so' equals error interrupted
is 'an interrupt: all is gone' nothing_is_left
is 'an interrupt: its image too' [ "$(deleted | wc -l)" -eq 1 ]
rm "$docker/count"

# It is killed; one that is alive is nobody's leftover.
printf '#5 [api 1/1] RUN sleep\n' >"$docker/build.1"
: >"$docker/calls.log"
env PATH="$bilge_path" "$bilge" bench --yes --runs 1 api >/dev/null 2>&1 </dev/null &
pid=$!
wait_for grep -q 'build --no-cache' "$docker/calls.log"
killed=$(ls "$tmp/own")
run bench --dry-run --json
is 'one is under way: it is no leftover' equals leftovers '[]'
kill -s KILL $pid
wait $pid 2>/dev/null
pkill -KILL -f "$tmp/own/$killed/" # its docker, which hangs
rm "$docker/build.mode" "$docker/build.1" "$docker/count"
mkdir "$tmp/own/bilge-bench-mine" "$tmp/own/bilge-bench-aaaa1111x" "$tmp/elsewhere"
ln -s "$tmp/elsewhere" "$tmp/own/bilge-bench-bbbb2222"
echo precious >"$tmp/elsewhere/file"
printf '%s\n' "$killed-1-api:original-first" mine:latest "mine/$killed-1-api:original-first" '<none>:<none>' >"$docker/images"
printf '{"BuildCache":[{"ID":"mountofthekilled","Type":"exec.cachemount","Description":"cached mount /k from exec /bin/sh -c x with id \\"%s-1-1-original//k\\"","InUse":false,"Shared":false,"Size":5,"CreatedAt":"2024-01-01T00:00:00Z","UsageCount":1},{"ID":"mountofthesecond","Type":"exec.cachemount","Description":"cached mount /k from exec /bin/sh -c x with id \\"//k\\"","InUse":false,"Shared":false,"Size":5,"CreatedAt":"2024-01-01T00:00:00Z","UsageCount":1}]}' \
    "$killed" >"$engine/system_df.json"
echo '{"BuildCache":[]}' >"$engine/build_prune.after.json"
echo '{"CachesDeleted":["mountofthekilled"],"SpaceReclaimed":5}' >"$engine/build_prune.json"
: >"$engine/requests.log"
run bench --dry-run --json
is 'it was killed: found' equals leftovers "[\"$killed\"]"
run bench --dry-run
is 'it was killed: told' says "  $tmp/own/$killed/"
is 'it was killed: nothing happens before the yes' [ -d "$tmp/own/$killed" ]
run bench --yes --runs 1 --scenario first --json api
is 'it was killed: the next one ends well' exits 0
is 'it was killed: the shape' fits bench
is 'it was killed: its image goes' [ "$(deleted | grep -c "^$killed-1-api:original-first$")" -eq 1 ]
is 'it was killed: and no image of mine' [ "$(deleted | grep -c mine)" -eq 0 ]
is 'it was killed: its cache mount goes' [ "$(grep -c 'build/prune.*mountofthekilled' "$engine/requests.log")" -eq 1 ]
is 'it was killed: and no other' [ "$(grep -c 'build/prune.*mountofthesecond' "$engine/requests.log")" -eq 0 ]
is 'it was killed: its directory goes' [ ! -e "$tmp/own/$killed" ]
is 'and what only looks like one stays' [ "$(ls "$tmp/own" | tr '\n' ' ')" = 'bilge-bench-aaaa1111x bilge-bench-bbbb2222 bilge-bench-mine ' ]
is 'and nothing behind a link' [ -f "$tmp/elsewhere/file" ]
rm -rf "$tmp"/own/* "$engine/build_prune.json" "$docker/images"
echo '{"BuildCache":[]}' >"$engine/system_df.json"

TMPDIR=$tmp/nosuch
run bench --yes --runs 1 api
is 'no place for copies: exit 1' exits 1
is 'no place for copies: says so' complains "making $tmp/nosuch/bilge-bench-"
mkdir "$tmp/full"
if small_disk "$tmp/full" 64k; then
    head -c 300000 /dev/zero >data.bin
    TMPDIR=$tmp/full
    run bench --yes --runs 1 api
    is 'a full disk: exit 1' exits 1
    is 'a full disk: says so' complains 'copying data.bin: no space left'
    is 'a full disk: nothing is left on it' [ -z "$(ls -A "$tmp/full")" ]
    rm data.bin
else
    skip 'a full disk: exit 1' 'no mount namespace'
    skip 'a full disk: says so' 'no mount namespace'
    skip 'a full disk: nothing is left on it' 'no mount namespace'
fi
TMPDIR=$tmp/own

touch "$docker/gone.3"
rm -f "$docker/count"
run bench --yes --runs 1 api
is 'the engine goes: exit 3' exits 3
is 'the engine goes: what stays is named' complains "left behind: bilge-bench-"
is 'the engine goes: and why' complains '-... (images): docker: Cannot connect to the Docker daemon'
is 'the engine goes: says what becomes of it' complains 'the next benchmark takes that away'
is 'the engine goes: an empty directory stays' [ "$(find "$tmp/own" -mindepth 1 | wc -l)" -eq 1 ]
run bench --yes --runs 1 api
is 'no engine: exit 1' exits 1
is 'no engine: one line' one_complaint

# ------------------------------------------------------------------- the program

# It is one of its own, found below whatever root both were installed.
stage=$tmp/stage
mkdir -p "$stage$BILGE_TEST_BINDIR" "$stage$BILGE_TEST_PKGLIBEXECDIR"
cp "$bilge" "$stage$BILGE_TEST_BINDIR/bilge"
staged() { # ARGUMENT...
    status=0
    "$stage$BILGE_TEST_BINDIR/bilge" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
}
staged bench --help
is 'it is missing: exit 1' exits 1
is 'it is missing: one line' one_complaint
is 'it is missing: says where' complains "bilge-bench, which is neither in $stage$BILGE_TEST_PKGLIBEXECDIR"
is 'it is missing: nothing on stdout' silent
staged --help
is 'it is missing: all else works' says 'bench'
cp "$(dirname "$bilge")/bilge-bench" "$stage$BILGE_TEST_PKGLIBEXECDIR"
staged bench --help
is 'it is installed: exit 0' exits 0
is 'it is installed: its own help' says 'Usage: bilge bench [OPTION...] [SERVICE...]'
staged --json bench --nosuch
is 'it is installed: its exit status' exits 2
is 'it is installed: as every command says it' complains '(see bilge bench --help)'
chmod a-x "$stage$BILGE_TEST_PKGLIBEXECDIR/bilge-bench"
staged bench --help
is 'it can not be started: exit 1' exits 1
is 'it can not be started: says why' complains 'bilge-bench: permission denied'
finish
