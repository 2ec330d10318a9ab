#!/bin/sh
# bilge doctor: what it finds, how it says so, and its exit status.
here=$(dirname "$0")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"
export BILGE_SYSROOT="$tmp/sys"
mkdir -p "$tmp/sys/usr/lib/tmpfiles.d" "$tmp/sys/etc/tmpfiles.d"

# finding ID FIELD: of the first finding of that check.
finding() {
    index=0
    while id=$(value "checks.$index.id" 2>/dev/null) && [ -n "$id" ]; do
        [ "$id" != "$1" ] || { value "checks.$index.$2"; return; }
        index=$((index + 1))
    done
    return 1
}
severity() { finding "$1" severity; }
found() { [ "$(severity "$1")" = "$2" ] || { echo "$1 is $(severity "$1"), not $2"; return 1; }; }
fixed_by() { finding "$1" fix | grep -F -e "$2" || { finding "$1" fix; return 1; }; }
doctor() { run --cache-root "$root" doctor "$@"; }

export_cache "$root/api" first
make_old "$root/api" '2 hours ago'
doctor --json
is 'no docker, no engine: exit 1' exits 1
is 'its shape' fits doctor
is 'no docker is bad' found docker bad
is 'no engine is bad' found engine bad
is 'the cache is whole' found whole ok
is 'nothing cleans it' found age-cleaning ok
run doctor api
is 'it takes no operand' exits 2

# ------------------------------------------------- systemd-tmpfiles and places
echo "d $tmp 1777 root root 10d" >"$tmp/sys/usr/lib/tmpfiles.d/tmp.conf"
doctor --json
is 'a rule without systemd does nothing' found age-cleaning ok
mkdir -p "$tmp/sys/run/systemd/system"
doctor --json
is 'a rule is found' found age-cleaning warning
doctor
is 'it says the age' says 'older than 10 d'
is 'it says the file' says /usr/lib/tmpfiles.d/tmp.conf
is 'it has a fix to paste' says "echo x '$root' | sudo tee /etc/tmpfiles.d/bilge.conf"
echo "x $root" >"$tmp/sys/etc/tmpfiles.d/bilge.conf"
doctor --json
is 'the fix works' found age-cleaning ok
ln -s "$root" "$tmp/alias"
run --cache-root "$tmp/alias" doctor --json
is 'a symlink is a note' found symlink note
run --cache-root "$tmp/./root/" doctor --json
is 'another spelling is none' found symlink ok

# --------------------------------------------------------------------- caches
rm -f "$root/api/blobs/sha256/$layer"
before=$(picture "$root")
doctor --json
is 'a missing blob is bad' found whole bad
doctor
is 'and what to do' says "bilge verify --repair 'api'"
run --cache-root "$root" status
is 'status says it, too' says 'the next build fails until this is repaired or restored'
is 'status has a total' says 'Total: '
is 'nothing was touched' [ "$before" = "$(picture "$root")" ]

# ------------------------------------------------------- an engine, all is well
rm -rf "${root:?}"/*
export_cache "$root/api" first
make_old "$root/api" '2 hours ago'
with_docker
with_engine
project api
echo '{"LayersSize":0,"BuildCache":[]}' >"$engine/system_df.json"
doctor --json
is 'an engine without the containerd store' found export warning
is 'the engine answers' found engine ok
is 'docker is there' found docker ok
printf '{"ServerVersion":"26.1.5","DockerRootDir":"%s","DriverStatus":%s}\n' "$engine" \
    '[["driver-type","io.containerd.snapshotter.v1"]]' >"$engine/info.json"
doctor --json
is 'an engine with it' found export ok
is 'buildx answers, wherever its plugin lies' found buildx ok
is 'buildx was asked' grep -qx 'buildx version' "$docker/calls.log"
echo 1 >"$docker/buildx-version.status"
for said in "docker: 'buildx' is not a docker command." 'docker: unknown command: docker buildx'; do
    echo "$said" >"$docker/buildx-version.err"
    doctor --json
    is "no buildx: $said" found buildx note
    is 'and what brings it' fixed_by buildx 'docker-buildx'
done
echo 'a plugin that fails' >"$docker/buildx-version.err"
doctor --json
is 'a buildx that fails is there' found buildx ok
rm "$docker"/buildx-version.*
chmod 0 "${DOCKER_HOST#unix://}"
run_as_other --cache-root "$root" doctor --json
is 'a socket that may not be used' found engine bad
is 'and what opens it' fixed_by engine 'usermod -aG docker'
is 'whether it can export is not known' found export note
kill "$engine_pid"

# ------------------------------------------------- a cache of another user's
if [ "$(id -u)" -eq 0 ]; then
    rm -rf "${root:?}"/*
    export_cache "$root/api" first
    export_cache "$root/api" second
    make_old "$root/api" '2 hours ago'
    chmod 1777 "$root" && chmod 755 "$root/api"
    before=$(picture "$root")
    as_other() { run_as_other --cache-root "$root" "$@"; }
    as_other doctor --json
    is 'the owner is a warning' found owner warning
    as_other prune --service api --garbage --yes
    is "another user's garbage: not done" [ "$status" -ne 0 ]
    is "another user's garbage: the way out" complains 'sudo can prune it'
    as_other prune --service api --yes
    is "another user's cache: not done" [ "$status" -ne 0 ]
    is "another user's cache: the way out" complains 'sudo can prune it'
    is 'nothing of it was touched' [ "$before" = "$(picture "$root")" ]
else
    skip "another user's cache" 'only root can make one'
fi
finish
