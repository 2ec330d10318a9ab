#!/bin/sh
# What makes no sense: one clear line, exit 2, nothing printed, nothing deleted.
here=$(dirname "$0")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

export_cache "$root/api" one
make_old "$root/api" '3 days ago'
picture "$root" >"$tmp/before"

untouched() { same_tree "$root" "$tmp/before"; }

# refused WORDS ARGUMENT...: exit 2 with one line that holds these words.
refused() {
    words=$1
    shift
    run --cache-root "$root" "$@"
    is "$* : exit 2" exits 2
    is "$* : one line" one_complaint
    is "$* : says \"$words\"" complains "$words"
    is "$* : nothing on stdout" silent
    is "$* : nothing touched" untouched
}

refused '--nonsense' --nonsense
refused '-x' -x
refused 'no command "purge"' purge
refused 'takes no value' --json=1
refused '--cache-root' status --cache-root
refused 'takes no operand' status api
refused 'takes no operand' prune api --yes
refused 'takes no operand' du x
refused '--yes' status --yes
refused '--ye' prune --all --ye
refused 'nothing' prune --yes
refused '5x' prune --older-than 5x --yes
refused 'the AGE is empty' prune --older-than '' --yes
refused 'the NAME is empty' prune --service '' --yes
refused 'twice' prune --older-than 1d --older-than 2d --yes
refused 'number' prune --keep-generations 0 --yes
refused 'number' prune --keep-generations=-1 --yes
refused '"-1" looks like an option' prune --keep-generations -1 --yes
refused 'no such service' prune --service nosuch --yes
refused 'no such service' prune --service nosuch --garbage --dry-run
refused '--all' prune --all --service api --yes
refused '--all' prune --all --garbage --yes
refused 'contradict' prune --all --wait --now --yes
refused '"-1GB" looks like an option' prune --free -1GB --yes
refused '"-1GB" is not a size' prune --free=-1GB --yes
refused '10 what? such as 10GB' prune --free 10 --yes
refused '10 what? such as 10GB' prune --free=10 --dry-run
refused '10 what? such as 10GB' prune --larger-than 10 --yes
refused '10 what? such as 10GB' du --smaller-than 10
refused '10 what? such as 10GB' guard --once --keep-free 10
refused '7 what? such as 7d' prune --older-than 7 --yes
refused '5 what? such as 5d' guard --keep-free 10GB --interval 5
refused 'not a size' guard --once --keep-free 10%
refused 'not a size' prune --free 12parsecs --yes
refused 'twice' prune --free 10GB --free 12GB --yes
refused '0 what?' prune --free 0 --yes
refused 'not a size' prune --free 0GB --yes
refused 'chosen' prune --free 1GB --id x --yes
refused '--all' prune --free 1GB --all --yes
refused 'no such builder' prune --records --builder nosuch --yes
refused 'no such service' prune --free 1GB --service nosuch --yes
refused '-1GB' prune --larger-than=-1GB --yes
refused 'as a regular expression: ( without )' prune --match '(' --yes
refused 'as a regular expression: [ without ]' du --match '['
refused 'twice' prune --match a --match b --yes
refused 'condition on records' prune --match a --garbage --yes
refused 'condition on records' prune --in-use no --service api --garbage --yes
refused 'neither yes nor no' prune --in-use maybe --yes
refused 'neither yes nor no' du --shared 1
refused 'nothing is larger than' prune --larger-than 2GB --smaller-than 1GB --yes
refused 'nothing is larger than' du --larger-than 2GB --smaller-than 1GB
refused '--all' prune --all --text x --yes
refused 'name one' prune --records --guesses --yes
refused 'name one' prune --all --others --yes
refused 'no such service' du --service nosuch
refused 'type' prune --garbage --type regular --yes
refused '--yes' prune --service api
refused '--yes' prune --service api --json
refused '--read-only' prune --service api --yes --read-only
refused '--read-only' --read-only build
refused 'colour' du --sort colour

# ---------------------------------------- habits from docker, and what they hide

for option in -f --force -yf -fy '-f x' -fx -f=x --force=yes '-f --dry-run' '-f compose.yml'; do
    # shellcheck disable=SC2086
    refused '--yes deletes without asking, --file COMPOSE names' prune --garbage $option --yes
done
refused '--yes deletes' prune --garbage -y -f --dry-run
for option in -a -af --a -ay; do
    refused '--all deletes every cache directory' prune $option --yes
done
for option in --service --type --match --text --id --older-than --larger-than --free --in-use \
    --keep-generations --file --context --builder --config --cache-root; do
    refused "$option needs a value" prune --all --yes $option --dry-run
    refused "$option needs a value" prune --all --yes $option
    refused 'is empty' prune --all --yes $option=
done
refused '-f (--file) needs a value: COMPOSE, and "--dry-run"' -f --dry-run prune --all --yes
refused '-f (--file) needs a value: COMPOSE, and "-y"' status -f -y
refused '-f--json: write -f VALUE' status -f--json
for option in --dry-run=false --dry-run= --yes=no --yes=true --now=0; do
    refused 'takes no value' prune --all --yes $option
done
refused '--builder is given twice' --builder a prune --all --yes --builder b
refused '--file is given twice' -f a prune --all --yes --file a
refused 'takes no operand: "--dry-run"' prune --all --yes -- --dry-run
refused 'takes no operand: "-"' prune --all --yes -
refused 'unknown option -\x1b' "$(printf -- '-\033[31m')"
refused '\x07' prune --free "$(printf '1\007GB')" --yes
refused 'no such service: --repair' verify -- --repair

run prune --service=api --older-than=5x --yes --help
is 'bad options are told even with --help' exits 2

finish
