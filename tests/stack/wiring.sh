#!/bin/bash
# What can be said of the reference stack without building it: compose files, Dockerfiles and examples fit together.
# Needs a private engine's docker, whose directory BILGE_TEST_ENGINE_DIR names; nothing is built.
set -u -o pipefail
if [ -z "${BILGE_TEST_ENGINE_DIR-}" ]; then
	echo '1..0 # SKIP no private engine'
	exit 0
fi
here=$(cd "$(dirname "$0")" && pwd -P)
top=$(cd "$here/../.." && pwd -P)
engine=$BILGE_TEST_ENGINE_DIR
PATH=$engine/bin:$PATH
export DOCKER_HOST=unix://$engine/run/docker.sock
unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES DOCKER_CONTEXT BILGE_CACHE_ROOT BILGE_WORKSPACE BILGE_DOCKERFILES

lab=$(mktemp -d "$engine/work/wiring.XXXXXX") || exit 1
trap 'rm -rf "$lab"' EXIT
trap 'exit 143' INT TERM HUP
mkdir -p "$lab/tests/workspace" "$lab/tests/stack"
cp -r "$top/compose" "$top/dockerfiles" "$lab/"
cp "$here/network.yml" "$lab/tests/stack/"
cd "$lab/compose" || exit 1

# shellcheck source=tests/stack/tap.sh
. "$here/tap.sh"
services=(orchestration rust-worker ruby-worker)
optimised=docker-compose.test-local.yml original=docker-compose.test.yml

# --------------------------------------------------------- each set that is meant to be used parses
config() { # FILE... -- ARGUMENT...
	local files=()
	while [ "$1" != -- ]; do files+=(-f "$1") && shift; done
	shift
	docker compose "${files[@]}" config "$@"
}
export BILGE_CACHE_REGISTRY=registry.example/team
is 'optimised: parses' config $optimised -- -q
is 'original: parses' config $original -- -q
is 'with sccache' config $optimised docker-compose.sccache.yml -- -q
is 'with the registry cache' config $optimised docker-compose.registry-cache.yml -- -q
is 'with the registry cache, writing' config $optimised docker-compose.registry-cache.yml docker-compose.registry-cache-push.yml -- -q
is 'with several platforms' config $optimised docker-compose.multi-platform.yml -- -q
is 'with all of them' config $optimised docker-compose.{registry-cache,registry-cache-push,sccache,multi-platform}.yml -- -q
is 'with the host network of the tests' config $optimised ../tests/stack/network.yml -- -q

quietly() { config "$@" 2>&1 >/dev/null | tee warnings && [ ! -s warnings ]; }
is 'nothing is left to be set' quietly $optimised -- -q
needs_registry() {
	! env -u BILGE_CACHE_REGISTRY docker compose -f $optimised -f docker-compose.registry-cache.yml config -q >complaint 2>&1 &&
		grep -F 'set it to where the team keeps its cache' complaint
}
is 'the registry cache says what it needs' needs_registry

lacks() { [ -s "$2" ] && ! grep -nE -e "$1" "$2"; }
# ------------------------------------------------------------------ caches: one of its own for each service
caches() { config "$@" -- | sed -n 's/^ *- \(type=[a-z]*,\(src\|dest\|ref\)=.*\)/\1/p'; }
names() { # WANTED FILE...
	local wanted=$1
	shift
	caches "$@" >caches
	cat caches
	[ "$(grep -c -- "$wanted" caches)" = 1 ]
}
for service in "${services[@]}"; do
	is "$service: exports to its own directory" names "^type=local,dest=/tmp/docker-cache/$service,mode=max$" $optimised
	is "$service: imports from there" names "^type=local,src=/tmp/docker-cache/$service$" $optimised
	is "$service: reads the team's cache after its own" names "^type=registry,ref=registry.example/team/tasker-cache:$service$" \
		$optimised docker-compose.registry-cache.yml
	is "$service: CI writes the team's cache" names "^type=registry,ref=registry.example/team/tasker-cache:$service,mode=max" \
		$optimised docker-compose.registry-cache.yml docker-compose.registry-cache-push.yml
done
only_registry() {
	caches $optimised docker-compose.registry-cache.yml docker-compose.registry-cache-push.yml | tee caches
	lacks 'type=local,dest' caches
}
is 'CI writes no local directory' only_registry
elsewhere() { BILGE_CACHE_ROOT=/elsewhere caches $optimised | tee caches && [ "$(grep -c '=/elsewhere/' caches)" = 6 ]; }
is 'BILGE_CACHE_ROOT moves them all' elsewhere
none() { caches $original >caches && [ ! -s caches ]; }
is 'the original has none' none

# ------------------------------------------- Dockerfiles: what compose hands over is what they take
given_by_docker='^(BUILDPLATFORM|BUILDOS|BUILDARCH|TARGETPLATFORM|TARGETOS|TARGETARCH|TARGETVARIANT)$'
args_of_dockerfile() { sed -nE 's/^ARG +([A-Za-z0-9_]+).*/\1/p' "../dockerfiles/$1" | grep -vE "$given_by_docker" | sort -u; }
# With everything set, compose shows every argument that it would hand over.
args_of_compose() { # FILE SERVICE
	env "${all_set[@]}" docker compose -f "$1" config "$2" | awk '
		/^  [^ ]/ { service = $1 }
		/^      args:/ && service == name { on = 1; next }
		/^ ? ? ? ? ? ?[^ ]/ { on = 0 }
		on { sub(":.*", ""); gsub(" ", ""); print }' name="$2:" | sort -u
}
all_set=()
for name in $(sed -nE 's/^  +([A-Z][A-Z0-9_]+):.*/\1/p' $optimised $original | sort -u); do all_set+=("$name=x"); done
same_args() { # FILE SERVICE DOCKERFILE
	args_of_compose "$1" "$2" >compose.args
	args_of_dockerfile "$3" >dockerfile.args
	[ -s dockerfile.args ] && diff compose.args dockerfile.args # < compose alone, > the Dockerfile alone
}
same_version() { # DOCKERFILE: the versions that the proof uses are the ones that users get
	local wanted name value found=0
	while read -r wanted; do
		name=${wanted%%=*}
		value=$(sed -nE "s/^ARG +$name=(.*)/\1/p" "../dockerfiles/$1" | sort -u)
		[ -n "$value" ] || continue
		found=1
		[ "$name=$value" = "$wanted" ] || { echo "ARG $name=$value, and tests/stack/versions has $wanted" && return 1; }
	done < <(grep '^[A-Z]' "$here/versions")
	[ $found = 1 ]
}
for service in "${services[@]}"; do
	is "$service: optimised: the arguments are the Dockerfile's" same_args $optimised "$service" "$service.test-local.Dockerfile"
	is "$service: original: the arguments are the Dockerfile's" same_args $original "$service" "$service.test.Dockerfile"
	for kind in test-local test; do
		is "$service.$kind: versions are those of the proof" same_version "$service.$kind.Dockerfile"
		is "$service.$kind: no frontend to be pulled" lacks '^# *syntax *=' "../dockerfiles/$service.$kind.Dockerfile"
	done
	is "$service.test: nothing that needs BuildKit" lacks '--mount=|--platform=\$|^COPY .*--(link|chmod)|<<-?[A-Z"'\'']' \
		"../dockerfiles/$service.test.Dockerfile"
done

# ------------------------------------------------------------------------------------- examples
named_files_exist() {
	local file
	sed -nE 's/.*COMPOSE_FILE[:=] *//p' ci/github-actions.yml ci/gitlab-ci.yml ci/Jenkinsfile | tr -d "\"'" | tr ' :' '\n\n' |
		grep '\.yml$' | sort -u | tee files
	[ -s files ] || return 1
	while read -r file; do [ -e "$file" ] || { echo "no $file" && return 1; }; done <files
}
is 'the compose files that the CI examples name are there' named_files_exist
is 'build-with-compatibility.sh: a shell script' sh -n build-with-compatibility.sh
finish
