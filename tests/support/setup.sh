# shellcheck shell=bash
# What quickstart, check and .ci/run share: installing what is missing, and building out of tree.
# To be sourced, with `top` set to the source directory. All output goes to stderr.
: "${top:?}"

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

am_root() { [ "$(id -u)" = 0 ]; }
# sudo counts when it needs no password, or when somebody is there to type it.
can_be_root() { am_root || { command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; }; }
as_root() { if am_root; then "$@"; else sudo "$@"; fi; }
has_apt() { command -v apt-get >/dev/null && command -v dpkg >/dev/null; }

# step TEXT LOG COMMAND...: one calm line with the time it took; the log's tail when it fails.
step() {
	local text=$1 log=$2 from=$SECONDS status=0
	shift 2
	mkdir -p "$(dirname "$log")"
	printf '%s: %s ...' "${0##*/}" "$text" >&2
	"$@" </dev/null >"$log" 2>&1 || status=$?
	if [ $status = 0 ]; then
		printf ' %d s\n' $((SECONDS - from)) >&2
	else
		printf ' failed (exit %d); %s ends with:\n' $status "$log" >&2
		tail -n 25 "$log" | sed 's/^/  | /' >&2
	fi
	return $status
}

# with_quick_tmp COMMAND...: runs it with TMPDIR in memory, where there is plenty of that. Tests make and delete files by
# the ten thousand, and a disk that discards blocks at each deletion makes them wait for minutes.
with_quick_tmp() {
	local status=0
	if [ -n "${TMPDIR-}" ] || [ "$(stat -f -c %T /dev/shm 2>/dev/null)" != tmpfs ] ||
		[ "$(df --output=avail -k /dev/shm | tail -n 1)" -lt 4000000 ] || ! quick_tmp=$(mktemp -d /dev/shm/bilge-check.XXXXXX); then
		"$@"
		return
	fi
	chmod 1777 "$quick_tmp" # some tests act as other users
	TMPDIR=$quick_tmp "$@" || status=$?
	remove_quick_tmp
	return $status
}
quick_tmp=''
remove_quick_tmp() { [ -z "$quick_tmp" ] || rm -rf "$quick_tmp"; quick_tmp=''; }

# Each need: what to look for, and the Debian package that brings it.
# shellcheck disable=SC2034 # used by those who source this
needs_to_build='
	command:autoreconf  autoconf
	command:automake    automake
	command:pkg-config  pkg-config
	command:make        make
	command:cc          gcc
	header:stdio.h      libc6-dev
	module:ncursesw     libncurses-dev
	module:libuv        libuv1-dev
	module:libcjson     libcjson-dev
	module:sqlite3      libsqlite3-dev
	module:inih         libinih-dev
	module:libcrypto    libssl-dev
	header:uthash.h     uthash-dev'
# shellcheck disable=SC2034
needs_to_check='
	module:cmocka       libcmocka-dev
	module:vterm        libvterm-dev
	command:ps          procps
	python:json         python3
	command:spin        spin
	command:git         git
	command:mandoc      mandoc
	command:zsh         zsh
	command:fish        fish
	terminal:tmux-256color  ncurses-base
	terminal:screen.xterm-256color  ncurses-term'

is_there() {
	case $1 in
	command:*) command -v "${1#*:}" ;;
	module:*) pkg-config --exists "${1#*:}" ;;
	header:*) echo "#include <${1#*:}>" | cc -E - ;;
	python:*) python3 -c "import ${1#*:}" ;;
	terminal:*) infocmp "${1#*:}" ;;
	esac >/dev/null 2>&1
}

# One at a time: the three engines are made side by side. Another apt on the machine is waited for.
apt_install() {
	local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300)
	local install=("${apt[@]}" install -y --no-install-recommends "$@")
	(flock 9 && { as_root "${install[@]}" || { as_root "${apt[@]}" update && as_root "${install[@]}"; }; }) 9<"$top"
}

# install_needs LIST...: one apt call, and only when something is missing.
install_needs() {
	local what package log missing=() names=()
	while read -r what package; do
		if [ -z "$what" ] || is_there "$what"; then continue; fi
		missing+=("$package")
		names+=("${what#*:}")
	done <<<"$(printf '%s\n' "$@")"
	[ ${#missing[@]} -gt 0 ] || return 0
	has_apt || die "these are missing, please install them: ${names[*]} (in Debian: ${missing[*]})"
	can_be_root || die "packages are missing, and without root or sudo they can't be installed. As root:
  apt-get install --no-install-recommends ${missing[*]}"
	log=$(mktemp)
	step "installing ${missing[*]}" "$log" apt_install "${missing[@]}" || die "the packages can't be installed"
	rm -f "$log"
}

# build_in DIR [CONFIGURE ARGUMENT...]: configures (only when that has changed) and makes.
build_in() {
	local dir=$top/$1
	shift
	mkdir -p "$dir"
	if [ ! -x "$top/configure" ] || [ ! -e "$top/Makefile.in" ] || [ "$top/configure.ac" -nt "$top/configure" ]; then
		step "making configure" "$dir/autoreconf.log" autoreconf -fi "$top" || return 1
	fi
	if [ ! -e "$dir/Makefile" ] || [ "$top/configure" -nt "$dir/config.status" ] || [ "$(cat "$dir/configured" 2>/dev/null)" != "$*" ]; then
		step "configuring${*:+ $*}" "$dir/configure.log" in_dir "$dir" ../configure "$@" || return 1
		echo "$*" >"$dir/configured"
	fi
	step "compiling in ${dir##*/}" "$dir/make.log" make -C "$dir" -j"$(nproc)"
}

in_dir() {
	local dir=$1
	shift
	(cd "$dir" && "$@")
}
