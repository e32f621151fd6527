#!/usr/bin/env bash
# Builds what the tests below real runtimes need, and runs them: `tools/runtime.sh [name of a test..]`.
# Go programs of others come as modules and are kept in a cache folder outside of the repository, one for each set of versions.
set -euo pipefail
cd "$(dirname "$0")/.."

cni=v1.3.1
plugins=v1.9.1

tools/deps.sh build etcd runtime

# Network namespaces, cgroups and mounts are the machine's.
if ((EUID != 0)); then
    echo 'The tests below real runtimes need root: sudo make test-runtime' >&2
    exit 1
fi

sum=$(cat tests/runtime/cri/* "$0" | sha256sum | cut -c 1-16)
tools=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/block-ipam/runtime-$sum
if [[ ! -e $tools/complete ]]; then
    mkdir -p "$tools"
    export GOBIN=$tools CGO_ENABLED=0 GOFLAGS=-trimpath
    go install "github.com/containernetworking/cni/cnitool@$cni"
    for plugin in main/bridge main/ptp main/loopback meta/portmap; do
        go install "github.com/containernetworking/plugins/plugins/$plugin@$plugins"
    done
    go build -C tests/runtime/cri -ldflags '-s -w' -o "$tools/cri" .
    touch "$tools/complete"
fi

cargo=${CARGO:-cargo}
$cargo build --locked --workspace --bins
BLOCK_IPAM_RUNTIME_TOOLS=$tools $cargo test --locked --test runtime -- "$@"
