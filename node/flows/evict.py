"""Evicting: asking others for receipts, and dropping what `copies` of them have proved to hold sealed and locked."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from node.doors.blobs import BlobStore
from node.doors.channel import Channel
from node.errors import RefusedError, SongkeepError
from node.flows.census import Census
from node.flows.receipts import Receipts
from node.flows.seed_holders import SeedHolders
from node.ids import BlobRoot, DeviceId, to_text
from node.library import Library
from node.placement import Drop, Proven, check_drop
from node.wire.receipt import MAX_BLOBS

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Freed:
    """What an eviction came to."""

    blobs: int = 0
    bytes: int = 0
    kept: dict[str, int] = field(default_factory=dict)
    """Why the others stay, each reason with how many."""

    def stays(self, reason: str, count: int = 1) -> None:
        self.kept[reason] = self.kept.get(reason, 0) + count

    def as_json(self) -> dict[str, object]:
        kept = [{"reason": reason, "blobs": count} for reason, count in self.kept.items()]
        return {"freed_blobs": self.blobs, "freed_bytes": self.bytes, "kept": kept}


class Evictions:
    """One device's."""

    def __init__(
        self,
        library: Library,
        store: BlobStore,
        census: Census,
        receipts: Receipts,
        connect: Callable[[DeviceId], Awaitable[Channel]],
        *,
        me: DeviceId,
        copies: Callable[[], int],
        seeds: Callable[[], SeedHolders | None],
    ) -> None:
        self._library = library
        self._store = store
        self._census = census
        self._receipts = receipts
        self._connect = connect
        self._me = me
        self._copies = copies
        self._seeds = seeds

    async def evict(self, drops: Sequence[Drop]) -> Freed:
        """Drop what may go; the rest stays, each with its reason. Raises StorageError."""
        freed = Freed()
        for first in range(0, len(drops), MAX_BLOBS):
            begun: list[Drop] = []
            for drop in drops[first : first + MAX_BLOBS]:
                try:
                    self._receipts.locks.begin_drop(drop.blob.root, self._census.now_ms())
                    begun.append(drop)
                except RefusedError as error:
                    freed.stays(str(error))
            try:
                await self._drop_proved(begun, freed)
            finally:
                for drop in begun:
                    self._receipts.locks.end_drop(drop.blob.root)
        log.info("evicted blobs=%d bytes=%d stayed=%d", freed.blobs, freed.bytes, sum(freed.kept.values()))
        return freed

    async def _drop_proved(self, drops: Sequence[Drop], freed: Freed) -> None:
        by_holder: dict[DeviceId, list[BlobRoot]] = defaultdict(list)
        for drop in drops:
            for holder in drop.ask:
                by_holder[holder].append(drop.blob.root)
        answers = await asyncio.gather(*(self._gather(holder, roots) for holder, roots in by_holder.items()))
        proven: dict[BlobRoot, list[Proven]] = defaultdict(list)
        for receipt in (receipt for answer in answers for receipt in answer):
            proven[receipt.root].append(receipt)
        for drop in drops:
            members = {device.id: device for device in self._census.devices()}
            try:
                check_drop(
                    self._me, drop.blob, proven[drop.blob.root], members, now_ms=self._census.now_ms(),
                    copies=self._copies(),
                )  # fmt: skip
            except RefusedError as error:
                freed.stays(str(error))
                continue
            await asyncio.to_thread(drop_blob, self._library, self._store, drop.blob.root)
            freed.blobs += 1
            freed.bytes += drop.blob.sealed_bytes

    async def _gather(self, holder: DeviceId, roots: Sequence[BlobRoot]) -> list[Proven]:
        seeds = self._seeds()
        try:
            if seeds is not None and holder in seeds:
                proven, lied = await seeds.prove(holder, roots)
            else:
                proven, lied = await self._receipts.gather(await self._connect(holder), holder, roots)
        except SongkeepError as error:
            log.info("no_receipts member=%s reason=%s", to_text(holder)[:8], type(error).__name__)
            return []
        if lied:
            await self._census.distrust(holder)
            return []
        return proven


def drop_blob(library: Library, store: BlobStore, root: BlobRoot) -> None:
    """Take a blob out of the kept part of the store. The caller has made sure that it may go. Blocks."""
    # In this order: a crash in between leaves bytes that are counted nowhere, never a count without bytes.
    library.index.blobs.set_stored(root, "none")
    store.release(root)
    store.drop(root)
    log.info("blob_dropped blob=%s", to_text(root))
