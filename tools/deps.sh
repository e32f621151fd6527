#!/usr/bin/env bash
# Installs what is missing of the named sets, by apt-get as root; otherwise prints the line to run.
# Sets: build (etcd client), etcd (tests, demo and bench on a real store), lint, bench (a plugin to compare with, a counter of instructions),
# runtime (podman, containerd and Go: tests below real runtimes).
# Nothing here relies on a service: whatever a package enables, our etcd runs on ports of its own.
set -euo pipefail

include_dirs=(/usr/include /usr/local/include)
missing=()

# need COMMAND PACKAGE..: asks for the packages unless the command is there.
need() {
    local command=$1
    shift
    command -v "$command" >/dev/null || missing+=("$@")
}

# Go 1.21 and newer fetches the toolchain that a module asks for; Debian's package is older on some releases.
has_go() {
    local version
    version=$(go env GOVERSION 2>/dev/null) || return 1
    [[ $(printf '%s\n' go1.21 "$version" | sort -V | head -n 1) == go1.21 ]]
}

has_protobuf_includes() {
    local dir
    for dir in "${PROTOC_INCLUDE:-}" "${include_dirs[@]}"; do
        [[ -f $dir/google/protobuf/descriptor.proto ]] && return 0
    done
    return 1
}

collect() {
    case $1 in
    build)
        [[ -n ${PROTOC:-} ]] || need protoc protobuf-compiler
        has_protobuf_includes || missing+=(libprotobuf-dev)
        ;;
    etcd)
        need etcd etcd-server
        need etcdctl etcd-client
        ;;
    lint)
        need shellcheck shellcheck
        docker compose version >/dev/null 2>&1 || need docker-compose docker-compose
        ;;
    bench)
        [[ -x /usr/lib/cni/host-local ]] || missing+=(containernetworking-plugins)
        need valgrind valgrind
        ;;
    runtime)
        has_go || missing+=(golang-go)
        need ip iproute2
        need iptables iptables
        need busybox busybox-static
        need podman podman
        need conmon conmon
        need runc runc
        need containerd containerd
        ;;
    *)
        echo "deps.sh: unknown set $1 (build, etcd, lint, bench, runtime)" >&2
        exit 2
        ;;
    esac
}

for set in "$@"; do
    collect "$set"
done
if ((${#missing[@]} == 0)); then
    exit 0
fi

install=(apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}")
if ! command -v apt-get >/dev/null || ((EUID != 0)); then
    echo "Missing: ${missing[*]} (names of Debian's packages)." >&2
    echo "As root: apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
echo "installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
# The package lists of a fresh machine are empty or old: then they are fetched first.
"${install[@]}" </dev/null >&2 || {
    apt-get -q -o DPkg::Lock::Timeout=300 update </dev/null >&2
    "${install[@]}" </dev/null >&2
}

if [[ " $* " == *" runtime "* ]] && ! has_go; then
    echo "Go is older than 1.21: install it from https://go.dev/dl/, or apt-get install -t bookworm-backports golang-go" >&2
    exit 1
fi
