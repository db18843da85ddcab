"""Made-up files and sealings for tests of the index and the library."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from node.catalog.model import BlobRef, Fingerprint, Stream, Tags
from node.crypto.blob import Purpose
from node.doors.index import CoverFound, Index, SealedBlob, Source, SourceRead
from node.ids import BlobRoot, TrackId
from node.library import Library, SealedSource
from tests.catalog.devices import member

IDENTITY = bytes(range(32))
NOW_MS = 1_750_000_000_000
STREAM = Stream(codec="flac", mime="audio/flac", duration_ms=60_000, sample_rate_hz=44_100, channels=2, bitrate_bps=900)


@contextmanager
def opened(path: Path, *, name: str = "home", now_ms: Callable[[], int] = lambda: NOW_MS) -> Iterator[Library]:
    """A library over the index at `path`."""
    with Index.open(path) as index:
        yield Library.open(index, member(name), IDENTITY, now_ms=now_ms)


def file(path: str, *, at: int = 1, size: int = 1_000, cover: bytes | None = None, **tags: object) -> SourceRead:
    """A file as a scan reads it; its title is its name unless given."""
    tags.setdefault("title", path.rpartition("/")[2].partition(".")[0])
    return SourceRead(
        path=path,
        fingerprint=Fingerprint(size, at, at, hash(path) % 1_000_000),
        tags=Tags(**tags),  # type: ignore[arg-type]
        stream=STREAM,
        cover=None if cover is None else CoverFound(sha256=sha(cover), mime="image/png", size_bytes=len(cover)),
    )


def broken(path: str, reason: str = "it is a picture") -> SourceRead:
    return SourceRead(path=path, fingerprint=Fingerprint(1, 1, 1, 1), error=reason)


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def blob(content: bytes, purpose: Purpose = Purpose.ORIGINAL, *, stored: str = "none") -> SealedBlob:
    """The blob that `content` would be sealed to."""
    ref = BlobRef(
        root=BlobRoot(sha(b"root" + content)),
        key=sha(b"key" + content),
        commitment=sha(b"commitment" + content),
        size_bytes=1_000 + len(content),
        sha256=sha(content),
    )
    return SealedBlob(ref=ref, purpose=purpose, sealed_bytes=2_000, layer=sha(b"layer" + content), stored=stored)  # type: ignore[arg-type]


def sealing(source: Source, *, content: bytes | None = None, recording: bytes | None = None, stored: str = "none",
            cover: bytes | None = None) -> SealedSource:  # fmt: skip
    """What sealing makes of a file; its content and its recording are its path unless given."""
    content = content if content is not None else source.path.encode("utf-8", "surrogateescape")
    return SealedSource(
        source_id=source.id,
        fingerprint=source.fingerprint,
        recording_digest=sha(recording if recording is not None else content),
        blob=blob(content, stored=stored),
        cover=None if cover is None else blob(cover, Purpose.COVER, stored="pinned"),
    )


def seal_all(library: Library) -> list[TrackId | None]:
    """Seal everything that waits for it."""
    return library.record_sealed([sealing(source) for source in library.index.sources.next_to_seal(1_000)])


def titles(library: Library, **narrowed: str) -> list[str]:
    return [track["title"] for track in library.tracks(**narrowed)["items"]]  # type: ignore[arg-type]
