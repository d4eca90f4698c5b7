#!/usr/bin/env bash
# Checks the licences, versions and sources of all dependencies, and known vulnerabilities where the database can be fetched.
set -euo pipefail
cd "$(dirname "$0")/.."
deny=target/tools/bin/cargo-deny
if [ ! -x $deny ]; then
    echo "deny: cargo-deny is not installed; dependencies are not checked"
    exit 0
fi
$deny --log-level error check licenses bans sources
if $deny --log-level off fetch db 2>/dev/null; then
    $deny --log-level error check --disable-fetch advisories
else
    echo "deny: the database of vulnerabilities cannot be fetched; they are not checked"
fi
