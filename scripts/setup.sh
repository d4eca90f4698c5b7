#!/usr/bin/env bash
# Installs what building, running or testing Remora needs and this machine lacks. Says what and why before it does.
# Idempotent, and quick when nothing is missing.
#
#   scripts/setup.sh run     what `make demo` and `make build` need
#   scripts/setup.sh test    that, and what `make test` and the benchmarks need
set -euo pipefail
purpose=${1:-run}

packages=()
want() { # PACKAGE WHY [COMMAND-THAT-PROVES-IT]
    local package=$1 why=$2 proof=${3:-}
    if [ -n "$proof" ]; then
        command -v "$proof" >/dev/null 2>&1 && return
    else
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' && return
    fi
    echo "setup: needs $package: $why"
    packages+=("$package")
}

have_vulkan_driver() {
    ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json >/dev/null 2>&1 || [ -n "${VK_DRIVER_FILES:-}" ]
}

have_postgres_server() {
    command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}

want gcc "compiles the C libraries inside (video encoder, cryptography, SQLite)" gcc
want g++ "compiles the C++ libraries inside (video encoder, mesh optimiser)" g++
want nasm "makes the video encoder fast" nasm
want libvulkan1 "finds the graphics driver"
have_vulkan_driver || want mesa-vulkan-drivers "renders on the processor where there is no graphics card"
if [ "$purpose" = test ]; then
    want chromium "tests open the page in a real browser" chromium
    have_postgres_server || want postgresql "tests run the store on a throw-away PostgreSQL too"
    want iproute2 "tests use the service from a second machine, in network namespaces" ip
    want nftables "the second machine of tests drops what some networks drop" nft
    want libnss3-tools "the browser of the second machine trusts the service's certificate" certutil
    want coturn "tests relay video through a TURN server" turnserver
    want openssl "tests make certificates for that server" openssl
    want python3-venv "tests call the API with the official Python SDK"
fi

if [ ${#packages[@]} -gt 0 ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: install these with your system's package manager, then run this again: ${packages[*]}" >&2
        exit 2
    fi
    sudo=()
    [ "$(id -u)" -eq 0 ] || sudo=(sudo)
    echo "setup: apt-get install ${packages[*]}"
    "${sudo[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

for tool in cargo:https://rustup.rs node:https://nodejs.org npm:https://nodejs.org; do
    command -v "${tool%%:*}" >/dev/null 2>&1 || { echo "setup: ${tool%%:*} is missing; install it from ${tool#*:}" >&2; exit 2; }
done

# Tests obtain certificates from Pebble, the ACME authority of Let's Encrypt for tests. Without Go they say so.
pebble=2.10.3
if [ "$purpose" = test ] && command -v go >/dev/null 2>&1 &&
    ! go version -m target/tools/pebble 2>/dev/null | grep -q "pebble/v2[[:space:]]v$pebble"; then
    echo "setup: go install pebble $pebble: tests obtain certificates from it"
    mkdir -p target/tools
    GOBIN=$PWD/target/tools go install "github.com/letsencrypt/pebble/v2/cmd/pebble@v$pebble" ||
        echo "setup: Pebble cannot be had; tests of ACME are skipped"
fi

# npm is asked only when the lock file is newer than what is installed.
if [ ! -e web/node_modules/.package-lock.json ] || [ web/package-lock.json -nt web/node_modules/.package-lock.json ]; then
    echo "setup: npm ci: builds the web page"
    (cd web && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json)
fi
