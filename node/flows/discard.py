"""The trash of this device: sealed bytes of what the person took out of the library go 30 days later, and not before.

Time is counted by the steady clock, so that a machine whose clock jumps, or that slept for a month, loses nothing. An
original never goes where it was added, and what another device relies on stays as long as it was promised. Before any
goes the other devices are asked, since one of them may know that it was brought back: node/flows/copies.py, `look`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, Literal

from node.doors.blobs import BlobStore
from node.errors import RefusedError
from node.flows.census import Census
from node.flows.evict import drop_blob
from node.flows.receipts import Receipts
from node.flows.root_times import RootTimes
from node.ids import BlobRoot
from node.library import Library
from node.placement import Trash, is_much

log = logging.getLogger(__name__)

SETTING: Final = "trash"
Tell = Callable[[Literal["info", "warning", "error"], str], None]


class Discards:
    """Looks after each look of the census."""

    def __init__(self, library: Library, store: BlobStore, census: Census, receipts: Receipts, *, tell: Tell) -> None:
        self._library = library
        self._store = store
        self._census = census
        self._receipts = receipts
        self._tell = tell
        self._times = RootTimes(library, SETTING)
        self._trash = Trash(self._times.load())
        self._told = 0
        self.waiting = 0
        """Blobs that wait for the person's word: too many at once."""

    @property
    def due(self) -> int:
        """Blobs that have been leaving for 30 days, and are still here."""
        return len(self._trash.due(self._census.now_ms()))

    async def note(self) -> bool:
        """Note what is leaving since the last look; whether any of it has been leaving for 30 days."""
        sight, now_ms = self._census.sight, self._census.now_ms()
        changes = self._trash.update(sight.leaving - sight.added, now_ms)
        if changes:
            await asyncio.to_thread(self._times.save, changes)
        return bool(self._trash.due(now_ms))

    async def empty(self, *, sure: bool = False) -> int:
        """Drop what has been leaving for 30 days; how many. `sure`: however many they are."""
        await self.note()
        now_ms = self._census.now_ms()
        due = self._trash.due(now_ms)
        self.waiting = len(due) if is_much(len(due), self._census.sight.kept) and not sure else 0
        if self.waiting:
            self._ask()
            return 0
        return await self._drop(due, now_ms)

    async def _drop(self, due: Sequence[BlobRoot], now_ms: int) -> int:
        dropped = 0
        for root in due:
            try:
                self._receipts.locks.begin_drop(root, now_ms)
            except RefusedError:
                continue  # another device relies on it: when its word has run out
            try:
                await asyncio.to_thread(drop_blob, self._library, self._store, root)
                dropped += 1
            finally:
                self._receipts.locks.end_drop(root)
        if dropped:
            log.info("trash_emptied blobs=%d", dropped)
        return dropped

    def _ask(self) -> None:
        if self._told != self.waiting:
            self._told = self.waiting
            self._tell(
                "warning",
                f"{self.waiting:,} sealed files of music that was taken out of the library over 30 days ago could go "
                "from this device. That is much of what it keeps, so they stay until you say: songkeep free --removed",
            )
