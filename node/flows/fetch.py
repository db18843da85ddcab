"""Music from the library's other devices: whoever is here and has it."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from node.catalog.model import BlobRef
from node.doors.channel import Channel
from node.errors import SongkeepError, UnavailableError
from node.flows.meet import Meeting
from node.ids import DeviceId, to_text
from node.peers.directory import Directory
from node.peers.links import Links
from node.peers.membership import Membership
from node.wire.channel import MAX_CHUNKS
from node.wire.roster import Role

log = logging.getLogger(__name__)

SECOND_AFTER_S: Final = 0.25
"""A holder that has given nothing by then is raced by the next one."""
SILENT_S: Final = 2.0
"""A holder that is silent for so long is left."""


class DeviceFetch:
    """The `Fetch` of node/flows/reading.py over channels to other devices."""

    name = "devices"

    def __init__(self, membership: Membership, directory: Directory, links: Links, meeting: Meeting) -> None:
        self._membership = membership
        self._directory = directory
        self._links = links
        self._meeting = meeting

    async def chunks(self, blob: BlobRef, first: int, count: int) -> bytes:
        """Sealed chunks, unchecked. Raises UnavailableError if nobody here gives them."""
        holders = self._holders()
        if not holders:
            raise UnavailableError("no other device of the library is here")
        parts = []
        for at in range(first, first + count, MAX_CHUNKS):
            parts.append(await self._race(holders, blob, at, min(MAX_CHUNKS, first + count - at)))
        return b"".join(parts)

    def _holders(self) -> list[DeviceId]:
        """Devices that give chunks: those with an open channel first."""
        found = []
        for member, seen in self._directory.present():
            known = self._membership.roster.members.get(member)
            if known is None or not known.active or member == self._membership.keys.id:
                continue
            if known.role is Role.SEED or (seen.presence is not None and seen.presence.role == "node"):
                found.append(member)
        return sorted(found, key=lambda member: self._links.to(member) is None)

    async def _race(self, holders: list[DeviceId], blob: BlobRef, first: int, count: int) -> bytes:
        waiting = list(holders)
        running: set[asyncio.Task[bytes]] = set()
        worst: SongkeepError = UnavailableError("no other device has that music")
        try:
            while waiting or running:
                if waiting:
                    running.add(asyncio.create_task(self._from(waiting.pop(0), blob, first, count)))
                done, running = await asyncio.wait(
                    running, timeout=SECOND_AFTER_S if waiting else None, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    error = task.exception()
                    if error is None:
                        return task.result()
                    if not isinstance(error, SongkeepError):
                        raise error
                    worst = error
            raise worst
        finally:
            for task in running:
                task.cancel()

    async def _from(self, member: DeviceId, blob: BlobRef, first: int, count: int) -> bytes:
        channel = await self._meeting.connect(member)
        try:
            return await self._read(channel, blob, first, count)
        except TimeoutError as error:
            log.info("holder_silent member=%s", to_text(member)[:8])
            raise UnavailableError("the other device has stopped answering") from error

    async def _read(self, channel: Channel, blob: BlobRef, first: int, count: int) -> bytes:
        parts: list[bytes] = []
        async with asyncio.timeout(SILENT_S) as silence:
            async for chunk in channel.chunks(blob.root, first, count):
                parts.append(chunk)
                silence.reschedule(asyncio.get_running_loop().time() + SILENT_S)
        return b"".join(parts)
