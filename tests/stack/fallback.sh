#!/bin/bash
# Without BuildKit: the optimised Dockerfiles say so at once, and bilge builds the original ones instead. These compile
# their tools from source, which takes its time.
# shellcheck source=tests/stack/lib.sh
. "$(dirname "$0")/lib.sh"
export BILGE_CACHE_ROOT=$tmp/cache
bilge=${BILGE_TEST_BIN:?}
export BILGE="$bilge" XDG_STATE_HOME="$tmp/state" XDG_CONFIG_HOME="$tmp/config" NO_COLOR=1
unset BILGE_PROC
without_buildkit=(env DOCKER_BUILDKIT=0)

normal=$RUST_IMAGE
compile_quickly
cp -r "$ready" ready
ready=$tmp/ready
sed -i "s,$normal,$RUST_IMAGE," "$ready"/*.yml

fails_at_once() {
	local status=0
	"$@" >log 2>&1 || status=$?
	cat log
	# the builder prints the step itself, too; that would not be saying it
	[ $status != 0 ] && grep -vE '^(Step|The command) ' log | grep -q 'needs BuildKit' && ! grep -qE 'Compiling|Downloaded|Unpacking' log
}
for service in "${services[@]}"; do
	is "$service: without BuildKit the optimised Dockerfile fails at once, and says why" fails_at_once \
		"${without_buildkit[@]}" docker compose -f "$ready/docker-compose.test-local.yml" build "$service"
done

# ------------------------------------------------------------- bilge build falls back
cd "$ready" || exit 1
says() { grep -F -e "$1" "$tmp/log" || { tail -n 20 "$tmp/log"; return 1; }; }
falls_back() { "${without_buildkit[@]}" "$bilge" -f docker-compose.test-local.yml build "$1" >"$tmp/log" 2>&1 || { tail -n 40 "$tmp/log"; return 1; }; }
for service in "${services[@]}"; do
	docker image rm -f "tasker/$service:test" >/dev/null 2>&1
	is "$service: bilge build falls back to the original" falls_back "$service"
	is "$service: and says so" says traditional
	is "$service: it is the original" says 'RUN cargo install --locked --root /usr/local "cargo-chef@' # the optimised ones never do
	is "$service: the image is there" docker image inspect "tasker/$service:test"
done

# Called where the compose files are, as its users do.
cp "$project/compose/build-with-compatibility.sh" .
thin_script() { "${without_buildkit[@]}" ./build-with-compatibility.sh >"$tmp/log" 2>&1 || { tail -n 40 "$tmp/log"; return 1; }; }
is 'build-with-compatibility.sh does the same' thin_script
is 'and says so' says traditional

# -------------------------------------------------------------- the originals, running
stop_stack() { docker compose -f "$ready/docker-compose.test.yml" down --volumes --timeout 5; }
at_exit+=(stop_stack)
is 'the original images start and become healthy' \
	docker compose -f docker-compose.test.yml up --detach --no-build --wait --wait-timeout 180
finish
