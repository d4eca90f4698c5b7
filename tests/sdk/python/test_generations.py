"""Runs one scenario through both generations of the API, with the standard library only, and compares the results."""

import json
import time
import unittest
import urllib.error
import urllib.request

from connection import CONNECTION, CONTEXT, READY_SECONDS_MAX, access_token, new_id

ACCOUNT = CONNECTION["accountId"]
VERSION = "api-version=2021-01-01"


def ask(method, path, authorization, body=None):
    """Sends a request; returns the status, the headers, and the JSON, which is None without a body."""
    request = urllib.request.Request(
        CONNECTION["endpoint"] + path,
        method=method,
        data=body.encode() if body is not None else None,
        headers={"Authorization": f"Bearer {authorization}", "Content-Type": "application/json"},
    )
    try:
        answer = urllib.request.urlopen(request, context=CONTEXT)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        text = answer.read().decode()
        return answer.status, answer.headers, json.loads(text) if text else None


class First:
    """API v1, in the form of the scripts of 2019."""

    def __init__(self, token):
        self.token = token
        self.sessions = f"/v1/accounts/{ACCOUNT}/sessions"

    def create(self, minutes):
        body = f"{{ 'maxLeaseTime': '0:{minutes}:0', 'models': [], 'size': 'small' }}"
        status, _, made = ask("POST", f"{self.sessions}/create/", self.token, body)
        return status, made and made.get("sessionId")

    def get(self, session_id):
        status, _, found = ask("GET", f"{self.sessions}/{session_id}/properties", self.token)
        if status != 200:
            return status, None
        return status, {
            "id": found["sessionId"],
            "status": found["sessionStatus"],
            "size": found["sessionSize"],
            "hostname": found["sessionHostname"],
            "ports": (found["arrInspectorPort"], found["handshakePort"]),
            "lease": found["sessionMaxLeaseTime"],
        }

    def extend(self, session_id, minutes):
        return ask("PATCH", f"{self.sessions}/{session_id}", self.token, f"{{ 'maxLeaseTime': '0:{minutes}:0' }}")[0]

    def stop(self, session_id):
        return ask("DELETE", f"{self.sessions}/{session_id}", self.token)[0]

    def ids(self):
        return [found["sessionId"] for found in ask("GET", f"{self.sessions}/", self.token)[2]["sessions"]]


class Second:
    """API 2021-01-01."""

    def __init__(self, token):
        self.token = token
        self.sessions = f"/accounts/{ACCOUNT}/sessions"

    def create(self, minutes):
        session_id = new_id()
        body = json.dumps({"maxLeaseTimeMinutes": minutes, "size": "Standard"})
        status, _, _ = ask("PUT", f"{self.sessions}/{session_id}?{VERSION}", self.token, body)
        return status, session_id

    def get(self, session_id):
        status, _, found = ask("GET", f"{self.sessions}/{session_id}?{VERSION}", self.token)
        if status != 200:
            return status, None
        hours, minutes = divmod(found["maxLeaseTimeMinutes"], 60)
        return status, {
            "id": found["id"],
            "status": found["status"],
            "size": found["size"],
            "hostname": found.get("hostname"),
            "ports": (found.get("arrInspectorPort", 0), found.get("handshakePort", 0)),
            "lease": f"{hours:02}:{minutes:02}:00",
        }

    def extend(self, session_id, minutes):
        body = json.dumps({"maxLeaseTimeMinutes": minutes})
        return ask("PATCH", f"{self.sessions}/{session_id}?{VERSION}", self.token, body)[0]

    def stop(self, session_id):
        return ask("POST", f"{self.sessions}/{session_id}/:stop?{VERSION}", self.token, "")[0]

    def ids(self):
        found, path = [], f"{self.sessions}?{VERSION}"
        while path:
            page = ask("GET", path, self.token)[2]
            found += [session["id"] for session in page["sessions"]]
            path = page.get("@nextLink", "").removeprefix(CONNECTION["endpoint"])
        return found


class Generations(unittest.TestCase):
    def setUp(self):
        token = access_token().token
        self.generations = [First(token), Second(token)]

    def properties_in_both(self, session_id):
        first, second = (generation.get(session_id) for generation in self.generations)
        self.assertEqual(first, second)
        return first

    def run_scenario(self, by):
        """Returns the statuses, and the properties of the session at each step, which both generations report alike."""
        looks = []
        status, session_id = by.create(5)
        statuses = [status in (201, 202)]
        deadline = time.monotonic() + READY_SECONDS_MAX
        while True:
            status, found = by.get(session_id)
            self.assertEqual(status, 200)
            if found["status"] != "Starting":
                break
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        looks.append(self.properties_in_both(session_id))
        statuses.append(by.extend(session_id, 9))
        looks.append(self.properties_in_both(session_id))
        statuses.append(by.extend(session_id, 9))
        self.assertIn(session_id, self.generations[0].ids())
        self.assertEqual(*(generation.ids() for generation in self.generations))
        statuses.append(by.stop(session_id))
        looks.append(self.properties_in_both(session_id))
        self.assertNotIn(session_id, by.ids())
        statuses += [by.stop(session_id), by.extend(session_id, 10), by.get("none")[0], by.stop("none"), by.extend("none", 9)]
        for _, found in looks:
            self.assertEqual(found.pop("id"), session_id)
            if found["status"] == "Ready":
                self.assertTrue(all(49152 <= port <= 65534 for port in found.pop("ports")))
        return statuses, looks

    def test_both_generations_behave_alike(self):
        first, second = (self.run_scenario(generation) for generation in self.generations)
        self.assertEqual(first, second)
        statuses, looks = first
        self.assertEqual(statuses, [True, 200, 422, 204, 204, 422, 404, 404, 404])
        self.assertEqual([found["status"] for _, found in looks], ["Ready", "Ready", "Stopped"])
        self.assertEqual([found["lease"] for _, found in looks], ["00:05:00", "00:09:00", "00:09:00"])


if __name__ == "__main__":
    unittest.main()
