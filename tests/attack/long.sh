#!/bin/sh
# All attacks in full, one after the other, for `make check-long`: at most an hour on two cores. Ends with a table; what
# failed, and how to bring it back, stands in check-long/NAME.log.
#
# BILGE_ATTACK_ONLY="faults races" runs some of them.
here=$(cd "$(dirname "$0")" && pwd)
logs=${1:-check-long}
mkdir -p "$logs" || exit 1
: >"$logs/table"
failed=0
began=$(date +%s)

# attack NAME WHAT COMMAND...
attack() {
    name=$1 what=$2
    shift 2
    case " ${BILGE_ATTACK_ONLY:-$name} " in
    *" $name "*) ;;
    *) return ;;
    esac
    if [ ! -e "$1" ]; then return; fi
    echo "== $name: $what" >&2
    from=$(date +%s)
    "$@" >"$logs/$name.log" 2>&1
    status=$?
    good=$(grep -c '^ok ' "$logs/$name.log")
    bad=$(grep -c '^not ok ' "$logs/$name.log")
    word=good
    [ $status = 0 ] || { word=BAD && failed=$((failed + 1)); }
    grep '^not ok ' "$logs/$name.log" >&2
    printf '%-10s %-4s %5d good %4d bad %6d s   %s\n' "$name" "$word" "$good" "$bad" $(($(date +%s) - from)) "$what" >>"$logs/table"
    sed -n 's/^# summary: /             /p' "$logs/$name.log" >>"$logs/table"
}

attack faults 'a call fails, or bilge is killed before or after it' "$here/faults.py" --full
attack meanwhile 'an export, a swap, a second bilge or a signal right before a call' "$here/meanwhile.py" --full
attack races 'exports, swaps, two at once and signals, nobody waits' "$here/races.py" --full
attack layouts 'random cache directories of known truth' "$here/layouts/layouts.py" --seeds "${BILGE_ATTACK_LAYOUTS:-3000}"
attack model 'the protocol of removal, repair and restore, every state' "$here/model.sh" --full

echo
cat "$logs/table"
echo "all: $(($(date +%s) - began)) s, $failed failed"
[ "$failed" = 0 ]
