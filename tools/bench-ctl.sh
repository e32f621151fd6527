#!/usr/bin/env bash
# Builds ipamctl as it would be shipped and measures it on a fresh etcd with a million addresses: bench-ctl.sh PROFILE [--record],
# which writes docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${1:-dist}
shift || true
tools/deps.sh build etcd
"${CARGO:-cargo}" build --locked --profile "$profile" -p ipamctl --bin ipamctl --example large
built=$profile
[[ $profile != dev ]] || built=debug
test-env/cluster.sh run -- "${CARGO_TARGET_DIR:-target}/$built/examples/large" "$@"
