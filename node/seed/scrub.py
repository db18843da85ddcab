"""Reads everything that is held again, within a month, and has what has rotted fetched anew. It needs no keys."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from node.errors import DamagedError, SongkeepError
from node.ids import BlobRoot, LibraryId, to_text
from node.seed.clock import Now
from node.seed.facts import DueBlob
from node.seed.keeper import Keeper
from node.seed.ledger import Ledger
from node.seed.patience import DAY_MS
from node.seed.schema import State
from node.seed.shelves import Shelves, layer_of_file

log = logging.getLogger(__name__)

CHECK_AFTER_MS: Final = 25 * DAY_MS
"""A blob is read again 25 days after it was last found whole; the five days to thirty are for being slow."""
TRASH_MS: Final = 30 * DAY_MS
RATE_BYTES_PER_S: Final = 20_000_000
BATCH: Final = 100
REST_S: Final = 3_600.0


class Scrub:
    """The seed's housekeeping; `run` goes on until cancelled."""

    def __init__(self, ledger: Ledger, shelves: Shelves, keeper: Keeper, *, now_ms: Now) -> None:
        self._ledger = ledger
        self._shelves = shelves
        self._keeper = keeper
        self._now_ms = now_ms

    async def run(self) -> None:
        """An hourly round; at a bounded rate, so that nobody who plays notices."""
        while True:
            try:
                await self._ledger.make_sound()
                await self.empty_trash()
                await self.check_due(rate_bytes_per_s=RATE_BYTES_PER_S)
            except SongkeepError as error:
                log.warning("scrub_interrupted error=%s", type(error).__name__)
            await asyncio.sleep(REST_S)

    async def check_due(self, *, rate_bytes_per_s: int | None = None) -> tuple[int, int]:
        """Check every blob whose turn it is. Returns how many were checked, and how many of them were damaged."""
        checked = damaged = 0
        while due := await self._ledger.due(
            before_ms=self._now_ms() - CHECK_AFTER_MS, now_ms=self._now_ms(), limit=BATCH
        ):
            hit: set[LibraryId] = set()
            for each in due:
                if not await self._check(each):
                    damaged += 1
                    hit.add(each.library)
                checked += 1
                if rate_bytes_per_s:
                    await asyncio.sleep(each.sealed_bytes / rate_bytes_per_s)
            for library in hit:
                self._keeper.list_changed(library)
        return checked, damaged

    async def empty_trash(self) -> int:
        """Delete what has been in the trash, or beyond its library's room, for thirty days that are certain.

        Returns how many blobs.
        """
        patience = await self._ledger.advance_patience(self._now_ms())
        emptied = await self._remove(await self._ledger.end_overdue(patience.patient_ms))
        if emptied:
            log.info("room_ended blobs=%d", emptied)
        while gone := await self._ledger.empty_trash(before_ms=patience.patient_ms - TRASH_MS, limit=BATCH):
            emptied += await self._remove(gone)
        if emptied:
            log.info("trash_emptied blobs=%d", emptied)
        return emptied

    async def _remove(self, gone: Sequence[tuple[LibraryId, BlobRoot]]) -> int:
        for library, root in gone:
            shelf = await asyncio.to_thread(self._shelves.of, library)
            await asyncio.to_thread(shelf.drop, [root])
        return len(gone)

    async def check(self, library: LibraryId, root: BlobRoot) -> bool:
        """Check one blob now; False if it was damaged, and is wanted again."""
        known = await self._ledger.blob(library, root)
        if known is None or known.state is not State.HELD:
            return False
        whole = await self._check(DueBlob(library, root, known.sealed_bytes))
        if not whole:
            self._keeper.list_changed(library)
        return whole

    async def _check(self, due: DueBlob) -> bool:
        shelf = await asyncio.to_thread(self._shelves.of, due.library)
        path = await asyncio.to_thread(shelf.store.path_of, due.root)
        try:
            if path is None:
                raise DamagedError("a blob's file is gone")
            layer = await asyncio.to_thread(layer_of_file, path, due.root, due.sealed_bytes)
        except DamagedError:
            log.warning("blob_damaged library=%s blob=%s", to_text(due.library)[:8], to_text(due.root))
            # First out of the ledger's word, then off the disk: it is never served again, whatever happens between.
            await self._ledger.set_damaged(due.library, due.root, now_ms=self._now_ms())
            await asyncio.to_thread(shelf.drop, [due.root])
            return False
        await self._ledger.set_checked(due.library, due.root, layer, now_ms=self._now_ms())
        return True
