#!/usr/bin/env bash
# Builds ipamctl as it would be shipped and measures it on a fresh etcd with a million addresses: bench-ctl.sh [PROFILE].
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${1:-dist}
tools/deps.sh build etcd
"${CARGO:-cargo}" build --locked --profile "$profile" -p ipamctl --bin ipamctl --example large
test-env/cluster.sh run -- "${CARGO_TARGET_DIR:-target}/$profile/examples/large"
