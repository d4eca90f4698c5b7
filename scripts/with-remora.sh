#!/usr/bin/env bash
# Runs a command with a temporary Remora: free ports and an empty data directory, deleted afterwards.
#
#   scripts/with-remora.sh EXECUTABLE COMMAND [ARGUMENT…]
#
# REMORA_CONNECTION contains the path of connection.json, REMORA_EXECUTABLE that of EXECUTABLE. UP contains further
# arguments of `remora up`.
set -euo pipefail
executable=$1
shift
data=$(mktemp -d)
log=$data/up.log
finish() {
    status=$?
    if [ -n "${up:-}" ]; then
        kill -TERM "$up" 2>/dev/null || true
        wait "$up" 2>/dev/null || true
    fi
    if [ "$status" -ne 0 ]; then
        echo "--- log of remora up" >&2
        tail -n 60 "$log" >&2 || true
        for host in "$data"/data/hosts/*.log; do
            [ -e "$host" ] && { echo "--- $(basename "$host")" >&2; tail -n 30 "$host" >&2; }
        done
    fi
    rm -rf "$data"
    exit "$status"
}
trap finish EXIT

# shellcheck disable=SC2086
"$executable" up --data-dir "$data/data" --https 127.0.0.1:0 --http 127.0.0.1:0 ${UP:-} >"$log" 2>&1 &
up=$!
for _ in $(seq 300); do
    [ -e "$data/data/connection.json" ] && break
    kill -0 "$up" 2>/dev/null || { echo "remora up ended before it was ready" >&2; exit 1; }
    sleep 0.1
done
[ -e "$data/data/connection.json" ] || { echo "remora up was not ready within 30 s" >&2; exit 1; }
REMORA_CONNECTION=$data/data/connection.json REMORA_EXECUTABLE=$(realpath "$executable") "$@"
