#!/usr/bin/env bash
# Runs the official Python SDK, unmodified, over TLS against the Remora of REMORA_CONNECTION.
#
#   UP="--config tests/sdk/remora.toml" scripts/with-remora.sh EXECUTABLE tests/sdk/python/run.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
environment=$here/../../../target/sdk-python
: "${REMORA_CONNECTION:?names the connection.json of a running remora}"

if ! cmp -s "$here/requirements.txt" "$environment/installed.txt"; then
    rm -rf "$environment"
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$environment/installed.txt"
fi
# The whole change for software that was written for Azure: an address, and a certificate to trust.
ca_file=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["caFile"])' "$REMORA_CONNECTION")
export REQUESTS_CA_BUNDLE=$ca_file SSL_CERT_FILE=$ca_file
# The asynchronous SDK never closes the connection of its token client.
exec "$environment/bin/python" -W ignore::ResourceWarning -m unittest discover --start-directory "$here" --verbose
