#!/bin/sh
# Local caches on a real engine: what is garbage may go, and the next build is
# as fast as if nothing had gone; what is live may not.
here=$(dirname "$0")
# shellcheck source=tests/engine/lib.sh
. "$here/lib.sh"
export COMPOSE_FILE="$lab/project/compose.yml"
make_compose api

# ------------------------------------------------- ten rebuilds, then garbage
failed=0
for i in 1 2 3 4 5 6 7 8 9 10; do
    echo "main $i" >main.txt
    build api || failed=$((failed + 1))
done
is 'ten builds' [ $failed -eq 0 ]
is 'sizes: as du says' sum_is_du api
garbage=$(value services.0.garbage)
is 'garbage: all but the last' [ "$garbage" -gt 1500000 ]
is 'generations: ten' [ "$(value services.0.generations)" -ge 10 ]

size=$(du_bytes "$root/api")
run --cache-root "$root" prune --garbage --yes --json
is 'prune --garbage right after a build: exit 0' exits 0
is 'freed what was planned' equals freed "$(value planned)"
is 'freed as du says' [ $((size - $(du_bytes "$root/api"))) -eq "$(value freed)" ]
run --cache-root "$root" status --json
is 'no garbage is left' equals services.0.garbage 0
is 'live is still live' [ "$(value services.0.live)" -gt 500000 ]
is 'it verifies' verifies
forget_all bilge-lab-api
is 'the next build' build api
is 'imports all from the cache' all_cached
is 'no lock is left' gone "$root/api/index.json.lock"

# The test above must be able to fail: one live layer less, and it does.
cp -a "$root/api" "$lab/copy"
largest=$(find "$root/api/blobs/sha256" -type f -printf '%s %f\n' | sort -n | tail -1 | cut -d' ' -f2)
rm -f "$root/api/blobs/sha256/$largest"
run --cache-root "$root" verify
is 'a live blob is gone: verify says so' exits 1
forget_all bilge-lab-api
built_from_cache() { build api && all_cached; }
not_built_from_cache() { ! built_from_cache; }
is 'a live blob is gone: the build tells' not_built_from_cache
rm -rf "$root/api"
cp -a "$lab/copy" "$root/api"
rm -f "$root/api/blobs/sha256/$largest"
run --cache-root "$root" verify --repair --yes
is 'repair: exit 0' exits 0
is 'repair: the build works again' build api
rm -rf "$root/api"
mv "$lab/copy" "$root/api"

# --------------------------------------------------------- back a generation
echo "main before" >main.txt
is 'a build of the state before' build api
before=$(grep -o 'sha256:[0-9a-f]*' "$root/api/index.json" | head -1)
echo "main after" >main.txt
is 'a build of the state after' build api
run --cache-root "$root" restore api --generation "$before"
is 'restore: exit 0' exits 0
forget_all bilge-lab-api
echo "main before" >main.txt
is 'the state before builds' build api
is 'from the restored cache alone' all_cached

# ------------------------------------------------------------ three services
make_compose api worker third
rm -rf "${root:?}"/*
is 'three services build' build
run --cache-root "$root" dedupe --yes --json
is 'dedupe: exit 0' exits 0
is 'dedupe: gave something back' [ "$(value freed)" -gt 500000 ]
is 'dedupe: all verify' verifies
echo "main after dedupe" >main.txt
is 'exports go on' build
is 'after exports all verify' verifies
run --cache-root "$root" prune --service api --yes
is 'prune one: exit 0' exits 0
is 'prune one: it is gone' gone "$root/api"
is 'the others verify' verifies worker third
forget_all bilge-lab-api bilge-lab-worker bilge-lab-third
is 'the others build' build worker third
is 'from their caches' all_cached
finish
