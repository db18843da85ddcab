"""Rendering: a small Opus rendition of each sealed track for phones, in the background, the asked-for ones first.

One in AAC is made only where somebody asks for it, whose device plays no Opus.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from node.catalog.model import BlobRef, Fingerprint, Stream
from node.crypto.blob import Purpose, Shape
from node.doors import audio
from node.doors.blobs import BlobStore
from node.doors.sources import OpenSource, SourceChangedError, SourceMissingError
from node.errors import DamagedError, NotFoundError, SongkeepError, UserError
from node.flows.reading import MOST_CHUNKS, StoredBlob
from node.flows.seal import Sealing, discard, seal_source
from node.flows.sealing import sealed_blob
from node.flows.stage import Stage
from node.flows.stumbling import blamed_on_its_file
from node.flows.workers import Workers, is_halted
from node.ids import TrackId
from node.library import Library, ToRender

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderTask:
    """One track to encode, from any of its files; a value for a worker."""

    files: tuple[tuple[str, Fingerprint], ...]
    original: BlobRef
    """Read from the store where none of the files is as it was."""
    codec: audio.MobileCodec
    bitrate_bps: int
    convergence: bytes
    store: BlobStore
    in_background: bool
    """It stops where it is when renditions are paused."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mobile rendition, in a draft of the store."""

    sealing: Sealing
    stream: Stream


@dataclass(frozen=True, slots=True)
class Unrendered:
    """Why there is none: `later` if the file isn't there as it was."""

    later: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Halted:
    """Renditions were paused: there is none yet, and nothing is left of it."""


Outcome = Rendered | Unrendered | Halted


@blamed_on_its_file
def render_file(task: RenderTask) -> Rendered | Halted:
    """In a worker. Raises SourceMissingError, SourceChangedError, UserError, DamagedError or StorageError."""
    missing: SourceMissingError | SourceChangedError = SourceMissingError("no file of this song is there")
    for path, fingerprint in task.files:
        try:
            with OpenSource(path, expected=fingerprint) as source:
                return _render(Path(path), task, check=source.check)
        except (SourceMissingError, SourceChangedError) as error:
            missing = error
    try:
        reader = task.store.reader(task.original.root)
    except NotFoundError:
        raise missing from None
    with reader, task.store.scratch(".original") as plain:
        blob = StoredBlob(reader, task.original)
        with plain.open("xb") as file:
            for first in range(0, Shape(task.original.size_bytes).chunks, MOST_CHUNKS):
                if task.in_background and is_halted():
                    return Halted()
                file.write(blob.plain(first, MOST_CHUNKS))
        return _render(plain, task)


def _render(path: Path, task: RenderTask, *, check: Callable[[], None] = lambda: None) -> Rendered | Halted:
    should_stop = is_halted if task.in_background else lambda: False
    with task.store.scratch(".m4a" if task.codec == "aac" else ".webm") as encoded:
        try:
            stream = audio.encode_mobile(
                path, encoded, codec=task.codec, bitrate_bps=task.bitrate_bps, should_stop=should_stop
            )
        except audio.StoppedError:
            return Halted()
        check()
        with OpenSource(encoded) as source:
            sealing = seal_source(source, purpose=Purpose.MOBILE, convergence=task.convergence, store=task.store)
    return Rendered(sealing, stream)


class RenderingStage(Stage[ToRender, Outcome]):
    """Encodes what the library lists as having no mobile rendition yet."""

    def __init__(
        self,
        library: Library,
        store: BlobStore,
        workers: Workers,
        *,
        convergence: Callable[[], bytes],
        bitrate_bps: int,
        on_rendered: Callable[[int, int], None],
        on_refused: Callable[[SongkeepError], None],
    ) -> None:
        """`on_rendered` hears how many tracks and bytes of originals were done."""
        super().__init__(at_once=max(1, workers.count - 1))
        self._library = library
        self._store = store
        self._workers = workers
        self._convergence = convergence
        self.bitrate_bps = bitrate_bps
        self._on_rendered = on_rendered
        self._on_refused = on_refused
        self._later: set[TrackId] = set()
        self._made_apart: dict[TrackId, asyncio.Task[None]] = {}
        self._made_in_aac: dict[TrackId, asyncio.Task[bool]] = {}

    async def next_items(self, count: int, under_way: Sequence[ToRender]) -> Sequence[ToRender]:
        skip = {item.track_id for item in under_way} | self._later | self._made_apart.keys()
        return await asyncio.to_thread(self._library.next_to_render, count, skip)

    def halt(self) -> None:
        """Pause, and stop within the second what is under way, unless somebody waits for it."""
        self.pause()
        self._workers.halted = True

    def go_on(self) -> None:
        """Undo `halt`."""
        self._workers.halted = False
        self.resume()

    def try_later_ones(self) -> None:
        """Files that were not there may be there again."""
        self._later.clear()

    async def make_now(self, track_id: TrackId) -> None:
        """Make one rendition at once, also while paused, and wait for it. Nothing is raised if it can't be made."""
        for task, item in self._making.items():
            if item.track_id == track_id:
                await asyncio.wait([task])
                if task.cancelled() or task.exception() is not None or not isinstance(task.result(), Halted):
                    return
                break
        if track_id not in self._made_apart:
            self._made_apart[track_id] = asyncio.create_task(self._make_apart(track_id))
        await asyncio.shield(self._made_apart[track_id])

    async def make_aac(self, track_id: TrackId) -> None:
        """Make one in AAC at once, also while paused, and wait for it. Nothing is raised if it can't be made."""
        if track_id not in self._made_in_aac:
            task = self._made_in_aac[track_id] = asyncio.create_task(self.make_again(track_id, "aac"))
            task.add_done_callback(lambda _: self._made_in_aac.pop(track_id))
        await asyncio.shield(self._made_in_aac[track_id])

    async def make_again(self, track_id: TrackId, codec: audio.MobileCodec) -> bool:
        """Make a rendition whether or not there is one, such as one that was damaged; whether it could be made."""
        item = await asyncio.to_thread(self._again, track_id)
        if item is None:
            return False
        result = await self._make(item, codec, in_background=False)
        if codec == "opus" or isinstance(result, Rendered):  # what AAC can't be made of is still tried as Opus
            await self.record([(item, result)])
        return isinstance(result, Rendered)

    def _again(self, track_id: TrackId) -> ToRender | None:
        files = self._library.files(track_id)
        for held in files.originals:
            blob = held.rendition.blob
            sources = [source for source in files.sources if source.root == blob.root and source.at_hand]
            if sources or self._store.has(blob.root):
                stream, original = held.rendition.stream, held.rendition
                return ToRender(track_id=files.track_id, stream=stream, original=original, sources=sources)
        return None

    async def _make_apart(self, track_id: TrackId) -> None:
        try:
            skip = self._made_apart.keys() - {track_id}
            for item in await asyncio.to_thread(self._library.next_to_render, 1, skip):  # it was asked for: it is first
                if item.track_id == track_id:
                    await self.record([(item, await self._make(item, "opus", in_background=False))])
        finally:
            del self._made_apart[track_id]

    async def make(self, item: ToRender) -> Outcome:
        return await self._make(item, "opus", in_background=True)

    async def _make(self, item: ToRender, codec: audio.MobileCodec, *, in_background: bool) -> Outcome:
        task = RenderTask(
            files=tuple((source.full_path, source.fingerprint) for source in item.sources),
            codec=codec,
            bitrate_bps=self.bitrate_bps,
            original=item.original.blob,
            convergence=self._convergence(),
            store=self._store,
            in_background=in_background,
        )
        try:
            return await self._workers.run(render_file, task)
        except (SourceChangedError, SourceMissingError) as error:
            return Unrendered(later=True, reason=str(error))
        except (UserError, DamagedError) as error:
            return Unrendered(later=False, reason=str(error))

    async def record(self, made: Sequence[tuple[ToRender, Outcome]]) -> None:
        made = [(item, result) for item, result in made if not isinstance(result, Halted)]
        await asyncio.to_thread(self._record, made)
        self._later |= {item.track_id for item, result in made if isinstance(result, Unrendered) and result.later}
        self._on_rendered(len(made), sum(item.original.blob.size_bytes for item, _ in made))

    def _record(self, made: Sequence[tuple[ToRender, Outcome]]) -> None:
        drafts = [result.sealing.draft for _, result in made if isinstance(result, Rendered) and result.sealing.draft]
        self._store.publish(drafts, keep=True)
        for item, result in made:
            if isinstance(result, Rendered):
                self._library.record_rendered(item.track_id, sealed_blob(result.sealing), result.stream)
            elif isinstance(result, Unrendered) and not result.later:
                log.info("rendition_failed track=%s", item.track_id)
                self._library.render_failed(item.track_id, result.reason)

    def dropped(self, made: Sequence[tuple[ToRender, Outcome]]) -> None:
        for _, result in made:
            if isinstance(result, Rendered):
                discard(result.sealing, self._store)

    def refused(self, error: SongkeepError) -> None:
        self._on_refused(error)
