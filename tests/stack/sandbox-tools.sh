# shellcheck shell=bash disable=SC2154
# cargo-chef, cargo-binstall, sqlx-cli and sccache as their projects release them, on a file server of our own.
# Sourced by sandbox.
#
# The names and the inside of each archive are those of the release pages:
#   cargo-chef      v0.1.73/cargo-chef-TARGET.tar.gz              the program alone
#   cargo-binstall  v1.13.0/cargo-binstall-TARGET.tgz             the program alone
#   sqlx-cli        sqlx-cli-0.8.6/sqlx-cli-0.8.6-TARGET.tar.gz   the programs (cargo-quickinstall's page, where binstall looks)
#   sccache         v0.10.0/sccache-v0.10.0-TARGET.tar.gz         in a folder of that name, with a .sha256 beside it
# TARGET is both ARCH-unknown-linux-musl and -gnu: what is served is linked with Debian's libc, and runs in its images.
#
# Compiled once, by the Rust image, and kept in $cache/tools.

# tool_built CRATE VERSION [CARGO INSTALL ARGUMENTS]: the programs are in $cache/tools/CRATE-VERSION
tool_built() {
	local kept=$cache/tools/$1-$2-$machine
	[ ! -e "$kept/made" ] || return 0
	mkdir -p "$cache/tools" "$work/tools"
	rm -rf "$kept" "$work/tools/$1"
	step "compiling $1 $2 from the crate registry (minutes, once)" build_over_host_network \
		-f "$work/images/tools.Dockerfile" --build-arg RUST_IMAGE="$(image_of rust)" \
		--build-arg CRATE="$1" --build-arg VERSION="$2" --build-arg FEATURES="${3-}" \
		--output "type=local,dest=$work/tools/$1" "$work/images" || return 1
	mkdir -p "$kept"
	cp "$work/tools/$1"/* "$kept/" && touch "$kept/made"
}

sccache_unpacked() { # Debian's own
	local kept=$cache/tools/sccache-$SCCACHE_VERSION-$machine
	[ ! -e "$kept/made" ] || return 0
	rm -rf "$kept" "$work/tools/sccache"
	mkdir -p "$kept" "$work/tools/sccache"
	# shellcheck disable=SC2016
	step "taking sccache from Debian" in_engine sh -c '
		set -eu
		cd "$1"
		[ -n "$(apt-cache policy sccache)" ] || apt-get update
		apt-get download sccache
		case $(dpkg-deb -f sccache_*.deb Version) in "$2"-*) ;; *) echo "Debian has another version than $2" && exit 1 ;; esac
		dpkg-deb -x sccache_*.deb .' sh "$work/tools/sccache" "$SCCACHE_VERSION" || return 1
	cp "$work/tools/sccache/usr/bin/sccache" "$kept/" && touch "$kept/made"
}

# page FOLDER ARCHIVE SUM(yes/no) TAR-ARGUMENTS...: one archive of a release page.
page() {
	local folder=$pages/$1 archive=$2 sum=$3
	shift 3
	mkdir -p "$folder"
	tar --owner=0 --group=0 --numeric-owner --mtime=@0 --exclude=made -c "$@" | gzip -n1 >"$folder/$archive"
	[ "$sum" = no ] || sha256sum "$folder/$archive" | cut -d' ' -f1 >"$folder/$archive.sha256"
}

# The folder itself stays: the file server is in it. What is right is left alone, for a build may be fetching it.
make_pages() {
	local libc target key kept=$cache/tools
	key=$({ cat "$here/versions" && declare -f page make_pages && stat -c '%n %Y' "$kept"/*/made; } | sha256sum)
	[ "$(cat "$pages/key" 2>/dev/null)" != "$key" ] || return 0
	mkdir -p "$pages"
	rm -rf "${pages:?}"/*
	for libc in gnu musl; do
		target=$machine-unknown-linux-$libc
		page "cargo-chef/v$CARGO_CHEF_VERSION" "cargo-chef-$target.tar.gz" yes \
			-C "$kept/cargo-chef-$CARGO_CHEF_VERSION-$machine" .
		page "cargo-binstall/v$CARGO_BINSTALL_VERSION" "cargo-binstall-$target.tgz" yes \
			-C "$kept/cargo-binstall-$CARGO_BINSTALL_VERSION-$machine" .
		page "cargo-quickinstall/sqlx-cli-$SQLX_CLI_VERSION" "sqlx-cli-$SQLX_CLI_VERSION-$target.tar.gz" yes \
			-C "$kept/sqlx-cli-$SQLX_CLI_VERSION-$machine" .
		page "sccache/v$SCCACHE_VERSION" "sccache-v$SCCACHE_VERSION-$target.tar.gz" yes \
			--transform="s,^\.,sccache-v$SCCACHE_VERSION-$target," -C "$kept/sccache-$SCCACHE_VERSION-$machine" .
	done
	echo "$key" >"$pages/key"
}

make_tools() {
	tool_built cargo-chef "$CARGO_CHEF_VERSION" &&
		tool_built sqlx-cli "$SQLX_CLI_VERSION" '--no-default-features --features rustls,postgres' &&
		tool_built cargo-binstall "$CARGO_BINSTALL_VERSION" '--no-default-features --features rustls,fancy-no-backtrace' &&
		sccache_unpacked && make_pages
}

sum_of() { sha256sum "$pages/$1" | cut -d' ' -f1; }

# The checksums that the Dockerfiles are given, for this machine's architecture: what is linked with musl elsewhere and
# what is linked with glibc are the same file here.
write_sums() {
	local arch=${architecture^^} target=$machine-unknown-linux-musl
	{
		echo "CARGO_CHEF_SHA256_$arch=$(sum_of "cargo-chef/v$CARGO_CHEF_VERSION/cargo-chef-$target.tar.gz")"
		echo "CARGO_BINSTALL_SHA256_$arch=$(sum_of "cargo-binstall/v$CARGO_BINSTALL_VERSION/cargo-binstall-$target.tgz")"
		echo "SQLX_CLI_SHA256_$arch=$(sum_of "cargo-quickinstall/sqlx-cli-$SQLX_CLI_VERSION/sqlx-cli-$SQLX_CLI_VERSION-$target.tar.gz")"
		echo "SCCACHE_SHA256_$arch=$(sum_of "sccache/v$SCCACHE_VERSION/sccache-v$SCCACHE_VERSION-$target.tar.gz")"
	} >"$dir/sums"
}
