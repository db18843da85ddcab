"""Sealing what was listed: each file becomes a recording with a name and a sealed blob, in the background.

By default the sealed bytes are not kept: an unchanged source is a holding. What was made is on the disk before the
index says so, and the index says so in one step with the catalog.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from node.catalog.model import Fingerprint, cover_id
from node.crypto.blob import Purpose
from node.doors import audio, tags
from node.doors.blobs import BlobStore
from node.doors.index import SealedBlob, Source
from node.doors.sources import OpenSource, SourceChangedError, SourceMissingError
from node.doors.tags import MAX_COVER_BYTES
from node.errors import DamagedError, SongkeepError, StorageError, UserError
from node.flows.seal import Sealing, discard, seal_bytes, seal_source
from node.flows.stage import Stage
from node.flows.stumbling import blamed_on_its_file
from node.flows.workers import Workers
from node.ids import CoverId
from node.library import Library, SealedSource


@dataclass(frozen=True, slots=True, kw_only=True)
class SealTask:
    """One file to seal; a value for a worker."""

    path: str
    fingerprint: Fingerprint
    convergence: bytes
    store: BlobStore
    keep: bool
    """Whether the sealed bytes are kept too."""
    cover: tuple[str, str | None] | None
    """A picture to be sealed as well, always into the store: in this file, or in this image beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFile:
    """What came of one file."""

    recording_digest: bytes
    original: Sealing
    cover: Sealing | None


@blamed_on_its_file
def seal_file(task: SealTask) -> SealedFile:
    """In a worker. Raises SourceChangedError, SourceMissingError, UserError or DamagedError, StorageError."""
    path = Path(task.path)
    store = task.store if task.keep else None
    with OpenSource(path, expected=task.fingerprint) as source:
        digest = audio.recording_digest(path)
        original = seal_source(source, purpose=Purpose.ORIGINAL, convergence=task.convergence, store=store)
    cover = None
    try:
        picture = read_picture(*task.cover) if task.cover is not None else None
        if picture is not None:
            cover = seal_bytes(picture, purpose=Purpose.COVER, convergence=task.convergence, store=task.store)
    except StorageError:
        discard(original, task.store)
        raise
    return SealedFile(recording_digest=digest, original=original, cover=cover)


def read_picture(path: str, beside: str | None) -> bytes | None:
    """A file's cover, or the image `beside` it; None if it can't be had any more."""
    try:
        if beside is None:
            art = tags.read_tags(Path(path)).cover
            return art.data if art is not None else None
        with OpenSource(beside) as image:
            return image.read(0, image.size_bytes) if image.size_bytes <= MAX_COVER_BYTES else None
    except SongkeepError:
        return None


@dataclass(frozen=True, slots=True)
class Unsealed:
    """Why a file could not be sealed: `stale` if it isn't what the scan saw, else a reason for the person."""

    stale: bool
    reason: str


class SealingStage(Stage[Source, SealedFile | Unsealed]):
    """Seals what the index lists as waiting."""

    def __init__(
        self,
        library: Library,
        store: BlobStore,
        workers: Workers,
        *,
        convergence: Callable[[], bytes],
        keep_sealed: bool,
        on_stale: Callable[[Sequence[Source]], None],
        on_sealed: Callable[[int, int], None],
        on_refused: Callable[[SongkeepError], None],
    ) -> None:
        """`on_stale` hears of files that changed since the scan; `on_sealed` how many files and bytes were done."""
        super().__init__(at_once=max(2, workers.count + 1))
        self._library = library
        self._store = store
        self._workers = workers
        self._convergence = convergence
        self.keep_sealed = keep_sealed
        self._on_stale = on_stale
        self._on_sealed = on_sealed
        self._on_refused = on_refused
        self._covers_sealed: set[CoverId] = set()
        self._cover_claims: dict[CoverId, int] = {}
        """Which file under way brings which cover."""
        self._stale: set[tuple[int, Fingerprint]] = set()
        self._stale_once: set[tuple[int, Fingerprint]] = set()

    async def next_items(self, count: int, under_way: Sequence[Source]) -> Sequence[Source]:
        skip = {source.id for source in under_way} | {source_id for source_id, _ in self._stale}
        return await asyncio.to_thread(self._library.index.sources.next_to_seal, count, skip)

    def forget_stale(self) -> None:
        """The files set aside were scanned again."""
        self._stale.clear()

    async def make(self, item: Source) -> SealedFile | Unsealed:
        cover = await self._claim_cover(item)
        task = SealTask(
            path=item.full_path,
            fingerprint=item.fingerprint,
            convergence=self._convergence(),
            store=self._store,
            keep=self.keep_sealed,
            cover=cover,
        )
        try:
            return await self._workers.run(seal_file, task)
        except (SourceChangedError, SourceMissingError) as error:
            # once scanned again and still as it was, it is not a change but something that stays
            again = (item.id, item.fingerprint) in self._stale_once
            return Unsealed(stale=not again, reason=str(error))
        except (UserError, DamagedError) as error:
            return Unsealed(stale=False, reason=str(error))

    async def _claim_cover(self, source: Source) -> tuple[str, str | None] | None:
        """Where to take this file's cover from, if it is to be sealed with it."""
        cover = source.cover_id
        if cover is None or cover in self._covers_sealed or cover in self._cover_claims:
            return None
        self._cover_claims[cover] = source.id
        place = await asyncio.to_thread(self._library.index.covers.place, cover)
        if place.ref is not None and self._store.keeps(place.ref.root):
            self._covers_sealed.add(cover)
            return None
        own_first = sorted(place.sources, key=lambda found: found[0].id != source.id)
        for holder, image in own_first:
            beside = None if image is None else f"{holder.folder_path.rstrip('/')}/{image}"
            return holder.full_path, beside
        return None

    async def record(self, made: Sequence[tuple[Source, SealedFile | Unsealed]]) -> None:
        await asyncio.to_thread(self._record, made)
        self._release_covers(made)
        self._on_sealed(len(made), sum(source.fingerprint.size_bytes for source, _ in made))
        stale = [source for source, result in made if isinstance(result, Unsealed) and result.stale]
        if stale:
            self._stale |= {(source.id, source.fingerprint) for source in stale}
            self._stale_once |= self._stale
            self._on_stale(stale)

    def _record(self, made: Sequence[tuple[Source, SealedFile | Unsealed]]) -> None:
        sealed = [(source, result) for source, result in made if isinstance(result, SealedFile)]
        originals = [result.original.draft for _, result in sealed if result.original.draft is not None]
        covers = [result.cover.draft for _, result in sealed if result.cover is not None and result.cover.draft]
        self._store.publish([*originals, *covers], keep=True)
        self._library.record_sealed([_sealed_source(source, result) for source, result in sealed])
        self._covers_sealed |= {cover_id(result.cover.ref.sha256) for _, result in sealed if result.cover is not None}
        for source, result in made:
            if isinstance(result, Unsealed) and not result.stale:
                self._library.index.sources.set_error(source.id, result.reason)

    def _release_covers(self, made: Sequence[tuple[Source, SealedFile | Unsealed]]) -> None:
        done = {source.id for source, _ in made}
        self._cover_claims = {cover: owner for cover, owner in self._cover_claims.items() if owner not in done}

    def dropped(self, made: Sequence[tuple[Source, SealedFile | Unsealed]]) -> None:
        self._cover_claims.clear()
        for _, result in made:
            if isinstance(result, SealedFile):
                discard(result.original, self._store)
                if result.cover is not None:
                    discard(result.cover, self._store)

    def refused(self, error: SongkeepError) -> None:
        self._on_refused(error)


def _sealed_source(source: Source, result: SealedFile) -> SealedSource:
    return SealedSource(
        source_id=source.id,
        fingerprint=source.fingerprint,
        recording_digest=result.recording_digest,
        blob=sealed_blob(result.original),
        cover=sealed_blob(result.cover) if result.cover is not None else None,
    )


def sealed_blob(sealing: Sealing) -> SealedBlob:
    """What the index keeps of a sealing whose draft, if it has one, was published as kept."""
    return SealedBlob(
        ref=sealing.ref,
        purpose=sealing.purpose,
        sealed_bytes=sealing.sealed_bytes,
        layer=sealing.layer,
        stored="pinned" if sealing.draft is not None else "none",
    )
