"""The official SDK against Remora: the life of a session, synchronously and asynchronously, and its errors."""

import asyncio
import json
import os
import unittest
import uuid

from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.mixedreality.remoterendering import (
    RemoteRenderingClient,
    RenderingSessionSize,
    RenderingSessionStatus,
)
from azure.mixedreality.remoterendering.aio import RemoteRenderingClient as AsyncRemoteRenderingClient

with open(os.environ["REMORA_CONNECTION"], encoding="utf-8") as file:
    CONNECTION = json.load(file)

PORTS = range(49152, 65535)
READY_SECONDS_MAX = 60


def arguments(key=None):
    return {
        "endpoint": CONNECTION["endpoint"],
        "account_id": CONNECTION["accountId"],
        "account_domain": CONNECTION["accountDomain"],
        "credential": AzureKeyCredential(key or CONNECTION["accountKey"]),
        "authentication_endpoint_url": CONNECTION["stsEndpoint"],
        "polling_interval": 0.2,
    }


def new_id():
    return f"sdk-{uuid.uuid4()}"


class Sessions(unittest.TestCase):
    def setUp(self):
        self.client = RemoteRenderingClient(**arguments())
        self.addCleanup(self.client.close)

    def test_a_session_lives(self):
        session_id = new_id()
        poller = self.client.begin_rendering_session(
            session_id=session_id, size=RenderingSessionSize.STANDARD, lease_time_minutes=5
        )
        session = poller.result(timeout=READY_SECONDS_MAX)
        self.assertEqual(session.status, RenderingSessionStatus.READY)
        self.assertEqual(session.id, session_id)
        self.assertEqual(session.size, RenderingSessionSize.STANDARD)
        self.assertEqual(session.lease_time_minutes, 5)
        self.assertEqual(session.elapsed_time_minutes, 0)
        self.assertTrue(session.hostname)
        self.assertIn(session.handshake_port, PORTS)
        self.assertIn(session.arr_inspector_port, PORTS)
        self.assertNotEqual(session.handshake_port, session.arr_inspector_port)
        self.assertGreater(session.teraflops, 0)
        self.assertIsNone(session.error)

        again = self.client.get_rendering_session(session_id)
        self.assertEqual(again.created_on, session.created_on)
        updated = self.client.update_rendering_session(session_id=session_id, lease_time_minutes=10)
        self.assertEqual(updated.lease_time_minutes, 10)
        self.assertIn(session_id, [listed.id for listed in self.client.list_rendering_sessions()])

        self.client.stop_rendering_session(session_id)
        stopped = self.client.get_rendering_session(session_id)
        self.assertEqual(stopped.status, RenderingSessionStatus.STOPPED)
        self.assertIsNone(stopped.hostname)
        self.assertNotIn(session_id, [listed.id for listed in self.client.list_rendering_sessions()])

    def test_a_poller_can_be_had_later(self):
        session_id = new_id()
        self.client.begin_rendering_session(session_id=session_id, size="Standard", lease_time_minutes=5)
        poller = self.client.get_rendering_session_poller(session_id=session_id)
        self.assertEqual(poller.result(timeout=READY_SECONDS_MAX).status, RenderingSessionStatus.READY)
        self.client.stop_rendering_session(session_id)

    def test_a_negative_lease_is_refused(self):
        with self.assertRaises(HttpResponseError) as caught:
            self.client.begin_rendering_session(session_id=new_id(), size="Standard", lease_time_minutes=-4)
        self.assertEqual(caught.exception.status_code, 400)
        self.assertEqual(caught.exception.error.code, "BadRequest")
        self.assertIn("lease", caught.exception.message.lower())
        self.assertIn("negative", caught.exception.message.lower())

    def test_other_settings_under_the_same_id_are_a_conflict(self):
        session_id = new_id()
        self.client.begin_rendering_session(session_id=session_id, size="Standard", lease_time_minutes=5)
        self.client.begin_rendering_session(session_id=session_id, size="Standard", lease_time_minutes=5)
        with self.assertRaises(HttpResponseError) as caught:
            self.client.begin_rendering_session(session_id=session_id, size="Standard", lease_time_minutes=6)
        self.assertEqual(caught.exception.status_code, 409)
        self.client.stop_rendering_session(session_id)

    def test_a_shorter_lease_is_refused(self):
        session_id = new_id()
        self.client.begin_rendering_session(session_id=session_id, size="Standard", lease_time_minutes=5)
        with self.assertRaises(HttpResponseError) as caught:
            self.client.update_rendering_session(session_id=session_id, lease_time_minutes=5)
        self.assertEqual(caught.exception.status_code, 422)
        self.client.stop_rendering_session(session_id)

    def test_a_session_that_nobody_has_is_not_found(self):
        with self.assertRaises(ResourceNotFoundError):
            self.client.get_rendering_session(new_id())

    def test_a_wrong_key_is_unauthorized(self):
        with RemoteRenderingClient(**arguments(key="d3Jvbmc=")) as client:
            with self.assertRaises(ClientAuthenticationError) as caught:
                client.get_rendering_session(new_id())
        self.assertEqual(caught.exception.status_code, 401)
        self.assertIn("Unauthorized", caught.exception.message)


class AsyncSessions(unittest.TestCase):
    def test_a_session_lives(self):
        asyncio.run(self.live())

    async def live(self):
        session_id = new_id()
        async with AsyncRemoteRenderingClient(**arguments()) as client:
            poller = await client.begin_rendering_session(
                session_id=session_id, size=RenderingSessionSize.STANDARD, lease_time_minutes=5
            )
            session = await poller.result()
            self.assertEqual(session.status, RenderingSessionStatus.READY)
            updated = await client.update_rendering_session(session_id=session_id, lease_time_minutes=10)
            self.assertEqual(updated.lease_time_minutes, 10)
            listed = await client.list_rendering_sessions()
            self.assertIn(session_id, [found.id async for found in listed])
            await client.stop_rendering_session(session_id)
            stopped = await client.get_rendering_session(session_id)
            self.assertEqual(stopped.status, RenderingSessionStatus.STOPPED)


if __name__ == "__main__":
    unittest.main()
