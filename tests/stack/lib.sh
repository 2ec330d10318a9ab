# shellcheck shell=bash disable=SC2034
# What the proofs of the reference stack share: TAP, and one command with the end of what it said when it fails.
# Sourced. Needs a sandbox that is up (tests/stack/sandbox), whose directory BILGE_TEST_STACK_DIR names.
set -u -o pipefail
if [ -z "${BILGE_TEST_STACK_DIR-}" ]; then
	echo '1..0 # SKIP no sandbox: apart from the rest, ./check --stack'
	exit 0
fi
here=$(cd "$(dirname "$0")" && pwd -P)
top=$(cd "$here/../.." && pwd -P)
sandbox=$(cd "$BILGE_TEST_STACK_DIR" && pwd -P)
set -a
# shellcheck source=/dev/null
. "$sandbox/env"
set +a
project=$BILGE_STACK_PROJECT
ready=$project/ready
machine=$(uname -m)
export BUILDKIT_PROGRESS=plain
unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES DOCKER_BUILDKIT DOCKER_CONTEXT BUILDX_BUILDER

# Where the engine's CLI can see it, too.
tmp=$(mktemp -d "$sandbox/engine/work/test.XXXXXX") || exit 1
at_exit=()
leave() {
	local act
	trap '' INT TERM HUP
	for act in ${at_exit[@]+"${at_exit[@]}"}; do $act >/dev/null 2>&1; done
	rm -rf "$tmp"
}
trap leave EXIT
trap 'exit 143' INT TERM HUP
cd "$tmp" || exit 1

# shellcheck source=tests/stack/tap.sh
. "$here/tap.sh"

services=(orchestration rust-worker ruby-worker)

port_of() {
	local name=${1^^}
	name=BILGE_STACK_${name//-/_}_PORT
	echo "${!name}"
}

# compose FILE... -- ARGUMENT...: of compose/ (or with a whole path), with the host's network.
compose() {
	local files=()
	while [ "$1" != -- ]; do
		case $1 in /*) files+=(-f "$1") ;; *) files+=(-f "$project/compose/$1") ;; esac
		shift
	done
	shift
	docker compose "${files[@]}" -f "$project/tests/stack/network.yml" "$@"
}

# patiently COMMAND...: once more when the engine did not answer in time, as on a machine that does too much at once.
patiently() {
	"$@" >"$tmp/first" 2>&1 && return 0
	cat "$tmp/first"
	grep -q 'DeadlineExceeded: context deadline exceeded' "$tmp/first" && "$@"
}

# override FILE SERVICE YAML: a compose file that changes this of the service.
override() { printf 'services: {"%s": %s}\n' "$2" "$3" >"$1"; }

# Each step of the Dockerfile but FROM was CACHED, and there was at least one.
all_cached() { # LOG
	awk '
		/^#[0-9]+ \[.*[0-9]+\/[0-9]+\] / && !/\] FROM / { step[$1] = $0 }
		/^#[0-9]+ (CACHED|extracting sha256:)/ { cached[$1] = 1 }
		END {
			for (number in step) { steps++; if (!(number in cached)) { print "not cached: " step[number]; missed++ } }
			print steps + 0 " steps"
			exit steps > 0 && missed == 0 ? 0 : 1
		}' "$1"
}

# From here on all is compiled without optimisation: that takes half as long, where it is not what is proved.
compile_quickly() {
	local quick=${RUST_IMAGE%%:*}-quick:trixie
	printf 'FROM %s\nENV CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=64\n' "$RUST_IMAGE" >"$tmp/Dockerfile"
	is 'a Rust image that compiles quickly' docker buildx build --tag "$quick" "$tmp" && RUST_IMAGE=$quick
}
