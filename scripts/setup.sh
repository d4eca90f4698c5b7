#!/usr/bin/env bash
# Installs the missing requirements of building, running or testing Remora, and prints each one with its purpose.
# Idempotent, and quick when nothing is missing.
#
#   scripts/setup.sh run     requirements of `make demo` and `make build`
#   scripts/setup.sh test    also the requirements of `make test` and the benchmarks
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
want nasm "assembles the fast routines of the video encoder" nasm
want libvulkan1 "loads the graphics driver"
have_vulkan_driver || want mesa-vulkan-drivers "renders on the processor if there is no graphics card"
if [ "$purpose" = test ]; then
    want chromium "tests open the page in a real browser" chromium
    have_postgres_server || want postgresql "tests run the store on a temporary PostgreSQL"
    want iproute2 "tests use the service from a second machine, in network namespaces" ip
    want nftables "the second machine of tests drops packets as some networks do" nft
    want libnss3-tools "the browser of the second machine trusts the certificate of the service" certutil
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

# rust-toolchain.toml names the compiler and its components; rustup installs the compiler when cargo is first called.
if [ "$purpose" = test ] && command -v rustup >/dev/null 2>&1; then
    installed=$(rustup component list --installed)
    for component in rustfmt clippy; do
        grep -q "^$component" <<<"$installed" || {
            echo "setup: rustup component add $component: \`make lint\` runs it"
            rustup component add "$component"
        }
    done
fi

deny=0.20.2
if [ "$purpose" = test ] && [ "$(target/tools/bin/cargo-deny --version 2>/dev/null)" != "cargo-deny $deny" ]; then
    echo "setup: cargo install cargo-deny $deny: checks licences and sources of dependencies; takes a minute or two"
    cargo install --quiet --locked --debug --no-default-features --root target/tools "cargo-deny@$deny" ||
        echo "setup: cargo-deny cannot be installed; dependencies are not checked"
fi

# Tests obtain certificates from Pebble, the test authority of Let's Encrypt. Without Go they are skipped with a message.
pebble=2.10.3
if [ "$purpose" = test ] && command -v go >/dev/null 2>&1 &&
    ! go version -m target/tools/pebble 2>/dev/null | grep -q "pebble/v2[[:space:]]v$pebble"; then
    echo "setup: go install pebble $pebble: tests obtain certificates from it"
    mkdir -p target/tools
    GOBIN=$PWD/target/tools go install "github.com/letsencrypt/pebble/v2/cmd/pebble@v$pebble" ||
        echo "setup: Pebble cannot be installed; tests of ACME are skipped"
fi

# npm runs only when the lock file is newer than the installed packages.
if [ ! -e web/node_modules/.package-lock.json ] || [ web/package-lock.json -nt web/node_modules/.package-lock.json ]; then
    echo "setup: npm ci: builds the web page"
    (cd web && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json)
fi
