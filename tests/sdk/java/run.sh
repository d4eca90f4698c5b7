#!/usr/bin/env bash
# Runs the official Java SDK, unmodified, over TLS against the Remora of REMORA_CONNECTION. Prints the reason and skips the
# tests if Java or Maven is not installed or Maven Central cannot be reached.
#
#   UP="--config tests/sdk/remora.toml" scripts/with-remora.sh EXECUTABLE tests/sdk/java/run.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${REMORA_CONNECTION:?names the connection.json of a running remora}"
build=$(mkdir -p "$here/../../../target/sdk-java" && cd "$here/../../../target/sdk-java" && pwd)
skip() { echo "java SDK: skipped: $1"; exit 0; }

for tool in java keytool mvn; do
    command -v "$tool" >/dev/null 2>&1 || skip "$tool is not installed"
done
mvn --quiet --batch-mode --file "$here/pom.xml" -DbuildDirectory="$build" test-compile >"$build/compile.log" 2>&1 || {
    grep -q 'Could not transfer artifact\|Unknown host\|cannot access central' "$build/compile.log" \
        && skip "Maven Central cannot be reached"
    cat "$build/compile.log" >&2
    exit 1
}

of() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$REMORA_CONNECTION" "$1"; }
export REMORA_ENDPOINT=$(of endpoint) REMORA_STS_ENDPOINT=$(of stsEndpoint) REMORA_ACCOUNT_DOMAIN=$(of accountDomain)
export REMORA_ACCOUNT_ID=$(of accountId) REMORA_ACCOUNT_KEY=$(of accountKey)
trust_store=$build/trust.p12
rm -f "$trust_store"
keytool -importcert -noprompt -alias remora -file "$(of caFile)" -keystore "$trust_store" -storepass changeit 2>/dev/null
exec mvn --batch-mode --file "$here/pom.xml" -DbuildDirectory="$build" -DtrustStore="$trust_store" test
