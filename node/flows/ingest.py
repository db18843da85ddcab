"""Taking music in: list what lies in the folders, then seal it, then make it small for phones.

A track is listed and playable once its tags are read. The rest follows in the background, from what the index says is
left to do; so a crash loses nothing, and the next start goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, Self

from node.doors.audio import MobileCodec
from node.doors.blobs import BlobStore
from node.doors.index import Folder, Source
from node.errors import SongkeepError, UserError
from node.flows.background import Background, IngestSettings
from node.flows.breadth import refuse_too_wide
from node.flows.jobs import Failure, Job, Jobs
from node.flows.places import Before, Named, Places, is_below, look_at
from node.flows.scanning import Scanning, ScanReport, Tell, report_of
from node.flows.workers import Workers
from node.ids import TrackId
from node.library import Library

AddReport = ScanReport

STALE_PAUSE_S: Final = 1.0
"""A file that changes while it is sealed is probably still being copied."""
_PAGE: Final = 1_000


class Ingest:
    """Lists, and keeps the two stages behind it busy (`async with`)."""

    def __init__(
        self,
        library: Library,
        store: BlobStore,
        workers: Workers,
        *,
        convergence: Callable[[], bytes],
        settings: IngestSettings,
        jobs: Jobs,
        tell: Tell,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """`convergence` gives the present epoch's key, which a revocation changes."""
        self._library = library
        self.workers = workers
        self._places = Places(library, now_ms=now_ms)
        self._scanning = Scanning(
            library, workers, tell=tell, now_ms=now_ms, holds_single_files=self._places.holds_single_files
        )
        self._stale: dict[int, set[str]] = {}
        self._stale_came = asyncio.Event()
        self._rescanning: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._background = Background(
            library,
            store,
            workers,
            convergence=convergence,
            settings=settings,
            jobs=jobs,
            tell=tell,
            on_stale=self._on_stale,
            on_changed=self.see_changed,
        )
        self.sealing, self.rendering = self._background.sealing, self._background.rendering

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._rescanning = asyncio.create_task(self._rescan_stale())
        await self._background.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._background.__aexit__(*error)
        if self._rescanning is not None:
            self._rescanning.cancel()
            await asyncio.gather(self._rescanning, return_exceptions=True)

    def apply(self, settings: IngestSettings) -> None:
        """Take over what the person has changed; it holds from the next file on."""
        self._background.apply(settings)

    async def add(
        self, paths: Sequence[Path], *, job: Job | None = None, until: Literal["listed", "sealed"] = "sealed"
    ) -> AddReport:
        """Make folders and single files part of the library; returns when they are listed, or sealed too.

        A music folder that is not there is reported as away. If the job is stopped, what is sealed stays, and the rest
        leaves the library again. Raises UserError if none of `paths` is known or there, StorageError if the disk
        refuses to take more.
        """
        job = job or Job("add")
        places = await asyncio.to_thread(look_at, paths)
        known = {folder.path: folder for folder in await asyncio.to_thread(self._library.index.folders.all)}
        if all(place.kind == "absent" and place.path not in known for place in places):
            raise UserError(f"there is nothing at {places[0].path}" if places else "nothing was named to add")
        before = await asyncio.to_thread(self._places.before)
        try:
            return await self._add(places, known, job, until)
        except asyncio.CancelledError:
            if job.stopped:
                await self._take_back(places, before)
            raise

    async def _add(
        self, places: Sequence[Named], known: Mapping[str, Folder], job: Job, until: Literal["listed", "sealed"]
    ) -> AddReport:
        report = AddReport()
        files: list[str] = []
        for place in places:
            match place.kind:
                case "folder":
                    report.add(await self._add_folder(place.path, job))
                case "file":
                    files.append(place.path)
                case "absent" if place.path in known:
                    report.add(await self._scan(known[place.path], job=job))
                case "absent":
                    report.failed.append(Failure(place.path, "there is nothing of that name"))
        report.add(await self._add_files(files, job))
        self.sealing.wake()
        if until == "sealed":
            await self._background.sealed(job, self._is_stale)
        report.fail(await asyncio.to_thread(self._failed_below, [place.path for place in places]))
        return report

    async def _take_back(self, places: Sequence[Named], before: Before) -> None:
        """Only the sealed files of what was being added stay the library's; the watch must not bring back the rest."""
        folders = await asyncio.to_thread(self._places.narrow, places, before)
        async with self._scanning.turn:
            await asyncio.to_thread(self._places.take_back, folders, before)

    async def refuse_too_wide(self, paths: Sequence[Path], *, sure: bool) -> None:
        """Raises UserError or UnsureError where one of `paths` is a folder that is hardly meant, and no known one."""

        def look() -> None:
            folders = self._library.index.folders.all()
            known = {folder.path for folder in folders if not self._places.holds_single_files(folder)}
            for path in paths:
                refuse_too_wide(path, sure=sure or os.path.abspath(path) in known)

        await asyncio.to_thread(look)

    async def register(self, path: str) -> int:
        """The identifier of the music folder for the directory `path`; nothing in it is looked at yet."""
        folder, _ = await asyncio.to_thread(self._places.of_folder, path)
        return folder.id

    async def rescan(
        self, folder_id: int | None = None, *, under: Collection[str] = (), moved: bool = False, again: bool = False
    ) -> AddReport:
        """See what has changed in a folder (in its directories `under` only), or in all of them.

        `moved`: the person says that the same files are now somewhere else, so new inodes mean nothing.
        `again`: files that could not be read are tried once more.
        """
        report = AddReport()
        folders = self._library.index.folders
        for folder in (
            [await asyncio.to_thread(folders.get, folder_id)] if folder_id else await asyncio.to_thread(folders.all)
        ):
            report.add(await self._scan(folder, under=under, moved=moved, again=again, job=Job("add")))
        self.sealing.forget_stale()
        self.rendering.try_later_ones()
        self.sealing.wake()
        return report

    def ask_for(self, track_id: TrackId) -> None:
        """Somebody wants this track: it is sealed and made small before the others."""
        task = asyncio.create_task(self._background.ask(track_id))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def make_mobile(self, track_id: TrackId, codec: MobileCodec = "opus") -> None:
        """Have the track's mobile rendition made now, and wait for it; nothing is raised if it can't be."""
        await self._background.make_mobile(track_id, codec)

    def see_changed(self, sources: Sequence[Source]) -> None:
        """These files are not what they were when last looked at; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._on_stale, sources)

    async def idle(self) -> None:
        """Wait until everything known is sealed and, unless they are paused, all renditions are made."""
        await self._background.sealed(Job("seal"), self._is_stale)
        await self._background.idle()

    # listing

    async def _add_folder(self, path: str, job: Job) -> AddReport:
        folder, under = await asyncio.to_thread(self._places.of_folder, path)
        report = await self._scan(folder, under=[under], again=True, job=job)
        for inner in await asyncio.to_thread(self._places.inside, path):
            report.add(await self._scan(inner, again=True, job=job))
        return report

    async def _add_files(self, paths: Sequence[str], job: Job) -> AddReport:
        """Each folder is looked at once, and only the files themselves are reported."""
        asked: dict[int, tuple[Folder, set[str]]] = {}
        for path in paths:
            folder, below = await asyncio.to_thread(self._places.of_file, path)
            asked.setdefault(folder.id, (folder, set()))[1].add(below)
        report = AddReport()
        for folder, files in asked.values():
            before = await asyncio.to_thread(self._library.index.sources.known, folder.id)
            single = await asyncio.to_thread(self._places.holds_single_files, folder)
            if single:
                found = await self._scanning.scan_files(folder, files, again=True, job=job)
            else:
                places = {file.rpartition("/")[0] for file in files}
                found = await self._scan(folder, under=places, again=True, job=job)
            after = await asyncio.to_thread(self._library.index.sources.known, folder.id)
            part = report_of(found, folder, files, before=before, after=after)
            if single and not before and not (part.added or part.away):
                await asyncio.to_thread(self._library.remove_folder, folder.id)  # nothing in it went in
            report.add(part)
        return report

    async def _scan(
        self, folder: Folder, *, under: Collection[str] = (), moved: bool = False, again: bool = False, job: Job
    ) -> AddReport:
        under = () if "" in under else under
        return await self._scanning.scan(folder, under=under, moved=moved, again=again, job=job)

    def _failed_below(self, places: Sequence[str]) -> list[Source]:
        found: list[Source] = []
        offset = 0
        while page := self._library.index.sources.failed(_PAGE, offset):
            found += [source for source in page if any(_is_at(source.full_path, place) for place in places)]
            offset += len(page)
        return found

    # files that are not what was listed

    def _is_stale(self) -> bool:
        return bool(self._stale)

    def _on_stale(self, sources: Sequence[Source]) -> None:
        for source in sources:
            self._stale.setdefault(source.folder_id, set()).add(source.path.rpartition("/")[0])
        self._stale_came.set()

    async def _rescan_stale(self) -> None:
        while True:
            await self._stale_came.wait()
            self._stale_came.clear()
            await asyncio.sleep(STALE_PAUSE_S)
            for folder_id, under in list(self._stale.items()):
                with contextlib.suppress(SongkeepError):
                    await self.rescan(folder_id, under=under)
                if self._stale.get(folder_id) == under:
                    del self._stale[folder_id]


def _is_at(path: str, place: str) -> bool:
    return path == place or is_below(path, place)
