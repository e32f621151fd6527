#!/usr/bin/env bash
# A real etcd of one or three members on loopback, from local binaries, for machines without docker.
set -euo pipefail

usage() {
    cat >&2 <<'USAGE'
cluster.sh start [--dir DIR] [--members 1|3] [--tls] [--port FIRST]   starts, waits for health, prints the settings of a client
cluster.sh stop --dir DIR                                             ends the members and removes DIR
cluster.sh run [the options of start] -- COMMAND..                    starts, runs COMMAND with the settings, stops

The settings are lines `export NAME=VALUE`: eval "$(test-env/cluster.sh start)".
DIR/pids has the members' process ids. Without --port free ports are taken, without --dir a new temporary folder.
USAGE
    exit 2
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
verb=${1:-}
[[ $verb == start || $verb == stop || $verb == run ]] || usage
shift
dir='' members=1 tls=no port=''
while (($#)); do
    case $1 in
    --dir) dir=${2:?--dir needs a folder} && shift 2 ;;
    --members) members=${2:?--members needs a number} && shift 2 ;;
    --port) port=${2:?--port needs a number} && shift 2 ;;
    --tls) tls=yes && shift ;;
    --) shift && break ;;
    *) usage ;;
    esac
done
[[ $members == 1 || $members == 3 ]] || usage
[[ $verb != run || $# -gt 0 ]] || usage
[[ $verb == run || $# -eq 0 ]] || usage

fail() {
    echo "cluster.sh: $1" >&2
    exit 1
}

in_use() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Sets `first` to the first of 2 * members neighbouring free ports, below the range that clients get theirs from.
choose_ports() {
    local candidate
    if [[ -n $port ]]; then
        first=$port
        return
    fi
    first=$((10000 + RANDOM % 20000))
    for ((candidate = first; candidate < first + 2 * members; candidate++)); do
        if in_use "$candidate"; then
            choose_ports
            return
        fi
    done
}

scheme() { [[ $tls == yes ]] && echo https || echo http; }
client_url() { echo "$(scheme)://127.0.0.1:$((first + 2 * $1))"; }
peer_url() { echo "$(scheme)://127.0.0.1:$((first + 2 * $1 + 1))"; }

endpoints() {
    local i urls=()
    for ((i = 0; i < members; i++)); do urls+=("$(client_url "$i")"); done
    (IFS=, && echo "${urls[*]}")
}

initial_cluster() {
    local i peers=()
    for ((i = 0; i < members; i++)); do peers+=("m$i=$(peer_url "$i")"); done
    (IFS=, && echo "${peers[*]}")
}

tls_flags() {
    [[ $tls == yes ]] || return 0
    local certs=$dir/certs
    printf '%s\n' --client-cert-auth --trusted-ca-file="$certs/ca.crt" --cert-file="$certs/server.crt" --key-file="$certs/server.key" \
        --peer-client-cert-auth --peer-trusted-ca-file="$certs/ca.crt" --peer-cert-file="$certs/server.crt" --peer-key-file="$certs/server.key"
}

# Starts member $1. The environment is emptied: etcd would take a client's ETCD_* settings for its own.
start_member() {
    local i=$1 flags=()
    mapfile -t flags < <(tls_flags)
    env -i PATH="$PATH" etcd --name "m$i" --data-dir "$dir/m$i" --logger zap --log-outputs stderr \
        --listen-client-urls "$(client_url "$i")" --advertise-client-urls "$(client_url "$i")" \
        --listen-peer-urls "$(peer_url "$i")" --initial-advertise-peer-urls "$(peer_url "$i")" \
        --initial-cluster "$(initial_cluster)" --initial-cluster-token "$(basename "$dir")" \
        --auto-compaction-mode periodic --auto-compaction-retention 1h --quota-backend-bytes 8589934592 \
        "${flags[@]}" </dev/null >"$dir/m$i.log" 2>&1 &
    echo "$!" >>"$dir/pids"
    disown "$!"
}

healthy() {
    local flags=()
    [[ $tls == no ]] || flags=(--cacert "$dir/certs/ca.crt" --cert "$dir/certs/client.crt" --key "$dir/certs/client.key")
    env -i PATH="$PATH" ETCDCTL_API=3 etcdctl --endpoints "$(endpoints)" "${flags[@]}" --dial-timeout 1s --command-timeout 2s \
        endpoint health >/dev/null 2>&1
}

# A process id of ours may have been given to another program since: only an etcd of this folder counts.
is_member() { { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null | grep -q -F -- "--data-dir $dir/"; }

any_member() {
    local pid
    while read -r pid; do
        is_member "$pid" && return 0
    done <"$dir/pids"
    return 1
}

# Whether every child that was just started still runs.
all_run() {
    local pid
    while read -r pid; do
        kill -0 "$pid" 2>/dev/null || return 1
    done <"$dir/pids"
}

# Ends the members. Their data goes too, so there is nothing to close in good order.
kill_members() {
    local pid
    while read -r pid; do
        ! is_member "$pid" || kill -KILL "$pid" 2>/dev/null || true
    done <"$dir/pids"
    wait_for 100 gone || fail "members in $dir do not end"
}

wait_for() {
    local tries=$1
    shift
    until "$@"; do
        ((tries-- > 0)) || return 1
        sleep 0.1
    done
}

settled() { healthy || ! all_run; }
gone() { ! any_member; }

# Ends the members and removes what `start` made, but nothing else that may stand in the folder.
stop() {
    [[ -f $dir/pids ]] || fail "no cluster in $dir"
    kill_members
    rm -rf "$dir"/m[0-2] "$dir"/m[0-2].log "$dir/certs" "$dir/pids"
    rmdir --ignore-fail-on-non-empty "$dir"
}

try_to_start() {
    local i
    choose_ports
    : >"$dir/pids"
    [[ $tls == no ]] || "$here/certs.sh" "$dir/certs"
    for ((i = 0; i < members; i++)); do start_member "$i"; done
    wait_for 300 settled && healthy
}

start() {
    local try
    command -v etcd >/dev/null || fail "etcd is missing: make deps"
    command -v etcdctl >/dev/null || fail "etcdctl is missing: make deps"
    if [[ -n $dir ]]; then
        mkdir -p "$dir"
        dir=$(cd "$dir" && pwd)
    else
        dir=$(mktemp -d -t etcd-cluster.XXXXXX)
    fi
    [[ ! -e $dir/pids ]] || fail "$dir has a cluster already: cluster.sh stop --dir $dir"
    # Another program may take a free port between the look and the start.
    for try in 1 2 3; do
        try_to_start && return 0
        if [[ -n $port || $try == 3 ]] || ! grep -q -s 'address already in use' "$dir"/m*.log; then
            break
        fi
        kill_members
        rm -rf "$dir"/m[0-2] "$dir"/m[0-2].log
    done
    tail -n 3 "$dir"/m*.log >&2
    stop
    fail "etcd did not become healthy"
}

settings() {
    local certs=$dir/certs
    echo "export ETCD_ENDPOINTS=$(endpoints)"
    [[ $tls == no ]] || printf 'export %s\n' "ETCD_CA_CERT_FILE=$certs/ca.crt" "ETCD_CERT_FILE=$certs/client.crt" "ETCD_KEY_FILE=$certs/client.key"
}

case $verb in
start)
    start
    settings
    echo "# process ids: $dir/pids; stop: $0 stop --dir $dir"
    ;;
stop)
    [[ -d $dir ]] || fail "stop needs --dir with the folder of a cluster"
    dir=$(cd "$dir" && pwd)
    stop
    ;;
run)
    trap '[[ ! -f ${dir:-/nowhere}/pids ]] || stop' EXIT
    trap 'exit 130' INT TERM
    start
    eval "$(settings)"
    "$@"
    ;;
esac
