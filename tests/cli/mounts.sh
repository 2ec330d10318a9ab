# Sourced first of all: a mount namespace of the test's own, so that what it
# mounts is seen by nobody else and goes when it ends. Without the right to that,
# small_disk (lib.sh) says no.
# shellcheck shell=sh
if [ -z "${BILGE_TEST_MOUNTS-}" ] && [ "$(id -u)" -eq 0 ] &&
    unshare --mount true 2>/dev/null; then
    BILGE_TEST_MOUNTS=1 exec unshare --mount "$0" "$@"
fi
