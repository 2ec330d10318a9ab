#!/bin/bash
# sccache: what was compiled once is not compiled again, when cargo's own target directory is gone.
# shellcheck source=tests/stack/lib.sh
. "$(dirname "$0")/lib.sh"
compile_quickly
service=ruby-worker # the least to compile

override "$tmp/image.yml" $service "{image: stack-sccache-$service, build: {cache_from: !reset [], cache_to: !reset []}}"
build() { compose docker-compose.test-local.yml docker-compose.sccache.yml "$tmp/image.yml" -- build $service >log 2>&1 || { tail -n 40 log; return 1; }; }
# The sum over the statistics that the build's output ends each compilation with.
hits() { sed -n 's/.*Cache hits  *\([0-9][0-9]*\).*/\1/p' log | awk '{ n += $1 } END { print n + 0 }'; }
statistics() { grep -E 'Cache hits +[0-9]' log || { tail -n 40 log; return 1; }; }
# The record of the mount in which cargo keeps what it has compiled for this service.
target_mount() {
	docker buildx du --verbose | awk -v wanted="with id \"/$service-target\"" '
		/^ID:/ { id = $2 }
		/^Description:/ { description = $0 }
		/^Type:/ && $2 == "exec.cachemount" && index(description, wanted) { print id }'
}
lose_target_mount() {
	local id
	id=$(target_mount)
	[ -n "$id" ] || { docker buildx du --verbose && return 1; }
	docker buildx prune --force --all --filter "id=^$id\$"
	[ -z "$(target_mount)" ]
}
some() { echo "$1 hits" && [ "$1" -gt 0 ]; }

# --no-cache would begin with new cache mounts. A new base image has all steps run again, and leaves the mounts.
base=$RUBY_IMAGE
renew() { # HOW OFTEN
	export RUBY_IMAGE=${base%%:*}-renewed:trixie
	printf 'FROM %s\nRUN --network=none echo %s >/etc/renewed\n' "$base" "$$.$1" >"$tmp/Dockerfile"
	docker buildx build --tag "$RUBY_IMAGE" "$tmp"
}
is 'a new base image' renew 1
is 'a build through sccache' patiently build
is 'its output has the statistics' statistics
is 'the target directory is lost' lose_target_mount
is 'another new base image' renew 2
is 'a second build, which compiles again' patiently build
is 'its output has the statistics, too' statistics
is 'it had hits' some "$(hits)"
grep -E 'Cache (hits|misses) +[0-9]' log | sed 's/^/# /'
finish
