#!/bin/bash
# A team's cache: what one engine has built and pushed, a second engine that has never built takes from the registry.
# shellcheck source=tests/stack/lib.sh
. "$(dirname "$0")/lib.sh"
export BILGE_CACHE_REGISTRY=$BILGE_STACK_REGISTRY/team
export BILGE_CACHE_ROOT=$tmp/cache # nothing of what other tests have left
service=orchestration
second=$sandbox/second

push() { compose docker-compose.test-local.yml docker-compose.registry-cache.yml docker-compose.registry-cache-push.yml -- build $service; }
in_registry() { docker buildx imagetools inspect --raw "$BILGE_CACHE_REGISTRY/tasker-cache:$service"; }
is 'one engine builds, and writes the registry' patiently push
is 'the cache is in the registry' in_registry
is 'a push leaves no local directory' test ! -e "$BILGE_CACHE_ROOT/$service"

# The second engine has the same base images, as if it had pulled them, and nothing else.
down() { "$top/tests/support/engine" down --dir "$second"; }
at_exit+=(down)
if is 'a second engine' "$top/tests/support/engine" up --dir "$second" --bind "$sandbox/engine/work"; then
	copy_image() { docker save "$1" | second docker load; }
	second() { DOCKER_HOST=unix://$second/run/docker.sock PATH=$second/bin:$PATH "$@"; }
	is 'has the base images' copy_image "$RUST_IMAGE"
	is 'both of them' copy_image "$RUNTIME_IMAGE"
	is 'has never built' test "$(second docker system df --format '{{.Type}} {{.TotalCount}}' | sed -n 's/^Build Cache //p')" = 0
	pull() { second compose docker-compose.test-local.yml docker-compose.registry-cache.yml -- build $service >log 2>&1 || { cat log; return 1; }; }
	is 'the second engine builds' patiently pull
	is 'and each step comes from the registry' all_cached log || sed -n '/CACHED\|DONE\|\] /p' log | tail -n 40 | sed 's/^/# /'
	is 'what it built is in its own directory, too' test -s "$BILGE_CACHE_ROOT/$service/index.json"
fi
finish
