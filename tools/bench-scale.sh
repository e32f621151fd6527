#!/usr/bin/env bash
# Builds examples/scale as it would be shipped and runs it on a fresh etcd: bench-scale.sh [--record], which writes docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/deps.sh build etcd
"${CARGO:-cargo}" build --locked --profile dist --example scale
test-env/cluster.sh run -- "${CARGO_TARGET_DIR:-target}/dist/examples/scale" "$@"
