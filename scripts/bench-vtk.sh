#!/usr/bin/env bash
# Measures VTK's off-screen renderer with the same models, in a virtual environment.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=target/vtk
if [ ! -e "$environment/bin/python" ]; then
    echo "bench-vtk: installing VTK from PyPI into $environment" >&2
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check vtk==9.6.*
fi
exec "$environment/bin/python" scripts/bench-vtk.py "$@"
