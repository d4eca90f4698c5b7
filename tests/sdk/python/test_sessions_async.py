"""Tests Remora with the asynchronous official SDK: the life of a session, and its errors."""

import logging
import unittest

from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.mixedreality.remoterendering import RenderingSessionSize, RenderingSessionStatus
from azure.mixedreality.remoterendering.aio import RemoteRenderingClient

from connection import arguments, new_id

# asyncio logs every slow step, of which there are many on a busy machine.
logging.getLogger("asyncio").setLevel(logging.ERROR)


class Sessions(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.client = RemoteRenderingClient(**arguments())
        self.addAsyncCleanup(self.client.close)

    async def begin(self, session_id, lease_time_minutes=5):
        return await self.client.begin_rendering_session(
            session_id=session_id, size=RenderingSessionSize.STANDARD, lease_time_minutes=lease_time_minutes
        )

    async def assert_refused(self, status, call):
        with self.assertRaises(HttpResponseError) as caught:
            await call
        self.assertEqual(caught.exception.status_code, status)

    async def test_a_session_starts_and_stops(self):
        session_id = new_id()
        session = await (await self.begin(session_id)).result()
        self.assertEqual(session.status, RenderingSessionStatus.READY)
        updated = await self.client.update_rendering_session(session_id=session_id, lease_time_minutes=10)
        self.assertEqual(updated.lease_time_minutes, 10)
        listed = await self.client.list_rendering_sessions()
        self.assertIn(session_id, [found.id async for found in listed])
        await self.client.stop_rendering_session(session_id)
        stopped = await self.client.get_rendering_session(session_id)
        self.assertEqual(stopped.status, RenderingSessionStatus.STOPPED)

    async def test_a_list_continues_over_its_pages(self):
        ids = [new_id() for _ in range(5)]
        for session_id in ids:
            await self.begin(session_id)
        listed = [session.id async for session in await self.client.list_rendering_sessions()]
        self.assertEqual([session_id for session_id in listed if session_id in ids], ids)
        for session_id in ids:
            await self.client.stop_rendering_session(session_id)

    async def test_invalid_requests_are_refused(self):
        session_id = new_id()
        await self.begin(session_id)
        await self.assert_refused(400, self.begin(new_id(), lease_time_minutes=-4))
        await self.assert_refused(409, self.begin(session_id, lease_time_minutes=6))
        update = self.client.update_rendering_session
        await self.assert_refused(422, update(session_id=session_id, lease_time_minutes=5))
        await self.client.stop_rendering_session(session_id)
        await self.assert_refused(409, self.begin(session_id))
        with self.assertRaises(ResourceNotFoundError):
            await self.client.get_rendering_session(new_id())

    async def test_a_wrong_key_is_unauthorized(self):
        async with RemoteRenderingClient(**arguments(credential=AzureKeyCredential("d3Jvbmc="))) as client:
            with self.assertRaises(ClientAuthenticationError) as caught:
                await client.get_rendering_session(new_id())
        self.assertEqual(caught.exception.status_code, 401)


if __name__ == "__main__":
    unittest.main()
