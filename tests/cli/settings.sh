#!/bin/sh
# The settings file: found, obeyed, listed; and refused in one line.
here=$(dirname "$0")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

conf=$tmp/home/.config/bilge/bilge.conf
mkdir -p "$tmp/home/.config/bilge"
export_cache "$root/api" one

# settle LINE...: what the settings file says.
settle() { printf '%s\n' "$@" >"$conf"; }

# refused WORDS ARGUMENT...: exit 2, one line that holds these words, no more.
refused() {
    words=$1
    shift
    run "$@"
    is "$* : exit 2 ($words)" exits 2
    is "$* : one line ($words)" one_complaint
    is "$* : says so ($words)" complains "$words"
    is "$* : nothing on stdout ($words)" silent
}

# ------------------------------------------------------------- where it is

run settings
is 'no file: exit 0' exits 0
is 'no file: says so' says 'There is no settings file'
is 'no file: the defaults' says ';amber = 85%'
run settings --json
is 'no file, JSON: the shape' fits settings
is 'no file, JSON: null' equals file null

settle "cache-root = $root" '[disk]' 'amber = 20%'
run settings
is 'the default place: exit 0' exits 0
is 'the default place: says which' says "from $conf"
is 'the default place: its value' grep -qx 'amber = 20%' "$tmp/out"
run settings --json
is 'JSON: the shape' fits settings
is 'JSON: the file' equals file "$conf"
is 'JSON: given' equals settings.2.given true
is 'JSON: its value' equals settings.2.values.0 20%
is 'JSON: the default' equals settings.2.default 85%
is 'JSON: not given' equals settings.3.given false

mkdir -p "$tmp/elsewhere/bilge"
printf '[disk]\namber = 30%%\n' >"$tmp/elsewhere/bilge/bilge.conf"
XDG_CONFIG_HOME=$tmp/elsewhere
export XDG_CONFIG_HOME
run settings
is 'XDG_CONFIG_HOME: its value' grep -qx 'amber = 30%' "$tmp/out"
run settings --config "$conf"
is '--config: its value' grep -qx 'amber = 20%' "$tmp/out"
run --config=/dev/null settings
is '--config /dev/null: the defaults' grep -qx ';amber = 85%' "$tmp/out"
unset XDG_CONFIG_HOME

# What is listed is a settings file itself.
run settings
cp "$tmp/out" "$tmp/listed"
run settings --config "$tmp/listed"
sed 1d "$tmp/listed" >"$tmp/listed.once"
sed 1d "$tmp/out" >"$tmp/listed.twice"
is 'the listing, read again, lists the same' cmp "$tmp/listed.once" "$tmp/listed.twice"

# --------------------------------------------------------------- obedience

run status --json
is 'cache-root: exit 0' exits 0
is 'cache-root: obeyed' equals cache_roots.0 "$root"
run status --json --cache-root "$tmp/empty"
is 'cache-root: the command line goes before it' equals cache_roots.0 "$tmp/empty"
is 'cache-root: and is the only one' equals cache_roots.1 ''

make_old "$root/api" '2 days ago'
settle 'abandoned-after = 1d'
run status --json --cache-root "$root"
is 'abandoned-after: obeyed' equals services.0.abandoned true
settle 'abandoned-after = 3d'
run status --json --cache-root "$root"
is 'abandoned-after: not yet' equals services.0.abandoned false
settle '[guard]' 'keep-free = 1kB' 'older-than = 7d'
run guard --once --json --cache-root "$root"
is 'guard.keep-free: obeyed' equals keep_free 1000
run guard --once --json --keep-free 2kB --cache-root "$root"
is 'guard.keep-free: the command line goes before it' equals keep_free 2000
rm "$conf"
refused '--keep-free' guard --once --cache-root "$root"

# -------------------------------------------------------------- what builds get

with_docker
project api worker
echo built >"$docker/build.log"
build_call() { grep -e ' build' "$docker/calls.log" | tail -n 1; }
builds_with() { build_call | grep -F -e "$1" || { build_call; return 1; }; }
builds_without() { ! build_call | grep -F -e "$1"; }

run build api
is 'build: exit 0' exits 0
is 'build: nothing of itself' builds_without --pull
settle '[build]' 'args = A=1' 'args = B=two words' 'profiles = dev' 'profiles = test' 'pull = yes' \
    'no-cache = yes'
run build api
is 'build: exit 0 with settings' exits 0
is 'build.args' builds_with '--build-arg A=1 --build-arg B=two words'
is 'build.profiles' builds_with 'compose --profile dev --profile test build'
is 'build.pull' builds_with --pull
is 'build.no-cache' builds_with --no-cache
run build api --build-arg A=3 --profile other --no-pull --cache
is 'build: exit 0 with options' exits 0
is '--build-arg goes before build.args' builds_with '--build-arg B=two words --build-arg A=3'
is '--build-arg: the other one is gone' builds_without A=1
is '--profile goes before build.profiles' builds_with 'compose --profile other build'
is '--no-pull goes before build.pull' builds_without --pull
is '--cache goes before build.no-cache' builds_without --no-cache
refused 'contradict' build api --cache --no-cache
refused 'contradict' build api --pull --no-pull

# ----------------------------------------------------------------- refusals

settle '[disk]' 'amber = much'
refused "$conf:2: disk.amber: \"much\" is not" status
refused "$conf:2: disk.amber" settings
refused "$conf:2: disk.amber" prune --garbage --yes
is 'a broken file: nothing was deleted' exists "$root/api/index.json"
run status --config /dev/null --cache-root "$root"
is 'a broken file: --config /dev/null leaves it out' exits 0
run --help
is 'a broken file: --help' exits 0
run status --help
is 'a broken file: status --help' exits 0
run --version
is 'a broken file: --version' exits 0
settle '[guard]' 'keep-free = 10'
refused "$conf:2: guard.keep-free: 10 what? such as 10GB" guard --once
settle '[disk]' 'amber = 85'
refused "$conf:2: disk.amber: 85 what? such as 85%" status
settle '[nosuch]'
refused "$conf:1: there is no section [nosuch]" status
settle '[ui]' 'nosuch = 1'
refused "$conf:2: there is no setting \"nosuch\" in [ui]" status
printf '[ui]\nascii = yes\0no\n' >"$conf"
refused "$conf:2: there is a control character" status
head -c 1048576 /dev/zero | tr '\0' x >"$conf"
refused "$conf:1: the line is too long" status
rm "$conf"

# unread WORDS ARGUMENT...: what can't be read is no mistake of the command line.
unread() {
    words=$1
    shift
    run "$@"
    is "$* : exit 1 ($words)" exits 1
    is "$* : one line ($words)" one_complaint
    is "$* : says so ($words)" complains "$words"
    is "$* : nothing on stdout ($words)" silent
}

mkdir "$conf"
unread 'not a file' status
rmdir "$conf"
unread 'no such file' status --config "$tmp/nosuch"
unread 'not a file' status --config "$tmp"
unread 'not a file' status --config /dev/zero
refused '--config is given twice' status --config a --config b
settle '[ui]'
chmod 0 "$conf"
run_as_other status --config "$conf"
is 'a file that may not be read: exit 1' exits 1
is 'a file that may not be read: one line' one_complaint
is 'a file that may not be read: says so' complains 'permission denied'

finish
