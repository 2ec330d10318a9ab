#!/bin/sh
# The protocol of removal, repair and restore, every state of it: removal.pml and service.pml hold, and fail as soon as a
# step is taken out of them. `model.sh` takes a few seconds, `model.sh --full` some minutes. Says TAP.
#
# An error's way, step by step: model.sh --trail MODEL [-DNAME[=VALUE] ...]
here=$(cd "$(dirname "$0")" && pwd)
core=$here/../../core
full=no
[ "${1-}" = --full ] && full=yes

for tool in spin cc; do
    command -v $tool >/dev/null || { echo "1..0 # SKIP $tool is not installed" && exit 0; }
done
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

optimise=-O2

# explore MODEL [-D...]: every state, or until something is wrong. The verdict is in $work/out.
explore() {
    model=$1
    shift
    (
        cd "$work" && rm -f pan* ./*.trail out &&
            spin -a "$@" "$here/$model.pml" >spin 2>&1 &&
            cc $optimise -w -DSAFETY -DCOLLAPSE -DVECTORSZ=1024 -DMEMLIM=4000 -o pan pan.c 2>>spin &&
            ./pan -m10000 -w24 >out 2>&1
    ) || cat "$work/spin"
}

if [ "${1-}" = --trail ]; then
    shift
    explore "$@"
    model=$1
    shift
    cd "$work" && exec spin -t -p -g -l -k "$model.pml.trail" "$@" "$here/$model.pml"
fi

# The functions that the models stand for, as "what it is called there" or "there:here". Whoever renames one in core/
# renames it here and in the models, and looks whether they still say the same.
functions='
    aside_open aside_close aside_lock check_busy check_export delete_item finish_removal look_again put_back
    recover_waiting remove_items remove_recover remove_service restore_generation restore_last_look
    rename_aside run_round service_look_again set_aside take_place unlink_tree wait_a_moment index_check
    remove_layout
    needed_look_live:needed_look needed_look_new:needed_look needed_look_all:needed_look'
# Only mentioned in words.
mentioned='busy_building_client busy_file_signs drop_live finish_write begin check delete_round set_round_aside look_at_blobs
    needed_look read_index restore_check_content scan_cache repair_cache'
# What is none of bilge's: BuildKit's, what the models need for themselves, and what is only proposed.
others='give_back decide
    alone bilge build fate exporter export_blob export_blobs leave_gap leave_trace make_directory make_ingest note_write open_store
    put_index reset_store stat_blob unlock write_blob'

count=0 failed=0
say() { # STATUS WORDS
    count=$((count + 1))
    if [ "$1" = 0 ]; then
        echo "ok $count - $2"
    else
        echo "not ok $count - $2"
        failed=$((failed + 1))
    fi
}

names() {
    is_defined() { grep -Eqr --include='*.c' "^[a-z].*[ *]$1\\(" "$core"; }
    unknown=
    for pair in $functions; do
        is_defined "${pair#*:}" || unknown="$unknown ${pair#*:}"
    done
    for name in $mentioned; do
        is_defined "$name" || unknown="$unknown $name"
    done
    for name in $(sed -n 's/^inline \([a-z_]*\).*/\1/p' "$here/removal.pml" "$here/service.pml"); do
        case " $(echo $functions $others) " in
        *" $name "* | *" $name:"*) ;;
        *) unknown="$unknown $name" ;;
        esac
    done
    for name in $(grep -oh '\b[a-z_]*()' "$here/removal.pml" "$here/service.pml" | tr -d '()' | sort -u); do
        case " $(echo $functions $mentioned $others) " in
        *" $name "* | *" $name:"*) ;;
        *) unknown="$unknown $name" ;;
        esac
    done
    [ -z "$unknown" ]
    say $? "every function of the models is one of core's${unknown:+, but not$unknown}"
}

# holds MODEL WORDS [-D...]
holds() {
    model=$1 words=$2
    shift 2
    explore "$model" "$@"
    grep -q 'errors: 0$' "$work/out" && ! grep -Eq 'Search not completed|max search depth too small' "$work/out"
    status=$?
    say $status "$model: $words holds"
    [ $status = 0 ] || sed 's/^/# /' "$work/out"
    states=$((states + $(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$work/out" | awk '{ printf "%d", $1 } END { if (NR == 0) print 0 }')))
}

# fails MODEL WORDS [-D...]: soon, so compiling it must not take long
fails() {
    model=$1 words=$2
    shift 2
    optimise=-O0
    explore "$model" "$@"
    optimise=-O2
    grep -q '^pan:1: assertion violated (' "$work/out"
    status=$?
    say $status "$model: $words, it fails"
    [ $status = 0 ] || sed 's/^/# /' "$work/out"
}

states=0
unhurried='-DPROPOSED -DUNHURRIED'
names
if [ $full = yes ]; then
    holds removal 'beside an exporter, with two bilges and a kill,'
    holds removal 'beside an exporter that resets its store, with two bilges and a kill,' -DRESET
    holds removal 'beside an exporter that exports twice, with two bilges,' -DEXPORTS=2 -DKILLS=0
    holds removal 'of one bilge beside the restore of another, with two kills,' -DKILLS=2 -DFIRST=false,true -DSECOND=true,false
    holds removal 'of two bilges, with two kills,' -DKILLS=2 -DFIRST=false,true -DSECOND=false,true
    holds removal 'beside an exporter whose process is not seen' -DHIDDEN_CLIENT -DKILLS=0 -DSECOND=true,false
    holds service 'beside an exporter, with two bilges and two kills,' -DKILLS=2
    holds service 'beside two exporters, with a kill,' -DEXPORTERS=2 -DBILGES=1
    # shellcheck disable=SC2086
    {
        holds service 'as proposed, whatever the time, with two bilges and a kill,' $unhurried
        holds service 'as proposed, whatever the time, with two bilges and two kills,' $unhurried -DKILLS=2
        holds service 'as proposed, whatever the time, beside two exporters, with a kill,' $unhurried -DEXPORTERS=2 -DBILGES=1 -DWITHOUT_TIMING
    }
else
    holds removal 'beside an exporter, with two bilges,' -DKILLS=0
    holds service 'beside an exporter, with two bilges,' -DKILLS=0
fi

fails removal 'without the second look' -DWITHOUT_SECOND_LOOK
fails removal 'without setting aside' -DWITHOUT_SETTING_ASIDE
fails service 'without the rename first' -DWITHOUT_RENAME_FIRST
if [ $full = yes ]; then
    fails removal 'without the signs at the second look' -DWITHOUT_SIGNS
    fails removal 'without reading the manifests again' -DWITHOUT_SECOND_READING
    fails removal 'with the signs after the reading' -DSIGNS_AFTER_READING
    fails removal 'without recovery' -DWITHOUT_RECOVERY
    fails removal 'without the signs at recovery' -DWITHOUT_SIGNS_IN_RECOVERY
    fails removal 'without the lock' -DWITHOUT_LOCK
    fails removal 'without the lock in restore' -DWITHOUT_LOCK_IN_RESTORE
    fails removal 'without the last look at the signs in restore' -DWITHOUT_SIGNS_IN_RESTORE
    fails removal 'without the comparison in restore' -DWITHOUT_COMPARE
    fails removal 'without the times in it, and the look at the blobs,' -DRESET -DWITHOUT_TIMES_IN_COMPARE -DWITHOUT_LOOK_AT_BLOBS
    fails removal 'without the rename in restore' -DWITHOUT_RENAME_IN_RESTORE
    fails removal 'with blobs that go before index.json is written' -DWITHOUT_INDEX_FIRST
    fails service 'without the first look at the signs' -DWITHOUT_FIRST_LOOK
    fails service 'without the comparison with what was shown' -DWITHOUT_COMPARE
    fails service 'without recovery' -DWITHOUT_RECOVERY
    fails service 'without the lock' -DWITHOUT_LOCK
    # shellcheck disable=SC2086
    {
        fails service 'as proposed, without the second look' $unhurried -DWITHOUT_SECOND_LOOK
        fails service 'as proposed, without the signs at the second look' $unhurried -DWITHOUT_SIGNS
        fails service 'as proposed, without the comparison at the second look' $unhurried -DWITHOUT_SECOND_COMPARE
        fails service 'as proposed, without the look at the name' $unhurried -DBILGES=1 -DWITHOUT_TIMING -DWITHOUT_LOOK_AT_NAME
        fails service 'as proposed, without giving the blobs back' $unhurried -DWITHOUT_GIVING_BLOBS
        fails service 'as proposed, without a mark of what is decided' $unhurried -DWITHOUT_DECISION
    }
    # What is taken for granted: time. The day that one of these holds, say so in the models.
    fails removal 'when a build comes to its end between the last look and the rename' -DWITHOUT_TIMING
    fails removal 'when an unseen exporter leaves no trace for longer than the moment' -DHIDDEN_CLIENT -DWITHOUT_TIMING -DKILLS=0
    fails removal 'when bilge is killed beside an unseen exporter' -DHIDDEN_CLIENT -DSECOND=true,false
    fails service 'when a build looks at a blob between the two looks' -DUNHURRIED -DKILLS=0
    # shellcheck disable=SC2086
    fails service 'as proposed, when a build comes to its end between the looks of two bilges' $unhurried -DWITHOUT_TIMING
fi
echo "1..$count"
echo "# summary: $states states, $failed of $count wrong"
[ $failed = 0 ]
