"""What the catalog says of a recording: its tags, its blobs and its renditions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from node.ids import BlobRoot, CoverId, TrackId, to_text

RenditionKind = Literal["original", "mobile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """What a file says of itself, in one shape for every container. Absent is '' or () or None."""

    title: str = ""
    artists: tuple[str, ...] = ()
    album: str = ""
    album_artists: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    composers: tuple[str, ...] = ()
    track_no: int | None = None
    track_total: int | None = None
    disc_no: int | None = None
    disc_total: int | None = None
    disc_subtitle: str = ""
    date: str = ""
    """As written, ISO 8601 at whatever precision: 1997, 1997-06, 1997-06-16."""
    original_date: str = ""
    compilation: bool = False
    title_sort: str = ""
    artist_sort: str = ""
    album_sort: str = ""
    album_artist_sort: str = ""
    bpm: int | None = None
    isrc: str = ""
    moods: tuple[str, ...] = ()
    comment: str = ""
    musicbrainz: tuple[tuple[str, str], ...] = ()
    """Pairs such as ('track', uuid), sorted: recording, track, release, release_group, artist, album_artist, ..."""
    track_gain_db: float | None = None
    track_peak: float | None = None
    album_gain_db: float | None = None
    album_peak: float | None = None
    release_types: tuple[str, ...] = ()
    explicit: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The one audio stream of a file."""

    codec: str
    """ffmpeg's name: mp3, flac, aac, alac, vorbis, opus, pcm_s16le, wmav2, ..."""
    mime: str
    """Content type to serve the whole file with, as RFC 6381 has it: 'audio/webm; codecs=opus'."""
    duration_ms: int
    sample_rate_hz: int
    channels: int
    bitrate_bps: int
    bit_depth: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobRef:
    """All that opens one sealed blob (docs/FORMAT.md, "Blobs"). Secret: it holds the key."""

    root: BlobRoot
    key: bytes = field(repr=False)
    """32 bytes."""
    commitment: bytes
    """32 bytes."""
    size_bytes: int
    """Of the plaintext, before padding."""
    sha256: bytes
    """32 bytes: of the plaintext."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One encoding of a track. An `original` also knows the file it came from, so that export gives it back."""

    kind: RenditionKind
    blob: BlobRef
    stream: Stream
    path: str = ""
    """original: the file's path below its music folder, '/' between the parts, with surrogate escapes."""
    mtime_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One recording, as the merged catalog has it."""

    id: TrackId
    tags: Tags
    stream: Stream
    added_ms: int
    originals: tuple[Rendition, ...] = ()
    """One for each different file of this recording."""
    mobile: Rendition | None = None
    cover: BlobRef | None = None
    extra: dict[str, object] = field(default_factory=dict)
    """Fields written by a newer version, kept as they came."""


@dataclass(frozen=True, slots=True, order=True)
class Fingerprint:
    """What tells that a file on disk is still the one that was read: all four must be as they were."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    """Its low 63 bits: some file systems have longer ones, SQLite has not."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "inode", self.inode & ((1 << 63) - 1))


def cover_id(image_sha256: bytes) -> CoverId:
    """The API's name of a cover: from the SHA-256 of the image's bytes."""
    return CoverId(to_text(image_sha256[:16]))
