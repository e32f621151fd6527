#!/usr/bin/env bash
# Installs the built programs: install.sh PROFILE CNI_BIN_DIR BIN_DIR CNI_CONF_DIR.
# Each file is written beside its place and renamed over it, so that a runtime never starts half a plugin.
# The sample configuration ends in .sample: runtimes do not read it, and a network in use is never changed.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=$1 cni_bin_dir=$2 bin_dir=$3 cni_conf_dir=$4
target=${CARGO_TARGET_DIR:-target}
case $profile in
dev) built=$target/debug ;;
*) built=$target/$profile ;;
esac

# place MODE SOURCE DIR NAME
place() {
    local mode=$1 source=$2 dir=$3 name=$4 new
    install -d "$dir"
    new=$(mktemp "$dir/.$name.XXXXXX")
    trap 'rm -f "$new"' EXIT
    install -m "$mode" "$source" "$new"
    mv -f "$new" "$dir/$name"
    trap - EXIT
    echo "$dir/$name"
}

place 0755 "$built/block-ipam" "$cni_bin_dir" block-ipam
place 0755 "$built/ipamctl" "$bin_dir" ipamctl
place 0644 examples/cni/10-block-ipam.conflist "$cni_conf_dir" 10-block-ipam.conflist.sample
