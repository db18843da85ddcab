"""Sealed chunks from one other device, by the best way there is: its lane, else a channel through whatever routers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Final, Literal

from node.doors.channel import Channel
from node.doors.lane import Lane
from node.errors import SongkeepError
from node.flows.lanes import Lanes
from node.flows.meet import Meeting
from node.ids import BlobRoot, DeviceId, to_text
from node.peers.directory import Directory
from node.peers.links import Links

log = logging.getLogger(__name__)

HEAD_START_S: Final = 0.25
"""What a lane that is still looked for has before a channel is made beside it."""

Take = Callable[[DeviceId, BlobRoot, int, int], AsyncGenerator[bytes, None]]
"""Sealed bytes of `count` chunks of a blob from `first` on, from one device: in parts of whole chunks, unchecked."""
Way = Literal["lane", "channel", "none"]


class Ways:
    """Between this device and the others. `keep_warm` must be running."""

    def __init__(self, me: DeviceId, directory: Directory, lanes: Lanes, links: Links, meeting: Meeting) -> None:
        self._me = me
        self._directory = directory
        self._lanes = lanes
        self._links = links
        self._meeting = meeting
        self._unreached: asyncio.Queue[DeviceId] = asyncio.Queue()
        lanes.on_looked.append(self._looked)

    def open_to(self, member: DeviceId) -> Way:
        """The way that is open to a device now."""
        if self._lanes.found(member) is not None:
            return "lane"
        return "channel" if self._links.to(member) is not None else "none"

    async def chunks(self, member: DeviceId, root: BlobRoot, first: int, count: int) -> AsyncGenerator[bytes, None]:
        """See `Take`. Raises UnavailableError, NotFoundError, DamagedError, RefusedError, PeerError."""
        way = await self._way(member)
        # If a lane breaks the next holder is asked at once; who asks this one again goes by what is open then.
        if isinstance(way, Lane):
            chunks: AsyncIterator[bytes] = self._lanes.chunks(member, root, first, count)
        else:
            chunks = way.chunks(root, first, count)
        async with _closing(chunks):
            async for part in chunks:
                yield part

    async def _way(self, member: DeviceId) -> Lane | Channel:
        """What is open already, else what is open first."""
        found = self._lanes.found(member) or self._links.to(member)
        if found is not None:
            return found
        lane = asyncio.create_task(self._lanes.to(member))
        try:
            await asyncio.wait({lane}, timeout=HEAD_START_S)
            if lane.done() and lane.exception() is None:
                return lane.result()
            channel = asyncio.create_task(self._meeting.connect(member))
            try:
                await asyncio.wait(
                    {lane, channel} if not lane.done() else {channel}, return_when=asyncio.FIRST_COMPLETED
                )
                if lane.done() and lane.exception() is None:
                    return lane.result()
                return await channel
            finally:
                channel.cancel()
        finally:
            lane.cancel()

    async def keep_warm(self) -> None:
        """Make a channel to nodes that no lane leads to, before somebody waits for a song; until cancelled."""
        while True:
            member = await self._unreached.get()
            seen = self._directory.get(member)
            is_node = seen.presence is not None and seen.presence.role == "node"
            # Of two devices one dials; the channel serves both.
            if seen.present and is_node and self._me < member and self._links.to(member) is None:
                try:
                    await self._meeting.connect(member)
                except SongkeepError as error:
                    log.info("not_warm member=%s reason=%s", to_text(member)[:8], type(error).__name__)

    def _looked(self, member: DeviceId, reached: bool) -> None:
        if not reached:
            self._unreached.put_nowait(member)


@contextlib.asynccontextmanager
async def _closing(chunks: AsyncIterator[bytes]) -> AsyncIterator[None]:
    """Leaving early ends the request at once."""
    try:
        yield
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()
