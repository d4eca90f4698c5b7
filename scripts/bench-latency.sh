#!/usr/bin/env bash
# Measures the time from an input event in a real browser to the first presented frame that shows it, and the frame rate
# while orbiting. Host and browser run on this machine.
#
#   make bench-latency                              the built-in engine
#   make bench-latency MODELS="a.glb b.glb"         also these files
#   make bench-latency COUNT=40 SINK=video          fewer inputs, another way to show the video
#   make bench-latency NETWORK=tcp-only             a network that blocks UDP
set -euo pipefail
cd "$(dirname "$0")/.."
count=${COUNT:-100}
arguments=()
for model in ${MODELS:-}; do
    arguments+=(--model "$(realpath "$model")")
done
measure() { node web/bench/latency.mjs "$REMORA_CONNECTION" "$1" "$count" ${SINK:+--sink "$SINK"} ${NETWORK:+--network "$NETWORK"}; }
if [ -z "${REMORA_CONNECTION:-}" ]; then
    UP="${arguments[*]-}" exec scripts/with-remora.sh target/release/remora "$0"
fi
echo "machine: $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1); load $(cut -d' ' -f1-3 /proc/loadavg); $(date -I)"
measure "${ENGINE:-builtin://Engine?triangles=200000}"
for model in ${MODELS:-}; do
    measure "file://$(realpath "$model")"
done
