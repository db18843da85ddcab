"""Playing: from a track's name to its bytes, from the nearest place that has them whole."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Literal, Self

from node.catalog.model import BlobRef, Rendition, RenditionKind, Stream
from node.doors.audio import MobileCodec
from node.doors.blobs import BlobStore
from node.doors.index import Source
from node.doors.sources import OpenSource, SourceChangedError, SourceMissingError
from node.errors import DamagedError, SongkeepError, UnavailableError
from node.flows.reading import Fetch, Place, Reading, SealedSource, StoredBlob, Threads, Trouble, UnsealedSource, Way
from node.ids import TrackId, to_text
from node.library import Library, TrackFiles

log = logging.getLogger(__name__)

Wanted = Literal["auto", "original", "mobile", "aac"]
"""aac: the small one for what plays no Opus."""
_Kind = Literal["original", "mobile", "aac"]

MAX_COVER_BYTES: Final = 32 << 20
MAKING_TIMEOUT_S: Final = 60.0
_BROWSERS_PLAY: Final = frozenset(("mp3", "flac", "aac", "vorbis", "opus", "pcm_s16le", "pcm_s24le", "pcm_u8"))


class Audio:
    """One rendition of a track, open for reading (`async with`)."""

    def __init__(
        self, reading: Reading, *, kind: RenditionKind, stream: Stream, etag: str, mtime_ns: int, file_name: str
    ) -> None:
        self._reading = reading
        self.kind = kind
        self.stream = stream
        self.size_bytes = reading.size_bytes
        self.mime = stream.mime
        self.etag = etag
        """Names exactly these bytes; without quotes."""
        self.mtime_ms = mtime_ns // 1_000_000
        self.file_name = file_name

    def read(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` to `stop`, in parts of up to 256 KiB, each checked before it is given.

        Raises DamagedError or UnavailableError when no place has them whole.
        """
        return self._reading.read(start, stop)

    def close(self) -> None:
        self._reading.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class Streams:
    """Opens tracks and pictures for reading."""

    def __init__(
        self,
        library: Library,
        store: BlobStore,
        *,
        fetches: Sequence[Fetch] = (),
        on_trouble: Callable[[Trouble], None] = lambda trouble: None,
        make_mobile: Callable[[TrackId, MobileCodec], Awaitable[None]] | None = None,
    ) -> None:
        """`on_trouble` is called in a thread; `make_mobile` returns when that is made of the track."""
        self._library = library
        self._store = store
        self._fetches = tuple(fetches)
        self._on_trouble = on_trouble
        self._make_mobile = make_mobile
        self._threads = Threads()

    async def open(self, track_id: str, wanted: Wanted = "auto") -> Audio:
        """The track's sound. Raises NotFoundError; UnavailableError says what is left of it, if anything."""
        loop = asyncio.get_running_loop()
        files, audio = await loop.run_in_executor(self._threads.urgent, self._open, track_id, wanted)
        codec: MobileCodec = "aac" if wanted == "aac" else "opus"
        if audio is None and wanted != "original" and files.small(codec) is None and self._make_mobile is not None:
            with contextlib.suppress(TimeoutError, SongkeepError):
                await asyncio.wait_for(self._make_mobile(files.track_id, codec), MAKING_TIMEOUT_S)
            small: Wanted = "aac" if wanted == "aac" else "mobile"
            files, audio = await loop.run_in_executor(self._threads.urgent, self._open, track_id, small)
        if audio is None and wanted == "auto":
            files, audio = await loop.run_in_executor(self._threads.urgent, self._open, track_id, "original")
        if audio is None:
            raise UnavailableError(_what_is_left(files, wanted))
        return audio

    async def blob(self, blob: BlobRef) -> bytes:
        """The whole of a small blob, at most 32 MiB: a picture. Raises UnavailableError or DamagedError."""
        if blob.size_bytes > MAX_COVER_BYTES:
            raise DamagedError("a picture is larger than Songkeep shows")
        reading = self.reading(blob, ())
        try:
            return b"".join([part async for part in reading.read(0, blob.size_bytes)])
        finally:
            reading.close()

    def use_fetches(self, fetches: Sequence[Fetch]) -> None:
        """Ask these for what isn't here, in this order, from the next song on."""
        self._fetches = tuple(fetches)

    def close(self) -> None:
        self._threads.close()

    def _open(self, track_id: str, wanted: Wanted) -> tuple[TrackFiles, Audio | None]:
        files = self._library.files(track_id)
        kinds = _order(wanted, files)
        for open_kind in (self._open_here, self._open_afar):
            for kind in kinds:
                audio = open_kind(files, kind)
                if audio is not None:
                    return files, audio
        return files, None

    def _open_here(self, files: TrackFiles, kind: _Kind) -> Audio | None:
        """The first rendition of that kind which can be opened on this device."""
        for rendition in _renditions(files, kind):
            same = [source for source in files.sources if source.root == rendition.blob.root]
            reading = self.reading(rendition.blob, same)
            if reading.open_place():
                return _audio(files, rendition, reading)
        for source in files.sources if kind == "original" else ():
            if source.stream is not None and source.root is None:
                with contextlib.suppress(SourceMissingError, SourceChangedError):
                    return self._unsealed(source, source.stream)
        return None

    def _open_afar(self, files: TrackFiles, kind: _Kind) -> Audio | None:
        """A rendition of that kind, to be asked of other devices."""
        for rendition in _renditions(files, kind) if self._fetches else ():
            return _audio(files, rendition, self.reading(rendition.blob, ()))
        return None

    def _unsealed(self, source: Source, stream: Stream) -> Audio:
        facts = source.fingerprint
        reading = self.reading_unsealed(source)
        if not reading.open_place():
            raise SourceMissingError("the file is not there")
        return Audio(
            reading,
            kind="original",
            stream=stream,
            etag=f"{facts.size_bytes:x}-{facts.mtime_ns:x}-{facts.ctime_ns:x}-{facts.inode:x}",
            mtime_ns=facts.mtime_ns,
            file_name=_last_part(source.path),
        )

    def reading_unsealed(self, source: Source) -> Reading:
        """A file that waits to be sealed, while it is what the scan saw. Not opened yet."""
        way = Way(
            "source", lambda: UnsealedSource(OpenSource(source.full_path, expected=source.fingerprint)), source.id
        )
        return Reading(source.fingerprint.size_bytes, ways=[way], threads=self._threads, on_trouble=self._tell)

    def reading(self, blob: BlobRef, sources: Sequence[Source]) -> Reading:
        """A blob's plaintext, from `sources` that are it, else the store, else other devices. Not opened yet."""
        from_sources = [Way("source", partial(self._sealed_source, source, blob), source.id) for source in sources]
        return Reading(
            blob.size_bytes,
            ways=[*from_sources, Way("store", partial(self._stored, blob))],
            threads=self._threads,
            blob=blob,
            fetches=self._fetches,
            on_trouble=self._tell,
        )

    def _sealed_source(self, source: Source, blob: BlobRef) -> Place:
        layer = self._library.index.blobs.layer(blob.root)
        return SealedSource(OpenSource(source.full_path, expected=source.fingerprint), blob, layer)

    def _stored(self, blob: BlobRef) -> Place:
        reader = self._store.reader(blob.root)
        try:
            return StoredBlob(reader, blob)
        except BaseException:
            reader.close()
            raise

    def _tell(self, trouble: Trouble) -> None:
        name = to_text(trouble.blob.root) if trouble.blob else "-"
        log.warning("read_failed blob=%s place=%s error=%s", name, trouble.place, type(trouble.error).__name__)
        self._on_trouble(trouble)


def _renditions(files: TrackFiles, kind: _Kind) -> list[Rendition]:
    if kind == "aac":
        return [] if files.mobile_aac is None else [files.mobile_aac.rendition]
    return [rendition for rendition in files.renditions if rendition.kind == kind]


def _audio(files: TrackFiles, rendition: Rendition, reading: Reading) -> Audio:
    return Audio(
        reading,
        kind=rendition.kind,
        stream=rendition.stream,
        etag=to_text(rendition.blob.sha256),
        mtime_ns=rendition.mtime_ns,
        file_name=_last_part(rendition.path) or f"{files.title}.{'m4a' if rendition.stream.codec == 'aac' else 'webm'}",
    )


def _order(wanted: Wanted, files: TrackFiles) -> tuple[_Kind, ...]:
    if wanted != "auto":
        return (wanted,)
    codec = files.stream.codec if files.stream is not None else ""
    return ("original", "mobile") if codec in _BROWSERS_PLAY else ("mobile",)


def _what_is_left(files: TrackFiles, wanted: Wanted) -> str:
    if wanted == "original" and files.mobile is not None:
        return "the file is not there any more and no sealed copy of it is on this device; its mobile rendition is left"
    if wanted in ("mobile", "aac"):
        return "its mobile rendition has not been made yet"
    if any(source.in_cloud and source.state != "missing" for source in files.sources):
        return "the file is only in the cloud; have your cloud program download it, and it plays"
    if any(source.folder_state == "away" for source in files.sources):
        return "the folder with this song is away; connect its disk and it plays again"
    return "the file is not there any more and nothing of it is left on this device"


def _last_part(path: str) -> str:
    return path.rpartition("/")[2]
