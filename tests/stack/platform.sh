#!/bin/bash
# Another architecture, cross-compiled on this one.
# shellcheck source=tests/stack/lib.sh
. "$(dirname "$0")/lib.sh"
compile_quickly
service=rust-worker
case $machine in x86_64) other=arm64 file_says='ARM aarch64' ;; *) other=amd64 file_says='x86-64' ;; esac

# The base image of the last stage must exist for that platform; the one of the builder is this machine's.
export RUNTIME_IMAGE=bilge-stack/debian-$other:trixie
if ! docker image inspect "$RUNTIME_IMAGE" >/dev/null 2>&1; then
	is "a Debian for linux/$other" "$here/sandbox" foreign --dir "$sandbox" || finish
fi
export BILGE_PLATFORM=linux/$other BILGE_OTHER_PLATFORM=linux/$other

image=stack-platform-$service
override "$tmp/image.yml" $service "{image: $image, build: {cache_from: !reset [], cache_to: !reset []}}" # caches are another proof
build() { compose docker-compose.test-local.yml docker-compose.multi-platform.yml "$tmp/image.yml" -- build $service; }
is "$service builds for linux/$other" patiently build
architecture() { docker image inspect --format '{{.Architecture}}' $image; }
is "the image says that it is linux/$other" test "$(architecture)" = "$other"

# The program itself, as `file` sees it. Nothing of that image can be run here.
programs() {
	local container
	container=$(docker create --platform "linux/$other" $image) || return 1
	docker cp "$container:/usr/local/bin" - | tar -x -C "$tmp"
	docker rm "$container"
	ls "$tmp/bin"
}
is 'its programs can be taken out' programs
kind() { docker run --rm --network none --volume "$tmp/bin:/programs:ro" "$RUST_IMAGE" sh -c 'file /programs/*'; }
for_the_other() { kind | tee kinds && [ -s kinds ] && ! grep -v "ELF 64-bit.*$file_says" kinds; }
is "file: all of them are for $file_says" for_the_other
docker image rm -f $image >/dev/null 2>&1
finish
