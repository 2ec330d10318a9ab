#!/bin/sh
# "Full in so many builds": bilge build alone takes the samples that bear it. On
# a disk of our own, since others write onto every other.
here=$(dirname "$0")
# shellcheck source=tests/cli/mounts.sh
. "$here/mounts.sh"
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

if ! small_disk "$root" 64m; then
    skip 'full in so many builds' 'needs root and mount namespaces'
    finish
    exit
fi
with_docker
project api
mkdir "$root/api"
mkfifo "$docker/gate.1"
echo gates >"$docker/build.mode"
echo '#1 [api 1/1] RUN fill' >"$docker/build.1"

# build NUMBER: one that fills 4 MiB of the disk. The free space is looked at when
# it begins, before docker is first asked which version it has; the gate opens
# when docker has been called for the third time.
build() {
    "$bilge" build api --cache-root "$root" >"$tmp/built" 2>&1 </dev/null &
    building=$!
    exec 3>"$docker/gate.1"
    head -c 4194304 /dev/zero >"$root/api/file.$1"
    echo >&3
    exec 3>&-
    wait "$building"
}

export PATH="$bilge_path"
build=0
while [ $build -lt 6 ]; do
    build=$((build + 1))
    build $build
done
run status --json --cache-root "$root"
is 'exit 0' exits 0
is 'the shape' fits status
is 'by the build' equals disk.0.shrinks_per_build 4194304
is 'so many builds' equals disk.0.forecast_full_builds 10
run status --cache-root "$root"
is 'in words' says 'full in ~10 builds'
umount "$root"
finish
