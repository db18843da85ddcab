"""Files that are unchanged since they were read, given as they are: the shortest way from a disk to an app.

What is sent this way has not been sealed again and compared, as everything that leaves for other devices is: that the
file's size, times and inode are what they were is enough for the person's own ears, and three times as quick.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final

from node.catalog.model import Stream
from node.doors.index import Source
from node.doors.sources import OpenSource, SourceChangedError, SourceMissingError
from node.ids import TrackId, to_text
from node.library import Library, TrackFiles

KNOWN_TRACKS: Final = 4_096
_THREADS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTrack:
    """What there is of a track, as of the library's latest change."""

    id: TrackId
    original: Stream | None
    """None: there is none, and never was one here."""
    mobile: Stream | None
    source: Source | None
    """An unchanged file that is the track, if one is at hand."""
    etag: str
    file_name: str
    last_modified: str


class Direct:
    """Remembers where tracks are, and opens their files."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._known: dict[str, KnownTrack] = {}
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="direct")
        self._stop_listening = library.on_change(lambda revision: self._forget())

    def close(self) -> None:
        self._stop_listening()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def of(self, track_id: str) -> KnownTrack:
        """What there is of a track. Raises NotFoundError."""
        known = self._known.get(track_id)
        if known is None:
            memory = self._known
            loop = asyncio.get_running_loop()
            known = await loop.run_in_executor(self._threads, self._look, track_id)
            if len(memory) >= KNOWN_TRACKS:
                memory.clear()
            # Into the memory that stood when it was asked: after a change that one is not looked into any more.
            memory[track_id] = known
        return known

    async def begin(self, known: KnownTrack, start: int, length: int) -> tuple[OpenSource, bytes] | None:
        """The track's file, open, and its bytes from `start`; None if it is not there as it was. The caller closes."""
        if known.source is None:
            return None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _begin, known.source, start, length)

    async def go_on(self, file: OpenSource, start: int, length: int) -> bytes:
        """More of an open file. Raises SourceChangedError, SourceMissingError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _read, file, start, length)

    def _forget(self) -> None:
        self._known = {}

    def _look(self, track_id: str) -> KnownTrack:
        files = self._library.files(track_id)
        found = next(_unchanged(files), None)
        source, sha256 = found if found is not None else (None, None)
        facts = None if source is None else source.fingerprint
        return KnownTrack(
            id=files.track_id,
            original=files.stream if files.originals or files.sources else None,
            mobile=None if files.mobile is None else files.mobile.rendition.stream,
            source=source,
            etag=to_text(sha256) if sha256 else fingerprint_tag(source),
            file_name="" if source is None else source.path.rpartition("/")[2],
            last_modified=formatdate(facts.mtime_ns / 1e9, usegmt=True) if facts else "",
        )


def fingerprint_tag(source: Source | None) -> str:
    """An entity tag for a file whose bytes are not known by their hash yet."""
    if source is None:
        return ""
    facts = source.fingerprint
    return f"{facts.size_bytes:x}-{facts.mtime_ns:x}-{facts.ctime_ns:x}-{facts.inode:x}"


def _unchanged(files: TrackFiles) -> Iterator[tuple[Source, bytes | None]]:
    """Files at hand that are the track, each with its SHA-256 if that is known; the best original's first."""
    at_hand = [source for source in files.sources if source.at_hand and source.state == "present" and source.stream]
    for held in files.originals:
        blob = held.rendition.blob
        yield from ((source, blob.sha256) for source in at_hand if source.root == blob.root)
    yield from ((source, None) for source in at_hand if source.root is None)


def _begin(source: Source, start: int, length: int) -> tuple[OpenSource, bytes] | None:
    try:
        file = OpenSource(source.full_path, expected=source.fingerprint)
    except (SourceChangedError, SourceMissingError):
        return None
    try:
        return file, _read(file, start, length)
    except (SourceChangedError, SourceMissingError):
        file.close()
        return None
    except BaseException:
        file.close()
        raise


def _read(file: OpenSource, start: int, length: int) -> bytes:
    data = file.read(start, length)
    file.check()
    return data
