"""What follows once music is listed: it is sealed, kept sealed if asked for, and made small for phones.

It goes on by itself from what the index says is left to do, shows itself as jobs, and can be hurried and paused.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self

from node.doors.audio import MobileCodec
from node.doors.blobs import BlobStore
from node.doors.index import Left, Source
from node.errors import SongkeepError
from node.flows.holdings import Holdings
from node.flows.jobs import Job, JobKind, Jobs
from node.flows.keeping import Keeping
from node.flows.rendering import RenderingStage
from node.flows.scanning import Tell
from node.flows.sealing import SealingStage
from node.flows.workers import Workers
from node.ids import TrackId
from node.library import Library

LOOK_AGAIN_S: Final = 1.0
"""How often a wait for one track looks whether it can be had by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSettings:
    """What the person chose."""

    keep_sealed: bool = False
    mobile_bitrate_bps: int = 48_000
    renditions: Literal["on", "paused", "off"] = "on"


class Background:
    """The stages behind the listing (`async with`)."""

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
        on_stale: Callable[[Sequence[Source]], None],
        on_changed: Callable[[Sequence[Source]], None],
    ) -> None:
        """`on_stale` hears of files that aren't what was listed, `on_changed` the same from any thread."""
        self._library = library
        self._jobs = jobs
        self._tell = tell
        self._tasks: list[asyncio.Task[None]] = []
        self._shown: dict[JobKind, Job] = {}
        self._adding: list[Job] = []
        self._refused: asyncio.Future[SongkeepError] | None = None
        self._renditions = "on"
        self._keeping = Keeping(
            library,
            Holdings(library, store, on_changed=on_changed),
            jobs=jobs,
            on_refused=self._on_refused,
        )
        self.sealing = SealingStage(
            library,
            store,
            workers,
            convergence=convergence,
            keep_sealed=settings.keep_sealed,
            on_stale=on_stale,
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
        self._tasks = [
            asyncio.create_task(work)
            for work in (
                self.sealing.run(),
                self.rendering.run(),
                self._keeping.run(),
                self._show("seal", self._library.index.sources.to_seal),
                self._show("renditions", self._library.to_render),
            )
        ]
        self.wake()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self) -> None:
        """There may be more to do."""
        self.sealing.wake()
        self.rendering.wake()

    def apply(self, settings: IngestSettings) -> None:
        """Take over what the person has changed; it holds from the next file on."""
        self.sealing.keep_sealed = settings.keep_sealed
        self._keeping.want(settings.keep_sealed)
        self.rendering.bitrate_bps = settings.mobile_bitrate_bps
        if settings.renditions == "on" and self._renditions != "on":
            self.rendering.go_on()
        if settings.renditions != "on" and self._renditions == "on":
            self.rendering.halt()
        self._renditions = settings.renditions

    async def make_mobile(self, track_id: TrackId, codec: MobileCodec = "opus") -> None:
        """Have the track's mobile rendition made now, and wait for it; nothing is raised if it can't be."""
        await self.ask(track_id)
        files = await asyncio.to_thread(self._library.files, track_id)
        while not files.originals and any(source.at_hand and source.error is None for source in files.sources):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.sealing.recorded(), LOOK_AGAIN_S)
            files = await asyncio.to_thread(self._library.files, track_id)
        if codec == "aac":
            await self.rendering.make_aac(files.track_id)
        else:
            await self.rendering.make_now(files.track_id)

    async def idle(self) -> None:
        """Wait until everything known is sealed and, unless they are paused, all renditions are made."""
        await self.sealed(Job("seal"), lambda: False)
        if self._renditions == "on":
            await self.rendering.idle()

    async def sealed(self, job: Job, is_stale: Callable[[], bool]) -> None:
        """Wait until nothing known is left to seal, and what was found stale was listed again.

        Raises StorageError if the disk refuses.
        """
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
                if not is_stale():
                    return
                await asyncio.sleep(LOOK_AGAIN_S / 10)
        finally:
            self._adding.remove(job)

    async def ask(self, track_id: TrackId) -> None:
        """Have this track sealed and made small before the others."""
        with contextlib.suppress(SongkeepError):
            await asyncio.to_thread(self._library.index.sources.ask, track_id)
            self.wake()

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
