"""Scanning a music folder: from what lies there now to what the library knows of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from node.doors.index import Folder, KnownSource, SourceRead
from node.doors.sources import Found, Scan, SourceMissingError, is_empty
from node.flows.jobs import Failure, Job
from node.flows.listing import Differences, Read, batches, compare, in_scope, read_batch, scan_folder, scan_single_files
from node.flows.workers import WorkerDiedError, Workers
from node.library import Library

log = logging.getLogger(__name__)

Tell = Callable[[Literal["info", "warning", "error"], str], None]
"""Says one sentence to the person."""

RECORD_FILES: Final = 256
"""Listed in one transaction."""


@dataclass(slots=True)
class ScanReport:
    """What a scan came to; counts are of files."""

    added: int = 0
    known: int = 0
    gone: int = 0
    failed: list[Failure] = field(default_factory=list)
    noted: list[Failure] = field(default_factory=list)
    """Files that went in although something is wrong with them."""
    away: list[str] = field(default_factory=list)

    def add(self, other: ScanReport) -> None:
        self.added += other.added
        self.known += other.known
        self.gone += other.gone
        self.failed += other.failed
        self.noted += other.noted
        self.away += other.away


class Scanning:
    """Looks through folders, one at a time."""

    def __init__(self, library: Library, workers: Workers, *, tell: Tell, now_ms: Callable[[], int]) -> None:
        self._library = library
        self._workers = workers
        self._tell = tell
        self._now_ms = now_ms
        self._turn = asyncio.Lock()

    async def scan(
        self, folder: Folder, *, under: Collection[str] = (), moved: bool = False, again: bool = False, job: Job
    ) -> ScanReport:
        """List what is new, changed, renamed, gone or back in a folder, or in its directories `under` only.

        `moved`: files of the same place, size and time are taken for the same, whatever their inodes.
        `again`: files that could not be read are tried once more; a disk or a share may have been ill.
        A folder that is absent or suddenly empty is away: nothing is deleted and nothing said of its files.
        """
        async with self._turn:
            known = await asyncio.to_thread(self._library.index.sources.known, folder.id)
            skip = await asyncio.to_thread(self._inner_folders, folder)
            try:
                scanned = await asyncio.to_thread(scan_folder, Path(folder.path), under=under, skip=skip)
            except SourceMissingError:
                return await self._away(folder)
            if not scanned.files and await asyncio.to_thread(_suddenly_empty, folder, known, under):
                return await self._away(folder)
            await self._present(folder)
            report = await self._take(folder, scanned, in_scope(known, under), moved=moved, again=again, job=job)
            if not under:
                await asyncio.to_thread(self._library.index.folders.set_scanned, folder.id, self._now_ms())
            return report

    async def scan_files(self, folder: Folder, paths: Collection[str], *, again: bool = False, job: Job) -> ScanReport:
        """List single files below a folder of which nothing else is the library's."""
        async with self._turn:
            known = await asyncio.to_thread(self._library.index.sources.known, folder.id)
            try:
                await asyncio.to_thread(is_empty, Path(folder.path))
            except SourceMissingError:
                return await self._away(folder)
            scanned = await asyncio.to_thread(scan_single_files, Path(folder.path), {*known, *paths})
            if not scanned.files and await asyncio.to_thread(_suddenly_empty, folder, known, ()):
                return await self._away(folder)
            await self._present(folder)
            return await self._take(folder, scanned, known, again=again, job=job)

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

    async def _take(
        self,
        folder: Folder,
        scanned: Scan,
        known: Mapping[str, KnownSource],
        *,
        moved: bool = False,
        again: bool = False,
        job: Job,
    ) -> ScanReport:
        found = compare(scanned, known, moved=moved, again=again)
        report = ScanReport(known=found.same + len(found.renamed), gone=len(found.missing))
        report.failed = [Failure(_full(folder, path), reason) for path, reason in scanned.problems]
        job.begin("listing", files=len(found.to_read), size_bytes=0)
        if found.renamed or found.missing or found.returned:
            await asyncio.to_thread(self._record_moves, folder, found)
        await self._read_all(folder, found.to_read, report, job)
        return report

    def _record_moves(self, folder: Folder, found: Differences) -> None:
        self._library.record_scan(
            folder.id,
            renamed=[(each.source_id, each.path, each.fingerprint) for each in found.renamed],
            missing=found.missing,
            returned=found.returned,
        )

    async def _read_all(self, folder: Folder, files: Sequence[Found], report: ScanReport, job: Job) -> None:
        waiting = batches(files)
        reading: set[asyncio.Task[list[Read]]] = set()
        ready: list[Read] = []
        try:
            while True:
                while len(reading) <= self._workers.count and (batch := next(waiting, None)) is not None:
                    reading.add(asyncio.create_task(self._read(folder, batch)))
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

    async def _read(self, folder: Folder, files: Sequence[Found]) -> list[Read]:
        """What files say of themselves. One that crashes its reader takes no other along."""
        try:
            return await self._workers.run(read_batch, folder.path, files)
        except WorkerDiedError as error:
            if len(files) == 1:
                [file] = files
                return [Read(SourceRead(path=file.path, fingerprint=file.fingerprint, error=str(error)))]
        return [read for file in files for read in await self._read(folder, [file])]

    async def _record(self, folder: Folder, reads: Sequence[Read], report: ScanReport) -> None:
        await asyncio.to_thread(self._library.record_scan, folder.id, read=[read.source for read in reads])
        for read in reads:
            path = _full(folder, read.source.path)
            if read.source.error is not None:
                report.failed.append(Failure(path, read.source.error))
                continue
            report.added += 1
            if read.note:
                report.noted.append(Failure(path, read.note))


def _suddenly_empty(folder: Folder, known: Mapping[str, KnownSource], under: Collection[str]) -> bool:
    if not any(source.state != "missing" for source in known.values()):
        return False
    if not under:
        return True
    try:
        return is_empty(Path(folder.path))
    except SourceMissingError:
        return True


def _full(folder: Folder, path: str) -> str:
    return f"{folder.path.rstrip('/')}/{path}" if path else folder.path
