"""What the person wants to have on this device, whatever the budget, and what not: let go once others prove it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from node.flows.copies import Copies
from node.flows.evict import Freed
from node.flows.keep import Kind
from node.ids import BlobRoot
from node.placement import Blob, plan_drops

_ALL: Final = 1 << 62


class Wanted:
    """Asked by those who speak with the person."""

    def __init__(self, copies: Copies) -> None:
        self._copies = copies

    async def keep(self, kind: Kind, row_id: str) -> dict[str, Any]:
        """Have it on this device from now on, whatever the budget. Raises NotFoundError, UserError."""
        tracks = await asyncio.to_thread(self._copies.wishes.keep, kind, row_id)
        self._copies.note_wishes()
        wanted = await asyncio.to_thread(self._copies.wishes.blobs_of, tracks)
        self._copies.wake()
        return {"tracks": len(tracks), "blobs": len(wanted)}

    async def free(self, kind: Kind, row_id: str) -> dict[str, Any]:
        """Free its room on this device, as far as others have proved to hold it. Raises NotFoundError, UserError."""
        tracks = await asyncio.to_thread(self._copies.wishes.free, kind, row_id)
        roots = await asyncio.to_thread(self._copies.wishes.blobs_of, tracks)
        freed = await self._free(lambda blob: blob.root in roots, _ALL)
        return {"tracks": len(tracks), **freed.as_json()}

    async def free_removed(self) -> dict[str, Any]:
        """Drop what was taken out of the library over 30 days ago, however much it is: the person has said so."""
        async with self._copies.turn:
            dropped = await self._copies.look(sure=True)
            await asyncio.to_thread(self._copies.census.look)
        return {"tracks": 0, **Freed(blobs=dropped).as_json()}

    async def forget(self, kind: Kind, row_id: str) -> None:
        """Neither keep nor free it by name any more. Raises NotFoundError if it is neither."""
        await asyncio.to_thread(self._copies.wishes.forget, kind, row_id)
        self._copies.wake()

    async def held_bytes(self) -> int:
        """How much of the budget is taken."""
        if not self._copies.census.sight.state:
            await self._copies.look()
        return self._copies.census.sight.own.used_bytes

    async def free_space(self, size_bytes: int) -> dict[str, Any]:
        """Free so much of what this device holds for the library; what is missed least goes first."""
        freed = await self._free(lambda _blob: True, size_bytes)
        return {"tracks": 0, **freed.as_json()}

    async def _free(self, chosen: Callable[[Blob], bool], size_bytes: int) -> Freed:
        self._copies.wake()  # whoever fetches now makes room for this
        async with self._copies.turn:
            await self._copies.look()
            sight, devices = self._copies.census.sight, self._copies.census.devices()
            mine = [blob for blob in sight.blobs if blob.root in sight.own.sealed and chosen(blob)]
            wished = await asyncio.to_thread(self._copies.wishes.blobs, "keep")
            drops = await asyncio.to_thread(
                plan_drops,
                self._copies.census.me,
                devices,
                mine,
                free_bytes=size_bytes,
                copies=self._copies.limits.copies,
                wished=wished,
            )
            freed = await self._copies.evictions.evict(drops)
        if freed.bytes < size_bytes:
            self._say_why_not(freed, {blob.root for blob in mine} - {drop.blob.root for drop in drops}, wished)
        return freed

    def _say_why_not(self, freed: Freed, stays: set[BlobRoot], wished: frozenset[BlobRoot]) -> None:
        at_home = len(stays & self._copies.census.sight.added)
        kept = len((stays & wished) - self._copies.census.sight.added)
        if at_home:
            freed.stays("an original is never dropped where it was added", at_home)
        if kept:
            freed.stays("you asked to keep it on this device", kept)
        if len(stays) > at_home + kept:
            few = f"fewer than {self._copies.limits.copies} other devices that are here say they hold it"
            freed.stays(few, len(stays) - at_home - kept)
