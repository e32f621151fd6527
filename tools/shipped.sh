#!/usr/bin/env bash
# Checks that a built plugin is what docs/cni.md says of the one that is shipped: shipped.sh PLUGIN.
# What it links, which glibc it needs, and that a bug in it is a CNI error.
set -euo pipefail
cd "$(dirname "$0")/.."

plugin=$1

fail() {
    echo "shipped.sh: $plugin: $1" >&2
    exit 1
}

# `ld.so --list` names what the loader maps: the C library's own parts and the compiler's, nothing else.
others=$(ldd "$plugin" | awk '{print $1}' | grep -vE '^(linux-vdso|libc|libm|libgcc_s)\.so\.|/ld-linux' || true)
[[ -z $others ]] || fail "it links ${others//$'\n'/, }"

said=$(grep -oE 'glibc [0-9]+\.[0-9]+ or newer' docs/cni.md | grep -oE '[0-9]+\.[0-9]+')
needed=$(grep -aoE 'GLIBC_[0-9]+\.[0-9]+' "$plugin" | cut -d _ -f 2 | sort -uV | tail -n 1)
newest=$(printf '%s\n' "$said" "$needed" | sort -V | tail -n 1)
[[ $newest == "$said" ]] || fail "it needs glibc $needed, and docs/cni.md says $said"

# With four open files there is none left for the timers of its runtime: a bug as good as any.
reply=$(
    ulimit -n 4
    CNI_COMMAND=ADD CNI_CONTAINERID=shipped CNI_NETNS=/absent CNI_IFNAME=eth0 "$plugin" </dev/null 2>/dev/null
) && fail "a bug was a success"
[[ $reply == *'"cniVersion"'*'"code": 999'*'bug in block-ipam'* ]] || fail "a bug is no CNI error: $reply"

echo "$plugin: needs glibc $needed"
