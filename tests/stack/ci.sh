#!/bin/bash
# The examples for GitHub Actions, GitLab CI and Jenkins: they parse, and their commands do what they say. Comes after
# build.sh, whose results it finds in the engine.
# shellcheck source=tests/stack/lib.sh
. "$(dirname "$0")/lib.sh"
bilge=${BILGE_TEST_BIN:?}
bin=$tmp/bin
mkdir "$bin"
ln -s "$bilge" "$bin/bilge"
export PATH="$bin:$PATH" XDG_STATE_HOME="$tmp/state" XDG_CONFIG_HOME="$tmp/config" HOME="$tmp"
unset BILGE_PROC

# The engine's Ruby reads the YAML: a script of all commands, in order, and what is set for them.
from_yaml() { # FILE PROGRAM
	docker run --rm --interactive --network none --volume "$project/compose/ci:/ci:ro" "$RUBY_IMAGE" \
		ruby -ryaml -e "doc = YAML.load_file('/ci/$1', aliases: true); $2"
}
commands_of_github() {
	from_yaml github-actions.yml 'doc.fetch("jobs").each_value { |job| job.fetch("steps").each { |step|
		step["run"] ? puts(step["run"]) : step.fetch("uses") } }'
}
commands_of_gitlab() {
	from_yaml gitlab-ci.yml 'job = doc.fetch("build")
		puts((job.fetch("before_script") + job.fetch("script") + ["cd .."] + job.fetch("after_script")))'
}
commands_of_jenkins() { awk "/sh '''/ { on = 1; next } /'''/ { on = 0 } on" "$project/compose/ci/Jenkinsfile"; }
file_of_github() { from_yaml github-actions.yml 'puts doc.fetch("env").fetch("COMPOSE_FILE")'; }
file_of_gitlab() { # the main branch's
	from_yaml gitlab-ci.yml 'puts doc.fetch("build").fetch("rules").map { |rule| rule.dig("variables", "COMPOSE_FILE") }.compact'
}
file_of_jenkins() { sed -nE "s/.*COMPOSE_FILE = '(.*)'/\1/p" "$project/compose/ci/Jenkinsfile"; }

# What the service would set, here.
registry=$BILGE_STACK_REGISTRY
export CI_REGISTRY=$registry CI_REGISTRY_USER=somebody CI_REGISTRY_PASSWORD=secret DOCKER_CONFIG="$tmp/.docker"

stop_stack() { docker compose -f "$ready/docker-compose.test-local.yml" down --volumes --timeout 5; }
at_exit+=(stop_stack)
for service in github gitlab jenkins; do
	script=$tmp/$service.sh
	is "$service: parses, and has commands" eval "commands_of_$service >$script && [ -s $script ]"
	is "$service: builds, starts and stops the stack" grep -qE 'docker compose .*up ' "$script"
	file=$("file_of_$service")
	is "$service: names its compose files" test -n "$file"
	case $service in github) where=$project/compose ;; gitlab) where=$project ;; jenkins) where=$project/compose ;; esac
	is "$service: each command works" env -C "$where" COMPOSE_FILE="$file:../tests/stack/network.yml" \
		BILGE_CACHE_REGISTRY="$registry/$service" GITHUB_ENV="$tmp/github.env" bash -eu -o pipefail "$script"
done
in_registry() { docker buildx imagetools inspect --raw "$1"; }
is 'gitlab: the main branch has written the cache' in_registry "$registry/gitlab/tasker-cache:orchestration"
is 'github: the main branch would write it, too' grep -x 'COMPOSE_FILE=.*:docker-compose.registry-cache-push.yml' "$tmp/github.env"
is 'jenkins: the agent has kept its own' test "$BILGE_CACHE_ROOT/orchestration/index.json" -nt "$tmp/jenkins.sh"
finish
