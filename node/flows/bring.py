"""Bringing one sealed blob here; where one holder ends, the next goes on.

Each piece is hashed as it is written, and the root tells whether it is the blob: only if it isn't, chunks are opened,
to find out who lied.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from node.catalog.model import BlobRef
from node.crypto.blob import BlobCipher, Purpose
from node.crypto.labels import CHUNK_BYTES
from node.doors.blobs import BlobStore, Draft, Drafted, as_storage_error
from node.doors.index import SealedBlob, put_blob
from node.errors import DamagedError, PeerError, SongkeepError, StorageError, UnavailableError
from node.flows.pace import Meter, Pace
from node.flows.ways import Take
from node.ids import DeviceId, to_text
from node.library import Library
from node.wire.channel import MAX_CHUNKS

log = logging.getLogger(__name__)

SILENT_S: Final = 20.0
"""A holder that sends nothing for so long is left for another; bulk is in less of a hurry than a song that plays."""
SPARE_BYTES: Final = 2_000_000_000
"""Of the disk that copies for the library leave to the person."""
_AT_ONCE: Final = MAX_CHUNKS
"""Chunks asked for together: 4 MiB, most songs. To ask costs as much as to hash a megabyte."""
_AT_ONCE_PACED: Final = 16
"""While there is a limit: 256 KiB, so that it flows evenly."""
_WRITTEN_BYTES: Final = 1 << 20
"""Written together, while more comes: soon enough that what is hashed still lies near the core."""


@dataclass(slots=True)
class Transfer:
    """One blob on its way, for showing."""

    blob: BlobRef
    purpose: Purpose
    holder: DeviceId | None = None
    total_bytes: int = 0
    meter: Meter = field(default_factory=Meter)


class Bringing:
    """Fetches blobs into the kept part of the store."""

    def __init__(
        self,
        library: Library,
        store: BlobStore,
        take: Take,
        pace: Pace,
        *,
        now_ms: Callable[[], int],
        on_lie: Callable[[DeviceId], Awaitable[None]],
    ) -> None:
        """`on_lie` hears of a holder that gave other bytes than the blob's."""
        self._library = library
        self._store = store
        self._get = take
        self._pace = pace
        self._now_ms = now_ms
        self._on_lie = on_lie
        self.transfers: list[Transfer] = []
        self.meters: defaultdict[DeviceId, Meter] = defaultdict(Meter)
        """What has come from each device since the start."""

    async def bring(self, blob: BlobRef, purpose: Purpose, holders: Sequence[DeviceId]) -> None:
        """Have the blob here, kept. Raises what the last holder raised, StorageError, DamagedError."""
        cipher = BlobCipher(blob.key, blob.size_bytes, commitment=blob.commitment)
        if self._store.free_bytes() < cipher.shape.sealed_bytes + SPARE_BYTES:
            raise StorageError("the disk has no room for more songs")
        left = [*holders]
        while True:
            transfer = Transfer(blob, purpose, total_bytes=cipher.shape.sealed_bytes)
            self.transfers.append(transfer)
            try:
                with self._store.draft() as draft:
                    shares = await self._fill(draft, transfer, cipher, left)
                    drafted = await asyncio.to_thread(self._settle, draft, transfer)
                    if drafted.root == blob.root:
                        return
                    liars = await asyncio.to_thread(self._who_lied, drafted, cipher, shares)
            finally:
                self.transfers.remove(transfer)
            for liar in liars:
                await self._on_lie(liar)
            left = [holder for holder in left if holder not in liars]
            if not liars or not left:
                raise DamagedError("what came is not the blob that the catalog names")

    async def _fill(
        self, draft: Draft, transfer: Transfer, cipher: BlobCipher, holders: Sequence[DeviceId]
    ) -> list[_Share]:
        """Everything into the draft, unchecked: the root tells at the end. Gives who gave what."""
        shares: list[_Share] = []
        at = 0
        worst: SongkeepError = UnavailableError("nobody who is here holds it")
        for holder in holders:
            transfer.holder = holder
            shares.append(_Share(holder, at))
            try:
                at_once = _AT_ONCE_PACED if self._pace.limit_bytes_per_s else _AT_ONCE
                blocks_of = _blocks(self._get, holder, transfer, range(at, cipher.shape.chunks, at_once))
                async with contextlib.aclosing(blocks_of) as blocks:
                    async for held in blocks:
                        size_bytes = sum(map(len, held))
                        await self._pace.take(size_bytes)
                        await asyncio.to_thread(_write, draft, held)
                        at += -(-size_bytes // CHUNK_BYTES)
                        transfer.meter.count(size_bytes)
                        self.meters[holder].count(size_bytes)
                return shares
            except StorageError:
                raise
            except SongkeepError as error:
                log.info("holder_left member=%s reason=%s", to_text(holder)[:8], type(error).__name__)
                worst = error
        raise worst

    def _who_lied(self, drafted: Drafted, cipher: BlobCipher, shares: Sequence[_Share]) -> set[DeviceId]:
        """Who gave a chunk that doesn't open, of a draft that is none of the blobs it should be. Blocks."""
        liars = set()
        try:
            with as_storage_error(), drafted.path.open("rb") as file:
                for index in range(cipher.shape.chunks):
                    holder = next(share.holder for share in reversed(shares) if share.first <= index)
                    try:
                        cipher.open_chunk(index, file.read(CHUNK_BYTES))
                    except DamagedError:
                        liars.add(holder)
        finally:
            self._store.discard([drafted])
        return liars

    def _settle(self, draft: Draft, transfer: Transfer) -> Drafted:
        """Everything has come: it is kept if it is the blob, else only given. Blocks."""
        blob = transfer.blob
        drafted, layer = draft.finish()
        if drafted.root != blob.root:
            return drafted
        self._store.publish([drafted], keep=True)
        sealed = SealedBlob(
            ref=blob, purpose=transfer.purpose, sealed_bytes=drafted.size_bytes, layer=layer, stored="pinned"
        )
        with self._library.index.transaction() as step:
            put_blob(step, sealed, self._now_ms())
            step.changed = True  # it may have been here before, and damaged
        return drafted


@dataclass(frozen=True, slots=True)
class _Share:
    """From which chunk on a holder gave, until the next one did."""

    holder: DeviceId
    first: int


def _write(draft: Draft, parts: Sequence[bytes]) -> None:
    for part in parts:
        draft.write_chunks(part)


async def _blocks(take: Take, holder: DeviceId, transfer: Transfer, blocks: range) -> AsyncGenerator[list[bytes], None]:
    """The chunks of `blocks` (its step is how many are asked for at once), about a megabyte at a time as they come."""
    for start in blocks:
        count = min(blocks.step, blocks.stop - start)
        size_bytes = min(count * CHUNK_BYTES, transfer.total_bytes - start * CHUNK_BYTES)
        async with contextlib.aclosing(_read(take(holder, transfer.blob.root, start, count), size_bytes)) as answer:
            async for held in answer:
                yield held


async def _read(parts: AsyncGenerator[bytes, None], size_bytes: int) -> AsyncGenerator[list[bytes], None]:
    """So many bytes as they come. Raises UnavailableError after 20 s of silence, PeerError for fewer or more, and for
    a part that doesn't end with a chunk: what the next holder gives would be laid at the wrong place.
    """
    held: list[bytes] = []  # not joined: to find room for megabytes costs more than to copy them
    held_bytes, left_bytes = 0, size_bytes
    async with contextlib.aclosing(parts):
        while part := await _next(parts):
            left_bytes -= len(part)
            if left_bytes < 0 or (left_bytes and len(part) % CHUNK_BYTES):
                raise PeerError("another device gave other chunks than it was asked for")
            held.append(part)
            held_bytes += len(part)
            if held_bytes >= _WRITTEN_BYTES:
                yield held
                held, held_bytes = [], 0
    if left_bytes:
        raise PeerError("another device gave fewer chunks than it was asked for")
    if held:
        yield held


async def _next(parts: AsyncGenerator[bytes, None]) -> bytes:
    """The next part; none at the end. Raises UnavailableError after 20 s of silence."""
    try:
        async with asyncio.timeout(SILENT_S):
            return await anext(parts, b"")
    except TimeoutError as error:
        raise UnavailableError("the other device has stopped answering") from error
