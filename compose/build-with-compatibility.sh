#!/bin/sh
# Builds services the optimised way where the tools can, else the traditional
# way, and says which and why. All of it is "bilge build": see bilge(1).
#
#   ./build-with-compatibility.sh [SERVICE...]
#   COMPOSE_FILE=other.yml ./build-with-compatibility.sh --traditional
set -eu
if ! command -v "${BILGE:=bilge}" >/dev/null; then
	echo "build-with-compatibility.sh: bilge is not installed" >&2
	exit 127
fi
if [ -z "${COMPOSE_FILE:-}" ] && [ -f docker-compose.test-local.yml ]; then
	export COMPOSE_FILE=docker-compose.test-local.yml
fi
exec "$BILGE" build --fallback "$@"
