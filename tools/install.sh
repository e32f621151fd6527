#!/usr/bin/env bash
# Installs the built programs: install.sh PROFILE CNI_BIN_DIR BIN_DIR CNI_CONF_DIR SYSTEMD_DIR RUN_FROM.
# RUN_FROM is where BIN_DIR will be once a staged installation is in its place; the units name it.
# The units are not enabled: `systemctl enable --now block-ipam-gc.timer` does it.
# Each file is written beside its place and renamed over it, so that a runtime never starts half a plugin.
# The sample configuration ends in .sample: runtimes do not read it, and a network in use is never changed.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=$1 cni_bin_dir=$2 bin_dir=$3 cni_conf_dir=$4 systemd_dir=$5 run_from=$6
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

units=$(mktemp -d)
sed "s|@BIN_DIR@|$run_from|" packaging/systemd/block-ipam-gc.service >"$units/block-ipam-gc.service"
place 0644 "$units/block-ipam-gc.service" "$systemd_dir" block-ipam-gc.service
place 0644 packaging/systemd/block-ipam-gc.timer "$systemd_dir" block-ipam-gc.timer
rm -r "$units"
