#!/usr/bin/env bash
# Runs the official Python SDK, unmodified, over TLS against the Remora of REMORA_CONNECTION.
#
#   UP="--config tests/sdk/remora.toml" scripts/with-remora.sh EXECUTABLE tests/sdk/python/run.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
environment=$here/../../../target/sdk-python
: "${REMORA_CONNECTION:?names the connection.json of a running remora}"

# Installation and program are taken from the document, so that these tests run exactly what it describes.
document=$here/../../../docs/azure-remote-rendering.md
install=$(sed -n 's|^    remora-sdk/bin/pip install ||p' "$document")
[ -n "$install" ] || { echo "$document does not say how to install the SDK" >&2; exit 1; }

if [ "$install" != "$(cat "$environment/installed.txt" 2>/dev/null)" ]; then
    rm -rf "$environment"
    python3 -m venv "$environment"
    # shellcheck disable=SC2086
    "$environment/bin/pip" install --quiet --disable-pip-version-check $install
    echo "$install" >"$environment/installed.txt"
fi
sed -n '/^```python$/,/^```$/{/^```/d;p}' "$document" >"$environment/recipe.py"
"$environment/bin/python" "$environment/recipe.py" "$REMORA_CONNECTION" | grep -F Ready
# Software that was written for Azure needs no other change than the address and a certificate to trust.
ca_file=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["caFile"])' "$REMORA_CONNECTION")
export REQUESTS_CA_BUNDLE=$ca_file SSL_CERT_FILE=$ca_file
# The asynchronous SDK never closes the connection of its token client.
exec "$environment/bin/python" -W ignore::ResourceWarning -m unittest discover --start-directory "$here" --verbose
