"""Taking music in: list what lies in the folders, then seal it, then make it small for phones.

A track is listed and playable once its tags are read. The rest follows in the background, from what the index says is
left to do; so a crash loses nothing, and the next start goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

from node.doors.blobs import BlobStore
from node.doors.index import Folder, Left, Source
from node.errors import SongkeepError, UserError
from node.flows.holdings import Holdings
from node.flows.jobs import Failure, Job, JobKind, Jobs
from node.flows.keeping import Keeping
from node.flows.places import Places, is_below, look_at
from node.flows.rendering import RenderingStage
from node.flows.scanning import Scanning, ScanReport, Tell
from node.flows.sealing import SealingStage
from node.flows.workers import Workers
from node.ids import TrackId
from node.library import Library

log = logging.getLogger(__name__)

AddReport = ScanReport

STALE_PAUSE_S: Final = 1.0
"""A file that changes while it is sealed is probably still being copied."""
_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSettings:
    """What the person chose."""

    keep_sealed: bool = False
    mobile_bitrate_bps: int = 48_000
    renditions: Literal["on", "paused", "off"] = "on"


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
        self._jobs = jobs
        self._tell = tell
        self._places = Places(library, now_ms=now_ms)
        self._scanning = Scanning(library, workers, tell=tell, now_ms=now_ms)
        self._stale: dict[int, set[str]] = {}
        self._stale_came = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._asking: set[asyncio.Task[None]] = set()
        self._shown: dict[JobKind, Job] = {}
        self._adding: list[Job] = []
        self._refused: asyncio.Future[SongkeepError] | None = None
        self._renditions = "on"
        self._keeping = Keeping(
            library,
            Holdings(library, store, on_changed=self.see_changed),
            jobs=jobs,
            on_refused=self._on_refused,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self.sealing = SealingStage(
            library,
            store,
            workers,
            convergence=convergence,
            keep_sealed=settings.keep_sealed,
            on_stale=self._on_stale,
            on_sealed=self._on_sealed,
            on_refused=self._on_refused,
        )
        self.rendering = RenderingStage(
            library,
            store,
            workers,
            convergence=convergence,
            bitrate_bps=settings.mobile_bitrate_bps,
            on_rendered=lambda files, size_bytes: self._advance("renditions", files, size_bytes),
            on_refused=self._on_refused,
        )
        self.apply(settings)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        index = self._library.index
        self._tasks = [
            asyncio.create_task(work)
            for work in (
                self.sealing.run(),
                self.rendering.run(),
                self._rescan_stale(),
                self._keeping.run(),
                self._show("seal", index.sources.to_seal),
                self._show("renditions", self._library.to_render),
            )
        ]
        self.sealing.wake()
        self.rendering.wake()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def apply(self, settings: IngestSettings) -> None:
        """Take over what the person has changed; it holds from the next file on."""
        self.sealing.keep_sealed = settings.keep_sealed
        self._keeping.want(settings.keep_sealed)
        self.rendering.bitrate_bps = settings.mobile_bitrate_bps
        if settings.renditions == "on" and self._renditions != "on":
            self.rendering.resume()
        if settings.renditions != "on" and self._renditions == "on":
            self.rendering.pause()
        self._renditions = settings.renditions

    async def add(
        self, paths: Sequence[Path], *, job: Job | None = None, until: Literal["listed", "sealed"] = "sealed"
    ) -> AddReport:
        """Make folders and single files part of the library; returns when they are listed, or sealed too.

        A music folder that is not there is reported as away. Raises UserError if none of `paths` is known or there,
        StorageError if the disk refuses to take more.
        """
        job = job or Job("add")
        report = AddReport()
        places = await asyncio.to_thread(look_at, paths)
        known = {folder.path: folder for folder in await asyncio.to_thread(self._library.index.folders.all)}
        if all(place.kind == "absent" and place.path not in known for place in places):
            raise UserError(f"there is nothing at {places[0].path}" if places else "nothing was named to add")
        for place in places:
            match place.kind:
                case "folder":
                    report.add(await self._add_folder(place.path, job))
                case "file":
                    report.add(await self._add_file(place.path, job))
                case "absent" if place.path in known:
                    report.add(await self._scan(known[place.path], job=job))
                case "absent":
                    report.failed.append(Failure(place.path, "there is nothing of that name"))
        self.sealing.wake()
        if until == "sealed":
            await self._sealed(job)
        told = {failure.path for failure in report.failed}
        failed = await asyncio.to_thread(self._failed_below, [place.path for place in places])
        report.failed += [failure for failure in failed if failure.path not in told]
        return report

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
        task = asyncio.create_task(self._ask(track_id))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def make_mobile(self, track_id: TrackId) -> None:
        """Have the track's mobile rendition made now, and wait for it; nothing is raised if it can't be."""
        await self._ask(track_id)
        files = await asyncio.to_thread(self._library.files, track_id)
        while not files.originals and any(source.at_hand and source.error is None for source in files.sources):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.sealing.recorded(), STALE_PAUSE_S)
            files = await asyncio.to_thread(self._library.files, track_id)
        await self.rendering.make_now(files.track_id)

    def see_changed(self, sources: Sequence[Source]) -> None:
        """These files are not what they were when last looked at; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._on_stale, sources)

    async def idle(self) -> None:
        """Wait until everything known is sealed and, unless they are paused, all renditions are made."""
        await self._sealed(Job("seal"))
        if self._renditions == "on":
            await self.rendering.idle()

    # listing

    async def _add_folder(self, path: str, job: Job) -> AddReport:
        folder, under = await asyncio.to_thread(self._places.of_folder, path)
        report = await self._scan(folder, under=[under], again=True, job=job)
        for inner in await asyncio.to_thread(self._places.inside, path):
            report.add(await self._scan(inner, again=True, job=job))
        return report

    async def _add_file(self, path: str, job: Job) -> AddReport:
        folder, below = await asyncio.to_thread(self._places.of_file, path)
        if await asyncio.to_thread(self._places.holds_single_files, folder):
            return await self._scanning.scan_files(folder, [below], again=True, job=job)
        return await self._scan(folder, under=[below.rpartition("/")[0]], again=True, job=job)

    async def _scan(
        self, folder: Folder, *, under: Collection[str] = (), moved: bool = False, again: bool = False, job: Job
    ) -> AddReport:
        if await asyncio.to_thread(self._places.holds_single_files, folder):
            return await self._scanning.scan_files(folder, (), again=again, job=job)
        under = () if "" in under else under
        return await self._scanning.scan(folder, under=under, moved=moved, again=again, job=job)

    def _failed_below(self, places: Sequence[str]) -> list[Failure]:
        found: list[Failure] = []
        offset = 0
        while page := self._library.index.sources.failed(_PAGE, offset):
            found += [Failure(path, why) for path, why in page if any(_is_at(path, place) for place in places)]
            offset += len(page)
        return found

    # the stages behind it

    async def _sealed(self, job: Job) -> None:
        """Wait until nothing known is left to seal. Raises StorageError if the disk refuses."""
        left = await asyncio.to_thread(self._library.index.sources.to_seal)
        job.begin("sealing", files=left.files, size_bytes=left.bytes)
        self._adding.append(job)
        refused = self._refused = self._refused or asyncio.get_running_loop().create_future()
        try:
            while True:
                idle = asyncio.create_task(self.sealing.idle())
                await asyncio.wait([idle, refused], return_when=asyncio.FIRST_COMPLETED)
                idle.cancel()
                if refused.done():
                    raise refused.result()
                if not self._stale:
                    return
                await asyncio.sleep(STALE_PAUSE_S / 10)
        finally:
            self._adding.remove(job)

    async def _ask(self, track_id: TrackId) -> None:
        with contextlib.suppress(SongkeepError):
            await asyncio.to_thread(self._library.index.sources.ask, track_id)
            self.sealing.wake()
            self.rendering.wake()

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

    def _on_sealed(self, files: int, size_bytes: int) -> None:
        self._advance("seal", files, size_bytes)
        for job in self._adding:
            job.advance(files=files, size_bytes=size_bytes)
        self.rendering.wake()

    def _on_refused(self, error: SongkeepError) -> None:
        self._tell("error", f"Songkeep can't go on storing: {error}.")
        if self._refused is not None and not self._refused.done():
            self._refused.set_result(error)
        self._refused = None

    def _advance(self, kind: JobKind, files: int, size_bytes: int) -> None:
        if kind in self._shown:
            self._shown[kind].advance(files=files, size_bytes=size_bytes)

    async def _show(self, kind: Literal["seal", "renditions"], left: Callable[[], Left]) -> None:
        """Show a stage as a job while it has something to do. Renditions wait while files are sealed."""
        stage = self.sealing if kind == "seal" else self.rendering
        while True:
            await stage.busy()
            if kind == "seal":
                self.rendering.pause()
            amount = await asyncio.to_thread(left)
            if amount.files:
                job = self._shown[kind] = self._jobs.show(kind)
                job.begin("sealing" if kind == "seal" else "encoding", files=amount.files, size_bytes=amount.bytes)
            await stage.idle()
            if kind == "seal":
                self.rendering.resume()
            if kind in self._shown:
                self._jobs.finish(self._shown.pop(kind))


def _is_at(path: str, place: str) -> bool:
    return path == place or is_below(path, place)
