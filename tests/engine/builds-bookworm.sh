#!/bin/sh
# builds.sh on the engine of bookworm.
suite=bookworm
# shellcheck source=tests/engine/builds.sh
. "$(dirname "$0")/builds.sh"
