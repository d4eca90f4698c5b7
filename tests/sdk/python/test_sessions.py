"""Tests Remora with the synchronous official SDK: the life of a session, and its errors."""

import unittest
import uuid

from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.mixedreality.remoterendering import (
    RemoteRenderingClient,
    RenderingSessionSize,
    RenderingSessionStatus,
)

from connection import READY_SECONDS_MAX, access_token, arguments, new_id

PORTS = range(49152, 65535)


class Sessions(unittest.TestCase):
    def setUp(self):
        self.client = RemoteRenderingClient(**arguments())
        self.addCleanup(self.client.close)

    def test_a_session_starts_and_stops(self):
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

    def test_a_poller_can_be_created_later(self):
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

    def test_an_unknown_session_is_not_found(self):
        with self.assertRaises(ResourceNotFoundError):
            self.client.get_rendering_session(new_id())

    def test_an_ended_session_stays_ended(self):
        session_id = new_id()
        self.client.begin_rendering_session(session_id=session_id, size="Standard", lease_time_minutes=5)
        self.client.stop_rendering_session(session_id)
        self.client.stop_rendering_session(session_id)
        for status, call in [
            (409, lambda: self.client.begin_rendering_session(session_id=session_id, size="Standard", lease_time_minutes=5)),
            (422, lambda: self.client.update_rendering_session(session_id=session_id, lease_time_minutes=9)),
        ]:
            with self.assertRaises(HttpResponseError) as caught:
                call()
            self.assertEqual(caught.exception.status_code, status)

    def test_a_session_without_a_lease_expires(self):
        session_id = new_id()
        poller = self.client.begin_rendering_session(session_id=session_id, size="Standard", lease_time_minutes=0)
        # The lease of zero minutes is over at the first poll.
        self.assertEqual(poller.result(timeout=READY_SECONDS_MAX).status, RenderingSessionStatus.EXPIRED)
        session = self.client.get_rendering_session(session_id)
        self.assertEqual(session.status, RenderingSessionStatus.EXPIRED)
        self.assertIsNone(session.error)

    def test_a_list_continues_over_its_pages(self):
        ids = [new_id() for _ in range(5)]
        for session_id in ids:
            self.client.begin_rendering_session(session_id=session_id, size="Standard", lease_time_minutes=5)
        pages = [[session.id for session in page] for page in self.client.list_rendering_sessions().by_page()]
        self.assertGreater(len(pages), 2)
        listed = [session_id for page in pages for session_id in page]
        self.assertEqual([session_id for session_id in listed if session_id in ids], ids)
        for session_id in ids:
            self.client.stop_rendering_session(session_id)

    def test_invalid_settings_are_refused(self):
        for size, lease, message in [("Tiny", 5, "Tiny"), ("Standard", 1441, "1440")]:
            with self.assertRaises(HttpResponseError) as caught:
                self.client.begin_rendering_session(session_id=new_id(), size=size, lease_time_minutes=lease)
            self.assertEqual(caught.exception.status_code, 400)
            self.assertIn(message, caught.exception.message)

    def test_another_accounts_token_is_forbidden(self):
        with RemoteRenderingClient(**arguments(account_id=str(uuid.uuid4()), credential=access_token())) as client:
            with self.assertRaises(HttpResponseError) as caught:
                client.get_rendering_session(new_id())
        self.assertEqual(caught.exception.status_code, 403)

    def test_a_wrong_key_is_unauthorized(self):
        with RemoteRenderingClient(**arguments(credential=AzureKeyCredential("d3Jvbmc="))) as client:
            with self.assertRaises(ClientAuthenticationError) as caught:
                client.get_rendering_session(new_id())
        self.assertEqual(caught.exception.status_code, 401)
        self.assertIn("Unauthorized", caught.exception.message)


if __name__ == "__main__":
    unittest.main()
