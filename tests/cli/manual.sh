#!/bin/sh
# The manual page, the completions and the plugin door say what the tables of
# options say.
here=$(dirname "$0")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"
doc=$here/../../doc

run --help
is '--help: exit 0' exits 0
is '--help: no complaint' quiet
cp "$tmp/out" "$tmp/help"
commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$tmp/help")
is 'there are commands' [ -n "$commands" ]
for command in '' $commands; do
    # shellcheck disable=SC2086
    run $command --help
    is "$command --help: exit 0" exits 0
    # shellcheck disable=SC2086
    run -h $command
    is "-h $command: exit 0" exits 0
    cat "$tmp/out" >>"$tmp/help"
done
options=$(sed -n 's/^  \(-[a-zA-Z], \|    \)--\([a-z-]*\).*/\2/p' "$tmp/help" | sort -u)
is 'there are options' [ -n "$options" ]

# knows FILE PATTERN-PREFIX WORD
knows() { grep -q -e "$2$3\\b" "$1"; }
for command in $commands; do
    is "manual: $command" knows "$doc/bilge.1" '^\.\(It \)\?Cm ' "$command"
    is "bash: $command" knows "$doc/completions/bilge.bash" '[ |]' "$command"
    is "zsh: $command" knows "$doc/completions/_bilge" "['\"]" "$command\["
    is "fish: $command" knows "$doc/completions/bilge.fish" '-a ' "$command"
done
for option in $options; do
    is "manual: --$option" knows "$doc/bilge.1" 'Fl .*-' "$option"
    is "bash: --$option" knows "$doc/completions/bilge.bash" '--' "$option"
    is "zsh: --$option" knows "$doc/completions/_bilge" '--' "$option"
    is "fish: --$option" knows "$doc/completions/bilge.fish" '-l ' "$option"
done

# And nothing that there is not.
only_known() {
    grep -v '^set ' "$1" | grep -o -e "$2[a-z][a-z-]*" | sed "s/$2//" | sort -u >"$tmp/named"
    echo "$options" >"$tmp/options"
    ! grep -vxF -f "$tmp/options" "$tmp/named"
}
is 'manual: no other options' only_known "$doc/bilge.1" 'Fl -'
is 'fish: no other options' only_known "$doc/completions/bilge.fish" ' -l '

# The tests that the rules of deletion name.
rules() { sed -n '/^## What deletion never does/,/^## /p' "$doc/../README.md"; }
named() { rules | grep -o '`[a-zA-Z/_-]*`\|`tests/[a-zA-Z/_.-]*`' | tr -d '`' | grep '^test' | sort -u; }
is 'README: each rule names a test' \
    [ "$(rules | grep -c '^[0-9]*\. ')" -le "$(rules | tr '\n' ' ' | grep -o '([^()]*`test[^()]*)' | wc -l)" ]
for test in $(named); do
    case $test in
    test_*) file=tests/unit/$test.c ;;
    *) file=$test ;;
    esac
    is "README: there is $test" exists "$doc/../$file"
done

if command -v mandoc >/dev/null; then
    is 'mandoc has no warning' mandoc -Tlint -W warning "$doc/bilge.1"
else
    skip 'mandoc has no warning' 'no mandoc'
fi
is 'bash reads its completion' bash -n "$doc/completions/bilge.bash"
for shell in zsh fish; do
    file=$doc/completions/bilge.fish
    [ $shell = fish ] || file=$doc/completions/_bilge
    if command -v $shell >/dev/null; then
        is "$shell reads its completion" $shell -n "$file"
    else
        skip "$shell reads its completion" "no $shell"
    fi
done

# ---------------------------------------------------------- docker's plugin

ln -s "$bilge" "$tmp/docker-bilge"
bilge=$tmp/docker-bilge
run docker-cli-plugin-metadata
is 'metadata: exit 0' exits 0
is 'metadata: schema' equals SchemaVersion 0.1.0
is 'metadata: vendor' [ -n "$(value Vendor)" ]
is 'metadata: version' [ -n "$(value Version)" ]
run bilge --help
is 'docker bilge --help' says 'Usage: docker bilge'
run bilge status --json --cache-root "$root"
is 'docker bilge status' fits status
run --context default bilge status --json --cache-root "$root"
is 'docker --context default bilge status' fits status
run bilge bilge
is 'its name is skipped once' exits 2

run --version
is '--version' grep -qx 'bilge [0-9.]*' "$tmp/out"
finish
