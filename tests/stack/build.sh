#!/bin/bash
# The optimised images: built, looked into, started together.
# shellcheck source=tests/stack/lib.sh
. "$(dirname "$0")/lib.sh"

for service in "${services[@]}"; do
	is "$service: the optimised image builds" patiently docker compose -f "$ready/docker-compose.test-local.yml" build "$service"
	is "$service: leaves a cache" test -s "$BILGE_CACHE_ROOT/$service/index.json"
done

# -------------------------------------------------------- what is in the images
config_of() { docker image inspect --format "$2" "tasker/$1:test"; }
not_root() {
	local user
	user=$(config_of "$1" '{{.Config.User}}')
	case $user in '' | root | 0 | 0:*) echo "its user is '$user'" && return 1 ;; esac
}
is_smaller_than_the_builder() { # neither compiler nor sources
	! docker run --rm --network none --entrypoint sh "tasker/$1:test" -c 'command -v rustc || command -v cargo || command -v gcc'
}
for service in "${services[@]}"; do
	is "$service: does not run as root" not_root "$service"
	is "$service: has a health check" test "$(config_of "$service" '{{if .Config.Healthcheck}}yes{{end}}')" = yes
	is "$service: is without compilers" is_smaller_than_the_builder "$service"
done

# ------------------------------------------------------------ the builder stage
# in_builder SERVICE COMMAND...: the builder stage as an image, which is CACHED by now.
in_builder() {
	local service=$1
	shift
	override builder.yml "$service" "{image: \"stack-builder-$service\", build: {target: builder, cache_to: !reset []}}"
	docker compose -f "$ready/docker-compose.test-local.yml" -f builder.yml build "$service" &&
		docker run --rm --network none "stack-builder-$service" "$@"
}
reports() { "${@:2}" | grep -F -e "$1"; }
is 'builder stage: cargo-chef runs' reports "$CARGO_CHEF_VERSION" in_builder orchestration cargo-chef --version
is 'builder stage: sqlx runs' reports "$SQLX_CLI_VERSION" in_builder orchestration sqlx --version
docker image rm -f stack-builder-orchestration >/dev/null 2>&1

# ------------------------------------------------------------- all of it, running
stop_stack() { docker compose -f "$ready/docker-compose.test-local.yml" down --volumes --timeout 5; }
at_exit+=(stop_stack)
is 'the stack starts and becomes healthy' docker compose -f "$ready/docker-compose.test-local.yml" up --detach --no-build --wait --wait-timeout 180 ||
	docker compose -f "$ready/docker-compose.test-local.yml" logs --no-color --tail 15 2>&1 | sed 's/^/# /'
health_of() { docker compose -f "$ready/docker-compose.test-local.yml" ps --format '{{.Health}}' "$1"; }
is 'postgres: healthy' test "$(health_of postgres)" = healthy

# ask SERVICE PATH [CURL ARGUMENT...]: the body, and in `answer` the status. By the Rust image's curl: none is needed here.
ask() {
	local url
	url=http://127.0.0.1:$(port_of "$1")$2
	shift 2
	docker run --rm --network host "$RUST_IMAGE" curl --silent --show-error --max-time 10 --output - \
		--write-out '\n%{http_code} %{content_type}\n' "$@" "$url" >"$tmp/answer" || return 1
	sed '$d' "$tmp/answer"
}
has_answered() { tail -n 1 "$tmp/answer" && tail -n 1 "$tmp/answer" | grep -q "^$1 application/json"; }
answers_json() { ask "$1" /health && has_answered 200; }
for service in "${services[@]}"; do
	is "$service: /health answers" answers_json "$service"
done

# What is in a field of the JSON on stdin.
field() { "$(dirname "${BILGE_TEST_BIN:?}")/tests/cli/jsontool" get "$1"; }
calls_rust() {
	ask ruby-worker /health
	[ -n "$(sed '$d' "$tmp/answer" | field native.version)" ] && [ -n "$(sed '$d' "$tmp/answer" | field native.fingerprint)" ]
}
is 'ruby-worker: calls its Rust function' calls_rust

# A task of each queue, through orchestration, Postgres and the worker, and back.
result_of() { # QUEUE: leaves the result in QUEUE.result
	local id state i
	id=$(ask orchestration /tasks --header 'content-type: application/json' \
		--data "{\"queue\":\"$1\",\"step\":\"summary\",\"payload\":{\"values\":[1,2,6]}}" | field id) || return 1
	for ((i = 0; i < 60; i++)); do
		state=$(ask orchestration "/tasks/$id" | field state)
		case $state in done | failed) break ;; esac
		sleep 0.5
	done
	cat "$tmp/answer"
	[ "$state" = "done" ] && sed '$d' "$tmp/answer" | field result >"$tmp/$1.result"
}
is 'a task is run by the Rust worker' result_of rust
is 'a task is run by the Ruby worker' result_of ruby
is 'both have the same result, for both run the same Rust' cmp "$tmp/rust.result" "$tmp/ruby.result"
finish
