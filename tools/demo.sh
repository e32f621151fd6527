#!/usr/bin/env bash
# Builds the programs and plays the demo on a fresh store: demo.sh sqlite|etcd.
set -euo pipefail
cd "$(dirname "$0")/.."

store=${1:-sqlite}
case $store in
sqlite) tools/deps.sh build ;;
etcd) tools/deps.sh build etcd ;;
*) echo "STORE is sqlite or etcd, not $store" >&2 && exit 2 ;;
esac

cargo=${CARGO:-cargo}
"$cargo" build --locked --workspace --bins --example demo
demo=${CARGO_TARGET_DIR:-target}/debug/examples/demo
dir=$(mktemp -d -t block-ipam-demo.XXXXXX)
trap 'rm -rf "$dir"' EXIT
if [[ $store == sqlite ]]; then
    "$demo" "sqlite:$dir/ipam.db" "$dir"
    exit
fi
# shellcheck disable=SC2016 # The inner shell expands them, with the settings of the cluster.
test-env/cluster.sh run -- bash -euo pipefail -c '
    "$1" "etcd:$ETCD_ENDPOINTS" "$2"
    echo
    echo "\$ etcdctl get --prefix /calico/ --keys-only | head"
    ETCDCTL_API=3 etcdctl --endpoints "$ETCD_ENDPOINTS" get --prefix /calico/ --keys-only | grep . | sed -n 1,10p
' demo "$demo" "$dir"
