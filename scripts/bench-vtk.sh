#!/usr/bin/env bash
# Measures VTK's off-screen renderer with the same models and poses, in a virtual environment.
#
#   make bench-vtk MODELS="a.glb b.glb"             GLB files
#   make bench-vtk MODELS=a.glb POSES=12            fewer poses, for a model that takes VTK seconds per frame
set -euo pipefail
cd "$(dirname "$0")/.."
environment=target/vtk
if [ ! -e "$environment/bin/python" ]; then
    echo "bench-vtk: installing VTK from PyPI into $environment" >&2
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check vtk==9.6.*
fi
frames=$(mktemp -d)
trap 'rm -rf "$frames"' EXIT
"$environment/bin/python" scripts/bench-vtk.py target/release/examples/motion_quality "${POSES:-30}" "$frames" "$@"
