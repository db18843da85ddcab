"""Every sealed blob of this device is read within 30 days and compared with its merkle tree; that needs no key.

What is damaged is made again from its file, or healed from another holder (node/flows/copies.py).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from node.doors.blobs import BlobStore
from node.errors import NotFoundError
from node.flows.checking import check_stored
from node.ids import BlobRoot, to_text
from node.library import Library
from node.placement.facts import DAY_MS

log = logging.getLogger(__name__)

BYTES_PER_S: Final = 10_000_000
"""A music disk reads twenty times that; a song that plays notices nothing."""
_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrubRhythm:
    due_ms: int = 25 * DAY_MS
    """A blob is read again so long after it was read last; five days are left to come round."""
    look_s: float = 600.0
    bytes_per_s: float = BYTES_PER_S


class Scrub:
    """`run` must be running."""

    def __init__(
        self,
        library: Library,
        store: BlobStore,
        *,
        on_damaged: Callable[[BlobRoot], object],
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """`on_damaged` hears of each blob found damaged, in a thread."""
        self._library = library
        self._store = store
        self._on_damaged = on_damaged
        self._now_ms = now_ms
        self.rhythm = ScrubRhythm()

    async def run(self) -> None:
        """Reads what is due, a little at a time, until cancelled."""
        while True:
            size_bytes = await asyncio.to_thread(self.some)
            await asyncio.sleep(size_bytes / self.rhythm.bytes_per_s if size_bytes else self.rhythm.look_s)

    def some(self) -> int:
        """Check the few that are due first; how many bytes that were. Blocks."""
        blobs, now_ms = self._library.index.blobs, self._now_ms()
        due = blobs.unverified(before_ms=now_ms - self.rhythm.due_ms, after_ms=now_ms + DAY_MS, limit=_AT_ONCE)
        whole: list[BlobRoot] = []
        for blob in due:
            try:
                layer = blobs.layer(blob.root)
            except NotFoundError:
                continue
            if check_stored(self._store, [(blob.root, layer)])[0]:
                whole.append(blob.root)
            elif self._store.has(blob.root) or blob.stored == "pinned":
                log.warning("blob_damaged blob=%s", to_text(blob.root))
                blobs.set_damaged(blob.root)
                self._on_damaged(blob.root)
            else:
                blobs.set_stored(blob.root, "none")  # the cache let it go
        with self._library.index.transaction():
            for root in whole:
                blobs.set_verified(root, now_ms)
        return sum(blob.sealed_bytes for blob in due)
