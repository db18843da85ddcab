"""Proving that everything is whole: each sealed blob against its layer, each source against what was sealed from it.

What is damaged can be made again: an original or a cover from its unchanged file, a mobile rendition from its
original. Nothing that might be the last copy is ever removed here.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, TypeVar

from node.catalog.model import Fingerprint
from node.crypto import merkle
from node.crypto.blob import Purpose
from node.crypto.labels import CHUNK_BYTES, PIECE_BYTES, PIECE_CHUNKS
from node.doors.blobs import BlobStore, Stored
from node.doors.index import Source
from node.doors.sources import OpenSource, SourceChangedError, SourceMissingError
from node.errors import DamagedError, NotFoundError, SongkeepError, StorageError
from node.flows.holdings import ROTTEN, Holdings
from node.flows.ingest import Ingest
from node.flows.jobs import Failure, Job
from node.ids import BlobRoot, to_text
from node.library import Library

T = TypeVar("T")

log = logging.getLogger(__name__)

ORPHAN_AGE_MS: Final = 3_600_000
_BATCH_BYTES: Final = 64 << 20
_BATCH_FILES: Final = 64
_PAGE: Final = 500
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


class Verify:
    """Looks at everything, and mends what it can."""

    def __init__(
        self,
        library: Library,
        store: BlobStore,
        ingest: Ingest,
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._library = library
        self._store = store
        self._workers = ingest.workers
        self._rendering = ingest.rendering
        self._on_changed = ingest.see_changed
        self._holdings = Holdings(library, store, on_changed=ingest.see_changed)
        self._now_ms = now_ms
        self._mending: dict[BlobRoot, asyncio.Task[bool]] = {}

    async def run(self, repair: bool, *, sources: bool = True, job: Job | None = None) -> VerifyReport:
        """Check every stored blob and, unless told not to, every source; with `repair`, make again what is damaged."""
        job = job or Job("verify")
        report = VerifyReport()
        damaged = await self._check_blobs(report, job)
        damaged += await asyncio.to_thread(self._vanished)
        report.damaged = len(damaged)
        if sources:
            await self._check_sources(report, job)
        job.begin("repairing", files=len(damaged) if repair else 0, size_bytes=0)
        for root in damaged:
            await self._settle(root, repair, report)
            job.advance(files=1)
        log.info("verified blobs=%d damaged=%d repaired=%d", report.blobs, report.damaged, report.repaired)
        return report

    async def repair(self, root: BlobRoot) -> bool:
        """Make one blob again that was found damaged while it was used; whether that could be done."""
        report = VerifyReport()
        await self._settle(root, True, report)
        return report.repaired == 1

    def mend(self, root: BlobRoot) -> None:
        """Begin to make a blob again that was found damaged while it was used. On the event loop."""
        if root not in self._mending:
            task = self._mending[root] = asyncio.create_task(self.repair(root))
            task.add_done_callback(lambda _: self._mending.pop(root, None))

    # blobs

    async def _check_blobs(self, report: VerifyReport, job: Job) -> list[BlobRoot]:
        stored = await asyncio.to_thread(lambda: list(self._store.stored()))
        job.begin("checking blobs", files=len(stored), size_bytes=sum(blob.size_bytes for blob in stored))
        damaged: list[BlobRoot] = []
        batches = _in_batches(stored, lambda blob: blob.size_bytes)

        async def check(batch: Sequence[Stored]) -> None:
            known = await asyncio.to_thread(self._layers, batch, report)
            whole = await self._workers.run(check_stored, self._store, known)
            for blob, is_whole in zip(batch, whole, strict=True):
                if not is_whole:
                    damaged.append(blob.root)
            await asyncio.to_thread(self._mark, batch, whole)
            size_bytes = sum(blob.size_bytes for blob in batch)
            report.blobs += len(batch)
            report.bytes += size_bytes
            job.advance(files=len(batch), size_bytes=size_bytes)

        await _some_at_once(self._workers.count + 1, batches, check)
        return damaged

    def _layers(self, batch: Sequence[Stored], report: VerifyReport) -> list[tuple[BlobRoot, bytes | None]]:
        found: list[tuple[BlobRoot, bytes | None]] = []
        for blob in batch:
            try:
                layer = self._library.index.blobs.layer(blob.root)
            except NotFoundError:
                layer = None
            report.orphans += self._release_orphan(blob)
            found.append((blob.root, layer))
        return found

    def _release_orphan(self, blob: Stored) -> bool:
        """A kept blob that the catalog doesn't name goes to the cache, unless it may just have been written.

        Perhaps its song is still to come, from another device; in the cache it stays while there is room.
        """
        is_known = self._library.index.blobs.is_known
        young = blob.used_ns > (self._now_ms() - ORPHAN_AGE_MS) * 1_000_000
        if not blob.kept or young or is_known(blob.root):
            return False
        self._store.release(blob.root)
        if is_known(blob.root):  # its song came at this very moment
            self._store.keep(blob.root)
            return False
        return True

    def _mark(self, batch: Sequence[Stored], whole: Sequence[bool]) -> None:
        blobs = self._library.index.blobs
        with self._library.index.transaction():
            for blob, is_whole in zip(batch, whole, strict=True):
                if not is_whole:
                    log.warning("blob_damaged blob=%s", to_text(blob.root))
                    blobs.set_damaged(blob.root)
                    continue
                blobs.set_verified(blob.root, self._now_ms())
                known = blobs.get(blob.root)
                kept = self._store.keeps(blob.root)
                if known is not None and known.stored != ("pinned" if kept else "cache"):
                    blobs.set_stored(blob.root, "pinned" if kept else "cache")

    def _vanished(self) -> list[BlobRoot]:
        """Blobs that should be in the store and are not; cached ones may go at any time."""
        blobs = self._library.index.blobs
        gone: list[BlobRoot] = []
        after = b""
        while page := blobs.page(after, _PAGE, stored=True):
            for blob in page:
                if self._store.has(blob.root):
                    continue
                if blob.stored == "pinned":
                    gone.append(blob.root)
                    blobs.set_damaged(blob.root)
                else:
                    blobs.set_stored(blob.root, "none")
            after = page[-1].root
        return gone

    async def _settle(self, root: BlobRoot, repair: bool, report: VerifyReport) -> None:
        """Repair one damaged blob, or say what is left of it."""
        try:
            if repair and await self._make_again(root):
                report.repaired += 1
                log.info("blob_repaired blob=%s", to_text(root))
                return
        except SongkeepError as error:
            report.failed.append(Failure(await asyncio.to_thread(self._name, root), str(error)))
        if not await asyncio.to_thread(self._library.index.sources.with_root, root):
            report.lost += await asyncio.to_thread(self._is_original, root)

    async def _make_again(self, root: BlobRoot) -> bool:
        blob = await asyncio.to_thread(self._library.blob_ref, root)
        if blob is None:  # nobody knows its key: only its room is of use
            await asyncio.to_thread(self._store.release, root)
            await asyncio.to_thread(self._store.drop, root)
            await asyncio.to_thread(self._library.index.blobs.forget, root)
            return True
        keep = await asyncio.to_thread(self._is_kept, root)
        names = await asyncio.to_thread(self._library.index.tracks.named_by, root)
        purposes = {purpose for _, purpose in names}
        if Purpose.ORIGINAL in purposes:
            await asyncio.to_thread(self._holdings.seal_again, blob, keep=keep)
            return True
        if Purpose.COVER in purposes:
            covers = [row for row, purpose in names if purpose == Purpose.COVER]
            return await asyncio.to_thread(self._holdings.seal_cover_again, blob, covers[0])
        tracks = [row for row, purpose in names if purpose == Purpose.MOBILE]
        return bool(tracks) and await self._rendering.make_again(self._library.resolve(tracks[0]))

    def _is_kept(self, root: BlobRoot) -> bool:
        known = self._library.index.blobs.get(root)
        return known is not None and known.stored == "pinned"

    def _is_original(self, root: BlobRoot) -> bool:
        return any(purpose == Purpose.ORIGINAL for _, purpose in self._library.index.tracks.named_by(root))

    def _name(self, root: BlobRoot) -> str:
        """What a person calls the blob."""
        for row, purpose in self._library.index.tracks.named_by(root):
            if purpose != Purpose.COVER:
                return self._library.files(row).title
        return f"blob {to_text(root)[:12]}"

    # sources

    async def _check_sources(self, report: VerifyReport, job: Job) -> None:
        folders = await asyncio.to_thread(self._library.index.folders.all)
        counts = await asyncio.to_thread(self._library.index.sources.counts)
        present = [folder.id for folder in folders if folder.state == "present"]
        job.begin("checking files", files=sum(counts.get(each, {}).get("present", 0) for each in present), size_bytes=0)
        for folder_id in present:
            after = 0
            while page := await asyncio.to_thread(self._library.index.sources.page, folder_id, after, _PAGE):
                sealed = [source for source in page if source.state == "present" and source.sha256 is not None]
                batches = _in_batches(sealed, lambda source: source.fingerprint.size_bytes)
                await _some_at_once(
                    self._workers.count + 1, batches, lambda batch: self._check_files(batch, report, job)
                )
                after = page[-1].id

    async def _check_files(self, batch: Sequence[Source], report: VerifyReport, job: Job) -> None:
        files = [(source.full_path, source.fingerprint, source.sha256 or b"") for source in batch]
        states = await self._workers.run(check_sources, files)
        for source, state in zip(batch, states, strict=True):
            report.sources_checked += 1
            if state == "damaged":
                report.sources_damaged += 1
                report.failed.append(Failure(source.full_path, ROTTEN))
                await asyncio.to_thread(self._holdings.withdraw_rotten, source)
            elif state != "whole":
                report.sources_changed += 1
                self._on_changed([source])
        job.advance(files=len(batch), size_bytes=sum(source.fingerprint.size_bytes for source in batch))


def _in_batches(items: Iterable[T], size_bytes: Callable[[T], int]) -> Iterator[list[T]]:
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


async def _some_at_once(count: int, items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
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
