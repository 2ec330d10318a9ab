# shellcheck shell=bash
# TAP for the proofs of the reference stack. Sourced, in a directory where files may be left.
number=0 failures=0 said=$PWD/said

# is NAME COMMAND...: one test; it passes when the command does. Else it says which command, and how that ended.
is() {
	local name=$1 status=0
	shift
	number=$((number + 1))
	"$@" </dev/null >"$said" 2>&1 || status=$?
	if [ $status = 0 ]; then
		echo "ok $number - $name"
		return 0
	fi
	failures=$((failures + 1))
	echo "not ok $number - $name"
	echo "# exit $status: $*"
	tail -n 40 "$said" | sed 's/^/# /'
	return 1
}

# skip NAME REASON
skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

finish() {
	echo "1..$number"
	[ $failures = 0 ]
	exit
}
