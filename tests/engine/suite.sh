# A private engine of one of Debian's suites, and a place to build in. Sourced,
# with the test's folder in $here and trixie, bookworm or forky in $suite.
# BILGE_TEST_ENGINE_DIR names trixie's engine (tests/support/engine up),
# BILGE_TEST_ENGINE_BOOKWORM and BILGE_TEST_ENGINE_FORKY the others'.
#
# What docker prints to bilge is kept aside, byte by byte: $said.out, $said.err.
# shellcheck shell=sh disable=SC2154
case $suite in
trixie) engine=${BILGE_TEST_ENGINE_DIR-} ;;
bookworm) engine=${BILGE_TEST_ENGINE_BOOKWORM-} ;;
forky) engine=${BILGE_TEST_ENGINE_FORKY-} ;;
esac
if [ -z "$engine" ]; then
    echo "1..0 # SKIP no private engine of $suite: none was made for this run"
    exit 0
fi
export BILGE_TEST_ALONE=1
unset TMPDIR # one below /dev is seen inside the engine's root, too, and /tmp is not
# shellcheck source=tests/cli/lib.sh
. "$here/../cli/lib.sh"
# shellcheck source=tests/cli/reading.sh
. "$here/../cli/reading.sh"

lab=$engine/work/$(basename "$0" .sh)-$$ # the same path inside and outside
said=$lab/said
trap 'docker builder prune -af >/dev/null 2>&1; rm -rf "$lab"; rm -rf "$tmp"' EXIT
mkdir -p "$lab/project" "$lab/caches" "$lab/proc" "$lab/home" "$tmp/tools"
root=$lab/caches
# The engine's command line writes below its home: it must see the same one.
export HOME="$lab/home" DOCKER_CONFIG="$lab/docker" DOCKER_HOST="unix://$engine/run/docker.sock"
export BILGE_PROC="$lab/proc" BILGE_TEST_SAID="$said"
PATH=$tmp/tools:$engine/bin:$PATH
bilge_path=$PATH
cd "$lab/project" || exit 1

# The tools' words go to bilge and into files. Interrupts are for the tools. They
# stand where the tools themselves do not see them: compose 1 calls docker.
for name in docker docker-compose; do
    [ -x "$engine/bin/$name" ] || continue
    cat >"$tmp/tools/$name" <<EOF
#!/bin/sh
real=$engine/bin/$name
case " \$* " in
*" build "*) ;;
*) exec "\$real" "\$@" ;;
esac
said=\$BILGE_TEST_SAID
rm -f "\$said".*
trap : INT TERM
{ { trap : INT TERM; { "\$real" "\$@" 2>&4 3>&- 4>&-; echo \$? >"\$said.status"; } 4>&1 1>&3 3>&-; } |
    tee -i "\$said.err" >&2 3>&-; } 3>&1 | tee -i "\$said.out"
exit "\$(cat "\$said.status")"
EOF
    chmod +x "$tmp/tools/$name"
done

# Which format the tools of this suite speak to bilge.
# shellcheck disable=SC2034
case $suite in bookworm) events=plain ;; *) events=rawjson ;; esac
