#!/bin/sh
# A builder that hangs holds up docker buildx ls for all of them: each is asked for
# itself then, and the hung one is shown as such.
here=$(dirname "$0")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

with_engine
with_docker
printf '{"BuildCache":[]}\n' >"$engine/system_df.json"
mkdir -p "$DOCKER_CONFIG/buildx/instances"
stored() { # NAME DRIVER
    printf '{"Name":"%s","Driver":"%s","Nodes":[{"Name":"%s0","Endpoint":"unix:///x.sock"}]}\n' \
        "$1" "$2" "$1" >"$DOCKER_CONFIG/buildx/instances/$1"
}
stored bk docker-container
stored frozen docker-container
stored idle docker-container
printf '{"Key":"%s","Name":"bk","Global":false}' "$DOCKER_HOST" >"$DOCKER_CONFIG/buildx/current"
touch "$docker/buildx-ls.hang" "$docker/buildx-inspect.frozen.hang"
sed 's/^Status:.*/Status: stopped/; s/bk/idle/' "${BILGE_TEST_DATA:?}/engine/buildx-0.36-inspect-container.stdout.txt" \
    >"$docker/buildx-inspect.idle.txt"
cp "$BILGE_TEST_DATA/engine/buildx-0.36-inspect-container.stdout.txt" "$docker/buildx-inspect.bk.txt"
cp "$BILGE_TEST_DATA/engine/buildx-0.13-remote-du-verbose.txt" "$docker/buildx-du.bk.txt"

run status --json --cache-root "$root"
is 'status: exit 0' exits 0
is 'status: the shape' fits status
builders() { "$json" each builders "$1" <"$tmp/out" | tr '\n' ' '; }
is 'status: all are there' [ "$(builders name)" = 'default bk frozen idle ' ]
is 'status: who has answered' [ "$(builders reachable)" = 'true true false false ' ]
is 'status: a stopped one is called so' equals builders.3.error 'it is stopped'
is 'status: the hung one is called so' complains 'builder frozen has not answered for 8 s'
is 'status: records of the one that answers' [ "$(value builders.1.records)" -gt 0 ]
is 'status: the one that buildx uses' equals builders.1.selected true
run du --json
is 'du: exit 0' exits 0
is 'du: of the one that buildx uses' equals builder bk
run du --builder frozen
is 'du of the hung one: exit 1' exits 1
is 'du of the hung one: says so' complains 'builder frozen'
run doctor --cache-root "$root"
is 'doctor names the hung one' says 'builder frozen has not answered yet: it may hang'
is 'doctor says what helps' says 'docker restart buildx_buildkit_frozen0'
finish
