"""Scanning a music folder: from what lies there now to what the library knows of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from node.doors.index import Folder, KnownSource, Source, SourceRead
from node.doors.sources import Found, Scan, SourceMissingError, is_empty
from node.flows.jobs import Failure, Job
from node.flows.listing import (
    Differences,
    Read,
    batches,
    compare,
    in_scope,
    look_through,
    pictures_mark,
    read_batch,
    scan_single_files,
)
from node.flows.workers import WorkerDiedError, Workers
from node.library import Library

log = logging.getLogger(__name__)

Tell = Callable[[Literal["info", "warning", "error"], str], None]
"""Says one sentence to the person."""

Pictures = Mapping[str, Sequence[str]]
"""Names of files that may be covers, by their directory."""

RECORD_FILES: Final = 256
"""Listed in one transaction."""


@dataclass(slots=True)
class ScanReport:
    """What a scan came to; counts are of files, and each file is counted once."""

    added: int = 0
    known: int = 0
    gone: int = 0
    failed: list[Failure] = field(default_factory=list)
    noted: list[Failure] = field(default_factory=list)
    """Files that went in although something is wrong with them."""
    away: list[str] = field(default_factory=list)
    listed: set[int] = field(default_factory=set)
    """The numbers of those that were added: some may turn out not to be fit for sealing."""

    def fail(self, failed: Sequence[Source]) -> None:
        """These did not go in after all."""
        told = {failure.path for failure in self.failed}
        for source in failed:
            if source.full_path not in told:
                self.failed.append(Failure(source.full_path, source.error or ""))
                self.added -= source.id in self.listed

    def add(self, other: ScanReport) -> None:
        self.added += other.added
        self.known += other.known
        self.gone += other.gone
        self.failed += other.failed
        self.noted += other.noted
        self.away += other.away
        self.listed |= other.listed


class Scanning:
    """Looks through folders, one at a time."""

    def __init__(
        self,
        library: Library,
        workers: Workers,
        *,
        tell: Tell,
        now_ms: Callable[[], int],
        holds_single_files: Callable[[Folder], bool],
    ) -> None:
        self._library = library
        self._holds_single_files = holds_single_files
        self._workers = workers
        self._tell = tell
        self._now_ms = now_ms
        self.turn = asyncio.Lock()
        """Held while a folder is looked through."""

    async def scan(
        self, folder: Folder, *, under: Collection[str] = (), moved: bool = False, again: bool = False, job: Job
    ) -> ScanReport:
        """List what is new, changed, renamed, gone or back in a folder, or in its directories `under` only.

        `moved`: files of the same place, size and time are taken for the same, whatever their inodes.
        `again`: files that could not be read are tried once more; a disk or a share may have been ill.
        A folder that is absent or suddenly empty is away: nothing is deleted and nothing said of its files.
        Of a folder of single files only these are looked at.
        """
        async with self.turn:
            if await asyncio.to_thread(self._holds_single_files, folder):  # by now
                return await self._scan_files(folder, (), again=again, job=job)
            known = await asyncio.to_thread(self._library.index.sources.known, folder.id)
            skip = await asyncio.to_thread(self._inner_folders, folder)
            try:
                scanned = await asyncio.to_thread(
                    look_through, Path(folder.path), known, under=under, skip=skip, again=again
                )
            except SourceMissingError:
                return await self._away(folder)
            if scanned.is_empty and await asyncio.to_thread(_suddenly_empty, folder, known, under):
                return await self._away(folder)
            await self._present(folder)
            found = compare(scanned, in_scope(known, under), moved=moved, again=again)
            pictures = {place: [name for name, _, _ in each] for place, each in scanned.beside.items()}
            await asyncio.to_thread(self._record_unseen, folder, scanned, under)
            report = await self._take(folder, scanned, found, pictures, job)
            await self._see_pictures(folder, scanned, known, under, job)
            if not under:
                await asyncio.to_thread(self._library.index.folders.set_scanned, folder.id, self._now_ms())
            return report

    async def scan_files(self, folder: Folder, paths: Collection[str], *, again: bool = False, job: Job) -> ScanReport:
        """List single files below a folder of which nothing else is the library's."""
        async with self.turn:
            return await self._scan_files(folder, paths, again=again, job=job)

    async def _scan_files(self, folder: Folder, paths: Collection[str], *, again: bool, job: Job) -> ScanReport:
        known = await asyncio.to_thread(self._library.index.sources.known, folder.id)
        try:
            await asyncio.to_thread(is_empty, Path(folder.path))
        except SourceMissingError:
            return await self._away(folder)
        scanned = await asyncio.to_thread(scan_single_files, Path(folder.path), {*known, *paths})
        if scanned.is_empty and await asyncio.to_thread(_suddenly_empty, folder, known, ()):
            return await self._away(folder)
        await self._present(folder)
        return await self._take(folder, scanned, compare(scanned, known, again=again), None, job)

    def _inner_folders(self, folder: Folder) -> set[str]:
        """Music folders inside this one: their files are theirs."""
        root = folder.path.rstrip("/") + "/"
        others = (other.path for other in self._library.index.folders.all())
        return {path[len(root) :] for path in others if path.startswith(root)}

    async def _away(self, folder: Folder) -> ScanReport:
        if folder.state == "present":
            await asyncio.to_thread(self._library.index.folders.set_state, folder.id, "away")
            log.info("folder_away folder=%d", folder.id)
            self._tell("warning", f"The folder {folder.path} is away; its songs stay in the library and wait for it.")
        return ScanReport(away=[folder.path])

    async def _present(self, folder: Folder) -> None:
        if folder.state == "away":
            await asyncio.to_thread(self._library.index.folders.set_state, folder.id, "present")
            log.info("folder_back folder=%d", folder.id)
            self._tell("info", f"The folder {folder.path} is back.")

    async def _see_pictures(
        self, folder: Folder, scanned: Scan, known: Mapping[str, KnownSource], under: Collection[str], job: Job
    ) -> None:
        """Read unchanged files again where the pictures beside them are others than before."""
        folders = self._library.index.folders
        before = await asyncio.to_thread(folders.beside, folder.id)
        marks = _changed_pictures(scanned, before, under)
        if not marks:
            return
        beside = [
            Found(path, source.fingerprint, True)
            for path, source in known.items()
            if source.id in scanned.same and not source.unread and path.rpartition("/")[0] in marks
        ]
        pictures = {place: [name for name, _, _ in each] for place, each in scanned.beside.items()}
        await self._read_all(folder, beside, pictures, ScanReport(), job)
        await asyncio.to_thread(folders.set_beside, folder.id, marks)

    async def _take(
        self, folder: Folder, scanned: Scan, found: Differences, pictures: Pictures | None, job: Job
    ) -> ScanReport:
        report = ScanReport(known=found.same + len(found.renamed), gone=len(found.missing))
        report.failed = [Failure(_full(folder, path), reason) for path, reason in scanned.problems]
        job.begin("listing", files=len(found.to_read), size_bytes=0)
        if found.renamed or found.missing or found.returned:
            await asyncio.to_thread(self._record_moves, folder, found)
        await self._read_all(folder, found.to_read, pictures, report, job)
        return report

    def _record_unseen(self, folder: Folder, scanned: Scan, under: Collection[str]) -> None:
        """So that `status` counts what did not go in as `add` does, also where there is nothing to read."""
        folders = self._library.index.folders
        before = folders.unseen(folder.id)
        past = {*in_scope(before, under), *under} if under else before
        now = {path: reason for path, reason in before.items() if path not in past} | dict(scanned.problems)
        if now != before:
            folders.set_unseen(folder.id, now)

    def _record_moves(self, folder: Folder, found: Differences) -> None:
        self._library.record_scan(
            folder.id,
            renamed=[(each.source_id, each.path, each.fingerprint) for each in found.renamed],
            missing=found.missing,
            returned=found.returned,
        )

    async def _read_all(
        self, folder: Folder, files: Sequence[Found], pictures: Pictures | None, report: ScanReport, job: Job
    ) -> None:
        waiting = batches(files)
        reading: set[asyncio.Task[list[Read]]] = set()
        ready: list[Read] = []
        try:
            while True:
                while len(reading) <= self._workers.count and (batch := next(waiting, None)) is not None:
                    reading.add(asyncio.create_task(self._read(folder, batch, pictures)))
                if not reading:
                    return
                done, reading = await asyncio.wait(reading, return_when=asyncio.FIRST_COMPLETED)
                ready += [read for task in done for read in task.result()]
                if len(ready) >= RECORD_FILES or not reading:
                    await self._record(folder, ready, report)
                    job.advance(files=len(ready))
                    ready = []
        finally:
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)

    async def _read(self, folder: Folder, files: Sequence[Found], pictures: Pictures | None) -> list[Read]:
        """What files say of themselves. One that crashes its reader takes no other along."""
        if pictures is not None:
            places = {file.path.rpartition("/")[0] for file in files}
            pictures = {place: pictures[place] for place in places if place in pictures}
        try:
            return await self._workers.run(read_batch, folder.path, files, pictures)
        except WorkerDiedError as error:
            if len(files) == 1:
                [file] = files
                return [Read(SourceRead(path=file.path, fingerprint=file.fingerprint, error=str(error)))]
        return [read for file in files for read in await self._read(folder, [file], pictures)]

    async def _record(self, folder: Folder, reads: Sequence[Read], report: ScanReport) -> None:
        recording = asyncio.ensure_future(
            asyncio.to_thread(self._library.record_scan, folder.id, read=[read.source for read in reads])
        )
        try:
            recorded = await asyncio.shield(recording)
        except asyncio.CancelledError:
            await asyncio.wait([recording])  # what is taken back afterwards must be there
            raise
        for source_id, read in zip(recorded.ids, reads, strict=True):
            path = _full(folder, read.source.path)
            if read.source.error is not None and read.source.tags is None:
                report.failed.append(Failure(path, read.source.error))
                continue
            report.added += 1
            report.listed.add(source_id)
            if read.note:
                report.noted.append(Failure(path, read.note))


def _changed_pictures(scanned: Scan, before: Mapping[str, bytes], under: Collection[str]) -> dict[str, bytes | None]:
    """Directories whose pictures are others than before, with what stands for them now; None: there are none."""
    now = {place: pictures_mark(pictures) for place, pictures in scanned.beside.items()}
    changed: dict[str, bytes | None] = {place: mark for place, mark in now.items() if before.get(place) != mark}
    looked_at = in_scope({f"{place}/": place for place in before}, under).values()
    return changed | {place: None for place in looked_at if place not in now and scanned.saw(f"{place}/")}


def _suddenly_empty(folder: Folder, known: Mapping[str, KnownSource], under: Collection[str]) -> bool:
    if not any(source.state != "missing" for source in known.values()):
        return False
    if not under:
        return True
    try:
        return is_empty(Path(folder.path))
    except SourceMissingError:
        return True


def report_of(
    found: ScanReport,
    folder: Folder,
    files: Collection[str],
    *,
    before: Mapping[str, KnownSource],
    after: Mapping[str, KnownSource],
) -> ScanReport:
    """What a scan came to for some files of the folder, by what was known `before` and `after` it."""
    if found.away:
        return found
    whole = {_full(folder, file): file for file in files}
    report = ScanReport(
        failed=[failure for failure in found.failed if failure.path in whole],
        noted=[note for note in found.noted if note.path in whole],
    )
    failed = {failure.path for failure in report.failed}
    ids = {source.id for source in before.values()}
    for path, file in whole.items():
        now, then = after.get(file), before.get(file)
        if path in failed:
            continue
        if now is None:
            report.failed.append(Failure(path, "by its name it is no music"))
        elif now.id in ids if then is None else then.fingerprint == now.fingerprint and not then.unread:
            report.known += 1
        else:
            report.added += 1
            report.listed.add(now.id)
    return report


def _full(folder: Folder, path: str) -> str:
    return f"{folder.path.rstrip('/')}/{path}" if path else folder.path
