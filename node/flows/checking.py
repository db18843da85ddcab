"""The work of proving that everything is whole, in workers and a batch at a time: node/flows/verify.py asks for it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, TypeVar

from node.catalog.model import Fingerprint
from node.crypto import merkle
from node.crypto.labels import CHUNK_BYTES, PIECE_BYTES, PIECE_CHUNKS
from node.doors.blobs import BlobStore
from node.doors.sources import OpenSource, SourceChangedError, SourceMissingError
from node.errors import DamagedError, NotFoundError, StorageError
from node.flows.jobs import Failure
from node.ids import BlobRoot

T = TypeVar("T")

_BATCH_BYTES: Final = 64 << 20
_BATCH_FILES: Final = 64
_READ_BYTES: Final = 1 << 20


@dataclass(slots=True)
class VerifyReport:
    """What was looked at and found; counts are of blobs and files, sizes in bytes."""

    blobs: int = 0
    bytes: int = 0
    damaged: int = 0
    """Blobs of which stored bytes are wrong or gone."""
    repaired: int = 0
    """Of those, made again."""
    lost: int = 0
    """Of those, originals that this device can't make again."""
    orphans: int = 0
    """Kept blobs that the catalog doesn't name: moved to the cache, from where they go when room is needed."""
    sources_checked: int = 0
    sources_changed: int = 0
    """Their owner changed them; they are taken in again."""
    sources_damaged: int = 0
    """Their bytes changed and their dates did not."""
    failed: list[Failure] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether all that should be whole is."""
        return self.damaged == self.repaired and not self.sources_damaged and not self.failed

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.ok}


def check_stored(store: BlobStore, blobs: Sequence[tuple[BlobRoot, bytes | None]]) -> list[bool]:
    """Whether each of some stored blobs is whole, by its layer or, without one, by its root. In a worker."""
    return [_is_whole(store, root, layer) for root, layer in blobs]


def _is_whole(store: BlobStore, root: BlobRoot, layer: bytes | None) -> bool:
    try:
        with store.reader(root) as reader:
            pieces = -(-reader.size_bytes // PIECE_BYTES)
            if layer is None:
                chunks = (reader.chunks(index, 1) for index in range(-(-reader.size_bytes // CHUNK_BYTES)))
                return merkle.root_of_chunks(chunks)[0] == root
            if pieces * merkle.HASH_BYTES != len(layer):
                return False
            for index in range(pieces):
                merkle.check_piece(layer, index, reader.chunks(index * PIECE_CHUNKS, PIECE_CHUNKS))
            return True
    except (DamagedError, NotFoundError, StorageError, ValueError):
        return False


def check_sources(files: Sequence[tuple[str, Fingerprint, bytes]]) -> list[str]:
    """For each file whether it is 'whole', 'changed', 'missing' or 'damaged', by its SHA-256. In a worker."""
    return [_source_state(path, fingerprint, sha256) for path, fingerprint, sha256 in files]


def _source_state(path: str, fingerprint: Fingerprint, sha256: bytes) -> str:
    sha = hashlib.sha256()
    try:
        with OpenSource(path, expected=fingerprint) as source:
            for block in source.blocks(_READ_BYTES):
                sha.update(block)
            if sha.digest() == sha256:
                return "whole"
            source.check()
            return "damaged"
    except SourceChangedError:
        return "changed"
    except SourceMissingError:
        return "missing"


def in_batches(items: Iterable[T], size_bytes: Callable[[T], int]) -> Iterator[list[T]]:
    """Enough for a worker to be worth asking, little enough to see it go on."""
    batch: list[T] = []
    room = _BATCH_BYTES
    for item in items:
        batch.append(item)
        room -= size_bytes(item)
        if room <= 0 or len(batch) == _BATCH_FILES:
            yield batch
            batch, room = [], _BATCH_BYTES
    if batch:
        yield batch


async def some_at_once(count: int, items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """`work` on every item, `count` of them under way at a time."""
    turn = asyncio.Semaphore(count)

    async def one(item: T) -> None:
        try:
            await work(item)
        finally:
            turn.release()

    async with asyncio.TaskGroup() as group:
        for item in items:
            await turn.acquire()
            group.create_task(one(item))
