"""Proving that everything is whole: each sealed blob against its layer, each source against what was sealed from it.

What is damaged can be made again: an original or a cover from its unchanged file, a mobile rendition from its
original. Nothing that might be the last copy is ever removed here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from node.crypto.blob import Purpose
from node.doors.blobs import BlobStore, Stored
from node.doors.index import Source
from node.errors import NotFoundError, SongkeepError
from node.flows.checking import VerifyReport, check_sources, check_stored, in_batches, some_at_once
from node.flows.holdings import ROTTEN, Holdings
from node.flows.ingest import Ingest
from node.flows.jobs import Failure, Job
from node.ids import BlobRoot, to_text
from node.library import Library

log = logging.getLogger(__name__)

ORPHAN_AGE_MS: Final = 3_600_000
_PAGE: Final = 500


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
        batches = in_batches(stored, lambda blob: blob.size_bytes)

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

        await some_at_once(self._workers.count + 1, batches, check)
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
        if not tracks:
            return False
        files = await asyncio.to_thread(self._library.files, tracks[0])
        aac = files.mobile_aac is not None and files.mobile_aac.rendition.blob.root == root
        return await self._rendering.make_again(files.track_id, "aac" if aac else "opus")

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
                batches = in_batches(sealed, lambda source: source.fingerprint.size_bytes)
                await some_at_once(
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
