#!/bin/sh
# Two engines, each a docker context and so a builder of its own: records are read
# and pruned there where it was asked for, and builds go there, too; what the other
# one has stays.
here=$(dirname "$0")
# shellcheck source=tests/engine/lib.sh
. "$here/lib.sh"

second=$engine/run/second-$$.sock pidfile=$lab/second.pid
unset DOCKER_CONTEXT BUILDX_BUILDER COMPOSE_FILE

stop_second() {
    pid=$(cat "$pidfile" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null
    is_gone() { ! kill -0 "$pid" 2>/dev/null; }
    wait_for is_gone
    rm -f "$second"
}
trap 'stop_second; docker builder prune -af >/dev/null 2>&1; rm -rf "$lab"; rm -rf "$tmp"' EXIT

# Inside the engine's root, with places of its own.
cat >"$lab/second.json" <<EOF
{"features":{"containerd-snapshotter":true},"hosts":["unix://$second"],
 "iptables":false,"ip6tables":false,"bridge":"none","userland-proxy":false,
 "exec-opts":["native.cgroupdriver=cgroupfs"],"builder":{"gc":{"enabled":false}},
 "data-root":"$lab/second-data","exec-root":"/run/second-$$","pidfile":"$pidfile"}
EOF
"$here/../support/engine" exec --dir "$engine" -- setsid dockerd --config-file "$lab/second.json" \
    >"$lab/second.log" 2>&1 </dev/null &
answers() { docker --host "unix://$second" info >/dev/null 2>&1; }
wait_for answers
is 'a second engine runs' answers
docker context create second --docker "host=unix://$second" >/dev/null 2>&1
docker save local/base:1 | docker --context second load >/dev/null 2>&1
forget_all bilge-lab-api

cat >Dockerfile <<'EOF'
FROM local/base:1
COPY main.txt .
RUN --mount=type=cache,target=/kept echo >/kept/x; head -c 300000 /dev/urandom >/big
EOF
echo main >main.txt
cat >compose.yml <<'EOF'
name: bilge-lab
services:
  api:
    build:
      context: .
      network: none
EOF

# ids DOCKER-OPTION...: of an engine's records, as docker itself tells them
ids() { docker "$@" buildx du --verbose 2>/dev/null | sed -n 's/^ID:[[:space:]]*//p' | sort; }
# told ARGUMENT...: the same as bilge tells them
told() {
    run "$@" du --json
    "$json" each records id <"$tmp/out" | sort
}
has_image() { docker "$@" image inspect bilge-lab-api >/dev/null 2>&1; }
has_no_image() { ! has_image "$@"; }
same_lines() { printf '%s\n' "$1" >"$tmp/a" && printf '%s\n' "$2" >"$tmp/b" && diff "$tmp/a" "$tmp/b"; }

# ------------------------------------------------------------ builds go there

run --context second build api
is 'a build in the second context: exit 0' exits 0
is 'its image is there' has_image --context second
is 'and not here' has_no_image
is 'its records are there' [ "$(ids --context second | wc -l)" -gt 3 ]
ids_are_none() { docker buildx du --verbose >"$tmp/du" 2>&1 && lacks '^ID:' "$tmp/du"; }
is 'and none is here' ids_are_none
run build api
is 'a build here: exit 0' exits 0
is 'its image is here' has_image
here_before=$(ids) there_before=$(ids --context second)

# ------------------------------------------------------------- what there is

run status --json
is 'status: the shape' fits status
contexts() { "$json" each contexts name host current <"$tmp/out"; }
is 'status: both contexts' same_lines "$(contexts)" \
    "default	$DOCKER_HOST	true
second	unix://$second	false"
builders() { "$json" each builders name driver reachable selected <"$tmp/out"; }
is 'status: both builders' same_lines "$(builders)" "default	docker	true	true
second	docker	true	false"
is 'status: a node that runs' equals builders.1.nodes.0.status running
is 'status: its platforms' [ "$(value builders.1.nodes.0.platforms | grep -c linux/)" -eq 1 ]
run status
is 'status, text: nodes' says 'PLATFORMS'
is 'status, text: contexts' grep -q '^default .*this one is used' "$tmp/out"
run --context second status --json
is 'status there: its own is the engine' equals builders.0.name second
is 'status there: and selected' equals builders.0.selected true
is 'status there: the context' [ "$("$json" each contexts name current <"$tmp/out" | grep -c '^second	true')" -eq 1 ]
BUILDX_BUILDER=second
export BUILDX_BUILDER
run status
is 'builds go elsewhere: status says so' complains 'builds go to builder second'
run doctor
is 'builds go elsewhere: the doctor, too' says 'second'
unset BUILDX_BUILDER
run --context nosuch status
is 'no such context: exit 2' exits 2
is 'no such context: one line' one_complaint

docker context use second >/dev/null 2>&1
unset DOCKER_HOST
run status --json
is "docker's current context is taken" equals builders.0.name second
DOCKER_CONTEXT=default
export DOCKER_CONTEXT
run status --json
is 'DOCKER_CONTEXT counts more' equals builders.0.name default
unset DOCKER_CONTEXT
docker context use default >/dev/null 2>&1
DOCKER_HOST=unix://$engine/run/docker.sock
export DOCKER_HOST

# ------------------------------------------------------ records of each builder

is 'records here' same_lines "$(told)" "$here_before"
is 'records there, as a builder' same_lines "$(told --builder second)" "$there_before"
is 'records there, as a context' same_lines "$(told --context second)" "$there_before"

# An image would hold its layers.
docker --context second image rm -f bilge-lab-api >/dev/null 2>&1
mount() { docker --context second buildx du --verbose | grep -c 'exec.cachemount'; }
is 'a cache mount there' [ "$(mount)" -eq 1 ]
run prune --builder second --type exec.cachemount --yes --json
is 'prune there by type: exit 0' exits 0
is 'prune there by type: one' [ "$("$json" each items id <"$tmp/out" | wc -l)" -eq 1 ]
is 'prune there by type: gone' [ "$(mount)" -eq 0 ]
is 'prune there by type: the others stay' [ "$(ids --context second | wc -l)" -eq $(($(echo "$there_before" | wc -l) - 1)) ]
is 'prune there by type: all is here' same_lines "$(ids)" "$here_before"

one=$(docker --context second buildx du --verbose | awk '/^ID:/ { id = $2 } /head -c 300000/ { print id; exit }')
run prune --builder second --id "$one" --yes
is 'prune there by id: exit 0' exits 0
is 'prune there by id: gone' [ "$(ids --context second | grep -c "^$one\$")" -eq 0 ]
is 'prune there by id: all is here' same_lines "$(ids)" "$here_before"
run prune --id "$one" --yes
is 'an id of there, here: exit 2' exits 2

run --builder second build --json api
is 'a build by the builder of that name: exit 0' exits 0
is 'there, not here' has_image --context second
docker --context second image rm -f bilge-lab-api >/dev/null 2>&1
run --context second prune --records --yes --json
is 'prune in the context: exit 0' exits 0
is 'prune in the context: freed' [ "$(value freed)" -gt 300000 ]
left=$(docker --context second buildx du --verbose | grep -c 'head -c 300000')
is 'prune in the context: gone' [ "$left" -eq 0 ]
is 'prune in the context: all is here' same_lines "$(ids)" "$here_before"
is 'and the image' has_image

stop_second
run status --json
is 'the other one is gone: exit 0' exits 0
is 'the other one is gone: said' [ "$("$json" each builders name reachable <"$tmp/out" | grep -c '^second	false')" -eq 1 ]
is 'the other one is gone: this one answers' equals builders.0.reachable true
finish
