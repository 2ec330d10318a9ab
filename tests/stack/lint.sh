#!/bin/bash
# BuildKit's own linter (docker buildx build --check) over the Dockerfiles. It needs a newer engine than the one that
# builds them: Debian testing's, skipped where that can't be had.
# shellcheck source=tests/stack/lib.sh
. "$(dirname "$0")/lib.sh"
newer=$sandbox/newer
down() { "$top/tests/support/engine" down --dir "$newer"; }
at_exit+=(down)
status=0
"$top/tests/support/engine" up --suite forky --dir "$newer" --bind "$sandbox/engine/work" >/dev/null 2>up.log || status=$?
case $status in
0) ;;
77)
	echo "1..0 # SKIP no newer engine: $(tail -n 1 up.log)"
	exit
	;;
*)
	is "Debian testing's engine starts" sh -c 'cat up.log; false'
	finish
	;;
esac
newer() { DOCKER_HOST=unix://$newer/run/docker.sock PATH=$newer/bin:$PATH "$@"; }
copy_image() { docker save "$1" | newer docker load; }
# The linter wants base images to be there, not to be the right ones.
is 'a newer engine' copy_image "$RUNTIME_IMAGE"
arguments=(--build-arg "RUST_IMAGE=$RUNTIME_IMAGE" --build-arg "RUBY_IMAGE=$RUNTIME_IMAGE" --build-arg "RUNTIME_IMAGE=$RUNTIME_IMAGE")
lint() { newer docker buildx build --check "$@" "$project/tests/workspace"; }
for service in "${services[@]}"; do
	for kind in test-local test; do
		is "$service.$kind.Dockerfile: no fault" lint "${arguments[@]}" -f "$project/dockerfiles/$service.$kind.Dockerfile"
	done
done

# The linter must be able to find something.
printf 'from %s\nENV key value\n' "$RUNTIME_IMAGE" >Dockerfile
finds() { ! lint -f "$tmp/Dockerfile" >found && grep -F LegacyKeyValueFormat found; }
is 'a Dockerfile with a fault is found out' finds
is 'compose files: the newer compose takes them, too' newer docker compose -f "$ready/docker-compose.test-local.yml" config -q
is 'and the original ones' newer docker compose -f "$ready/docker-compose.test.yml" config -q
finish
