#!/usr/bin/env bash
# Builds what is shipped and measures it on a fresh etcd: bench.sh [--record], which writes docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/deps.sh build etcd bench
cargo=${CARGO:-cargo}
# What is measured is built as it is shipped, last and without what only examples need.
"$cargo" build --locked --profile dist --example floor --example bench
"$cargo" build --locked --workspace --profile dist --bins
built=${CARGO_TARGET_DIR:-target}/dist
dir=$(mktemp -d -t block-ipam-bench.XXXXXX)
# Hints lie in memory, as below /run on a node.
memory=/dev/shm
[[ -w $memory ]] || memory=$dir
run_dir=$(mktemp -d -p "$memory" block-ipam-run.XXXXXX)
export BLOCK_IPAM_RUN_DIR=$run_dir
trap 'rm -rf "$dir" "$run_dir"' EXIT
# shellcheck disable=SC2016 # The inner shell expands them, with the settings of the cluster.
test-env/cluster.sh run -- bash -euo pipefail -c '
    "$1/ipamctl" apply -f examples/bench/pools.yaml >/dev/null
    "$1/examples/bench" "$2" "${@:3}"
' bench "$built" "$dir" "$@"
