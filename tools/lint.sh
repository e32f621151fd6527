#!/usr/bin/env bash
# Checks what cargo does not see: shell scripts, systemd units and the compose file. No docker engine is needed.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t scripts < <(git grep -lE '^#!.*\b(ba)?sh\b' -- ':!tests/golden')
if command -v shellcheck >/dev/null; then
    shellcheck --external-sources "${scripts[@]}"
    echo "shellcheck: ${#scripts[@]} scripts"
else
    echo "shellcheck is not installed: scripts only parsed" >&2
    for script in "${scripts[@]}"; do
        bash -n "$script"
    done
fi

if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
else
    compose=(docker-compose)
fi
profiles=(one three tls)
for profile in "${profiles[@]}"; do
    "${compose[@]}" --profile "$profile" -f test-env/etcd-compose.yml config -q
done
echo "compose: ${#profiles[@]} profiles"

if command -v systemd-analyze >/dev/null; then
    units=$(mktemp -d)
    trap 'rm -r "$units"' EXIT
    for unit in packaging/systemd/*; do
        # A unit is only sound where its program is there.
        sed 's|@BIN_DIR@/ipamctl|/bin/true|' "$unit" >"$units/${unit##*/}"
    done
    systemd-analyze verify "$units"/*
    echo "systemd: $(find "$units" -type f | wc -l) units"
else
    echo "systemd-analyze is not installed: units not checked" >&2
fi
