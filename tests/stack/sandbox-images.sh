# shellcheck shell=bash disable=SC2154
# The base images, from Debian's packages: no image registry is asked. Sourced by sandbox.
#
# Each is made once and kept, with `docker save`, in $cache/images under a name that changes with its recipe and with
# what it takes from this machine.

# What lets this machine reach its mirrors goes into the images as well: certificates, and the user's cargo
# configuration. Credentials do not. $host is the copy.
take_host_files() {
	local config
	rm -rf "$host"
	mkdir -p "$host/cargo" "$host/apt"
	for config in "${CARGO_HOME:-$HOME/.cargo}"/config.toml "${CARGO_HOME:-$HOME/.cargo}"/config; do
		if [ -f "$config" ]; then cp -L "$config" "$host/cargo/config.toml" && break; fi
	done
	[ ! -s /etc/ssl/certs/ca-certificates.crt ] || cp -L /etc/ssl/certs/ca-certificates.crt "$host/"
	cp -pL "$engine_dir"/mnt/etc/apt/apt.conf.d/80host "$host/apt/" 2>/dev/null || true
}

# Of the way in which they are made, of the content of these files, and of all that was taken from the host.
key_of() { # [FILE...]
	{
		declare -f debootstrap_image dress_tree build_image
		[ $# = 0 ] || cat "$@"
		(cd "$host" && find . -type f -exec sha256sum {} + | sort)
	} | sha256sum | cut -c1-12
}

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# keep_image NAME KEY COMMAND...: the image NAME is there, loaded when it was kept, else made by the command.
keep_image() {
	local name=$1 this=${1%:*}:$2 kept=$cache/images/${1##*/}
	kept=${kept/:/-}-$2.tar
	shift 2
	if has_image "$this"; then return 0; fi
	if [ -s "$kept" ] && step "loading $name" docker_load "$kept"; then
		docker tag "$name" "$this"
		return
	fi
	step "making $name" "$@" && step "keeping $name" docker_save "$name" "$kept" && docker tag "$name" "$this"
}

docker_load() { docker load <"$1"; }
docker_save() {
	rm -f "${2%-*}"-*.tar
	docker save "$1" >"$2.new" && mv "$2.new" "$2"
}

# debootstrap_image NAME ARCH
debootstrap_image() {
	local tree=$work/debootstrap-$2 more=() status=0
	[ "$2" = amd64 ] || [ "$2" = "$architecture" ] || more=(--foreign) # unpacked, not configured: nothing of it is ever run
	[ "$2" != "$architecture" ] || more=(--include=ca-certificates)
	in_engine sh -c 'command -v debootstrap >/dev/null || { apt-get update && apt-get install -y --no-install-recommends debootstrap; }' || return 1
	rm -rf --one-file-system "$tree"
	# shellcheck disable=SC2016
	in_engine sh -c '
		set -eu
		tree=$1 arch=$2
		shift 2
		mirror=$(apt-get indextargets --format "\$(REPO_URI)" | head -n 1)
		debootstrap --variant=minbase --arch="$arch" "$@" trixie "$tree" $mirror
		rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/* "$tree/debootstrap"
		' sh "$tree" "$2" "${more[@]}" || return 1
	dress_tree "$tree"
	tar -C "$tree" --one-file-system -c . |
		docker import --platform "linux/$2" --change 'CMD ["bash"]' - "$1" || status=1
	rm -rf --one-file-system "$tree"
	return $status
}

dress_tree() {
	cp "$host"/apt/* "$1/etc/apt/apt.conf.d/" 2>/dev/null || true
	if [ -s "$host/ca-certificates.crt" ]; then
		mkdir -p "$1/etc/ssl/certs"
		cp "$host/ca-certificates.crt" "$1/etc/ssl/certs/ca-certificates.crt"
	fi
	echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/throw-away"
}

# build_image NAME RECIPE: tests/stack/images/RECIPE.Dockerfile upon the Debian image.
build_image() {
	build_over_host_network -f "$work/images/$2.Dockerfile" --build-arg BASE="$debian_image" -t "$1" "$work/images"
}

# There is no bridge network: a RUN has the host's.
build_over_host_network() { docker buildx build --progress plain --network host --allow network.host "$@"; }

make_images() {
	local recipes=$here/images name
	mkdir -p "$cache/images"
	rm -rf "$work/images"
	cp -r "$recipes" "$work/images" # where the engine's own CLI can read them
	cp -r "$host/cargo" "$work/images/cargo"
	keep_image "$debian_image" "$(key_of)" debootstrap_image "$debian_image" "$architecture" || return 1
	for name in rust ruby postgres; do
		keep_image "$(image_of "$name")" "$(key_of "$recipes/$name"*)" build_image "$(image_of "$name")" "$name" || return 1
	done
}

# Asked for by the multi-platform test alone.
make_foreign_image() { # ARCH
	keep_image "bilge-stack/debian-$1:trixie" "$(key_of)" debootstrap_image "bilge-stack/debian-$1:trixie" "$1"
}

image_of() { echo "bilge-stack/$1:trixie"; }
