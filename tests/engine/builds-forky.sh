#!/bin/sh
# builds.sh on the engine of forky.
suite=forky
# shellcheck source=tests/engine/builds.sh
. "$(dirname "$0")/builds.sh"
