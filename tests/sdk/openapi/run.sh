#!/usr/bin/env bash
# Generates valid and invalid requests from the OpenAPI documents, sends them to the Remora of REMORA_CONNECTION, and checks
# the answers against the documents.
#
#   scripts/with-remora.sh EXECUTABLE tests/sdk/openapi/run.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
environment=$here/../../../target/sdk-openapi
: "${REMORA_CONNECTION:?names the connection.json of a running remora}"

if ! cmp -s "$here/requirements.txt" "$environment/installed.txt"; then
    rm -rf "$environment"
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$environment/installed.txt"
fi
of() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$REMORA_CONNECTION" "$1"; }
endpoint=$(of endpoint) ca_file=$(of caFile)
ACCOUNT_ID=$(of accountId) ACCOUNT_KEY=$(of accountKey)
TOKEN=$(SSL_CERT_FILE=$ca_file python3 - "$endpoint/accounts/$ACCOUNT_ID/token" "$ACCOUNT_ID:$ACCOUNT_KEY" <<'PYTHON'
import json, sys, urllib.request
request = urllib.request.Request(sys.argv[1], headers={"Authorization": f"Bearer {sys.argv[2]}"})
print(json.load(urllib.request.urlopen(request))["AccessToken"])
PYTHON
)
export ACCOUNT_ID ACCOUNT_KEY TOKEN
export REQUESTS_CA_BUNDLE=$ca_file SSL_CERT_FILE=$ca_file
for document in 2021-01-01 v1 accounts; do
    "$environment/bin/schemathesis" --config-file "$here/schemathesis.toml" run "$endpoint/openapi/$document.json" \
        --tls-verify "$ca_file" --phases examples,coverage,fuzzing --max-examples "${EXAMPLES:-40}" --no-shrink --warnings off
done
