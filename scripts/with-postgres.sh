#!/usr/bin/env bash
# Runs a command with a temporary PostgreSQL server: an empty cluster on a free loopback port, deleted afterwards.
#
#   scripts/with-postgres.sh COMMAND [ARGUMENT…]
#
# REMORA_TEST_POSTGRES contains the address of a database with permission to create others.
set -euo pipefail

for directory in "" $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V -r); do
    if [ -x "${directory:+$directory/}initdb" ] || { [ -z "$directory" ] && command -v initdb >/dev/null 2>&1; }; then
        binaries=${directory:+$directory/}
        break
    fi
done
[ -n "${binaries+set}" ] || { echo "with-postgres: no PostgreSQL server; run scripts/setup.sh test" >&2; exit 2; }

# The server refuses to run as root.
as_owner=()
if [ "$(id -u)" -eq 0 ]; then
    id postgres >/dev/null 2>&1 || { echo "with-postgres: no user postgres to run the server as" >&2; exit 2; }
    as_owner=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi

cluster=$(mktemp -d)
finish() {
    status=$?
    [ -z "${server:-}" ] || { kill -QUIT "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
    if [ "$status" -ne 0 ]; then
        echo "--- last lines of the PostgreSQL log" >&2
        tail -n 20 "$cluster/log" >&2 2>/dev/null || true
    fi
    rm -rf "$cluster"
    exit "$status"
}
trap finish EXIT
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '%s\n' "$password" >"$cluster/password"
: >"$cluster/log"
[ ${#as_owner[@]} -eq 0 ] || chown -R postgres: "$cluster"
cd "$cluster"
"${as_owner[@]}" "${binaries}initdb" --pgdata="$cluster/data" --username=remora --pwfile="$cluster/password" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync >>"$cluster/log"
cd "$OLDPWD"

# A port cannot be reserved for another process, so several are tried.
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
for _ in $(seq 20); do
    port=$((20000 + RANDOM % 12000))
    answers "$port" && continue
    "${as_owner[@]}" "${binaries}postgres" -D "$cluster/data" -p "$port" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories= -c max_connections=200 >>"$cluster/log" 2>&1 &
    server=$!
    until ! kill -0 "$server" 2>/dev/null || grep -q 'ready to accept connections' "$cluster/log"; do sleep 0.05; done
    kill -0 "$server" 2>/dev/null && break
    server=
done
[ -n "${server:-}" ] || { echo "with-postgres: the server did not start" >&2; exit 2; }
REMORA_TEST_POSTGRES=postgres://remora:$password@127.0.0.1:$port/postgres "$@"
