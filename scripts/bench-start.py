#!/usr/bin/env python3
"""Measures PUT to Ready with and without an idle host, the memory of an idle host, and the time until a killed host
is an Error.

    make bench-start

Runs against the Remora of REMORA_CONNECTION, which keeps one Standard host idle and is on this machine.
"""

import http.client
import json
import os
import re
import signal
import ssl
import statistics
import time
from pathlib import Path

SESSIONS = int(os.environ.get("SESSIONS", "20"))
connection_file = Path(os.environ["REMORA_CONNECTION"])
connection = json.loads(connection_file.read_text())
hosts = connection_file.parent / "hosts"
account = connection["accountId"]
tls = ssl.create_default_context(cafile=connection["caFile"])
api = http.client.HTTPSConnection(connection["accountDomain"], context=tls)


def call(method, path, authorization, body=None):
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    api.request(method, f"/accounts/{account}/{path}", body, headers)
    answer = api.getresponse()
    text = answer.read().decode()
    return answer.status, json.loads(text) if text else None


def idle_hosts():
    """Returns the logs of idle hosts that are ready."""
    logs = [log for log in hosts.glob("*.log") if log.with_suffix(".json").exists()]
    texts = [(log, log.read_text()) for log in logs]
    return [log for log, text in texts if " ready handshake_port" in text and "assigned to this session" not in text]


def running():
    return {path.stem: json.loads(path.read_text())["pid"] for path in hosts.glob("*.json")}


def wait(what, condition):
    deadline = time.monotonic() + 60
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within a minute")
        time.sleep(0.005)
    return found


token = "Bearer " + call("GET", "token", f"Bearer {account}:{connection['accountKey']}")[1]["AccessToken"]


def session(name):
    return call("GET", f"sessions/{name}?api-version=2021-01-01", token)[1]


def start(name, size):
    """Creates a session and returns the milliseconds from PUT to Ready."""
    begun = time.perf_counter()
    body = json.dumps({"maxLeaseTimeMinutes": 10, "size": size})
    status, answer = call("PUT", f"sessions/{name}?api-version=2021-01-01", token, body)
    assert status == 201, answer
    wait("Ready", lambda: session(name)["status"] == "Ready")
    return (time.perf_counter() - begun) * 1000


def stop(name):
    call("POST", f"sessions/{name}/:stop?api-version=2021-01-01", token, "")


def row(what, values, unit="ms"):
    values = sorted(values)
    p95 = values[min(len(values) - 1, len(values) * 95 // 100)]
    print(f"| {what} | {len(values)} | {statistics.median(values):.1f} {unit} | {p95:.1f} {unit} |", flush=True)


warm, memory = [], []
for number in range(SESSIONS):
    log = wait("an idle host", idle_hosts)[0]
    # The service learns that the host is ready with the next report.
    time.sleep(1.2)
    pid = running()[log.stem]
    memory.append(int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1]) / 1024)
    warm.append(start(f"warm-{number}", "Standard"))
    wait("the host's session", lambda: f"warm-{number}\"" in log.read_text())
    stop(f"warm-{number}")
cold, killed = [], []
for number in range(SESSIONS):
    before = set(running())
    cold.append(start(f"cold-{number}", "Premium"))
    [host] = [host for host in set(running()) - before if f"cold-{number}\"" in (hosts / f"{host}.log").read_text()]
    begun = time.perf_counter()
    os.kill(running()[host], signal.SIGKILL)
    wait("Error", lambda: session(f"cold-{number}")["status"] == "Error")
    killed.append((time.perf_counter() - begun) * 1000)

print("| | times | median | p95 |\n|---|---|---|---|")
row("`PUT` to Ready, an idle host exists", warm)
row("`PUT` to Ready, a host must be started", cold)
row("host killed to status Error", killed)
row("memory of an idle host (proportional set)", memory, "MiB")
