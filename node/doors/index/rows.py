"""What the index gives and takes, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from node.catalog.model import BlobRef, Fingerprint, Rendition, Stream, Tags
from node.crypto.blob import Purpose
from node.ids import BlobRoot, CoverId, TrackId

FolderState = Literal["present", "away"]
SourceState = Literal["present", "changed", "missing"]
"""changed: other bytes than those that were sealed from it, not yet sealed again."""
StoredState = Literal["none", "cache", "pinned"]
STORED: Final[tuple[StoredState, ...]] = ("none", "cache", "pinned")
"""By the number that stands for it in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """One music folder of this device."""

    id: int
    path: str
    state: FolderState
    added_ms: int
    scanned_ms: int | None


@dataclass(frozen=True, slots=True)
class KnownSource:
    """What a scan compares a file with."""

    id: int
    fingerprint: Fingerprint
    state: SourceState
    failed: bool
    unread: bool
    """Nothing it said of itself is known: it failed before that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file in a music folder, as it was last read."""

    id: int
    folder_id: int
    folder_path: str
    folder_state: FolderState
    path: str
    """Below the folder, '/' between the parts, with surrogate escapes."""
    fingerprint: Fingerprint
    state: SourceState
    track_id: TrackId | None
    """Provisional until its recording is known. None: it could not be read as music."""
    sha256: bytes | None
    root: BlobRoot | None
    """None: not sealed as it is now."""
    tags: Tags | None
    stream: Stream | None
    cover_id: CoverId | None
    error: str | None
    hidden: bool
    added_ms: int

    @property
    def full_path(self) -> str:
        return f"{self.folder_path.rstrip('/')}/{self.path}"

    @property
    def at_hand(self) -> bool:
        """Whether the file was there when last looked, in a folder that is present."""
        return self.state != "missing" and self.folder_state == "present" and not self.in_cloud

    @property
    def in_cloud(self) -> bool:
        """Whether a cloud service left only its name here: a scan then notes no change time."""
        return self.fingerprint.ctime_ns == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverFound:
    """A picture seen while a file was read."""

    sha256: bytes
    mime: str
    size_bytes: int
    file: str | None = None
    """An image beside the music (path below the folder). None: it is inside the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRead:
    """One file as a scan read it: its facts, or why it could not be read."""

    path: str
    fingerprint: Fingerprint
    tags: Tags | None = None
    stream: Stream | None = None
    cover: CoverFound | None = None
    error: str | None = None
    """With tags: its name is all that is here, and what is known of it already stands."""


@dataclass(frozen=True, slots=True)
class Left:
    """What waits to be done: files, and their bytes (for renditions: of the originals)."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBlob:
    """A blob that was just sealed, and where its bytes are now."""

    ref: BlobRef
    purpose: Purpose
    sealed_bytes: int
    layer: bytes
    stored: StoredState


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlob:
    """A blob whose layer this device keeps; `stored` says where its sealed bytes are."""

    root: BlobRoot
    purpose: Purpose
    size_bytes: int
    sealed_bytes: int
    stored: StoredState
    used_ms: int
    verified_ms: int | None
    damaged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverPlace:
    """Where a cover can be had."""

    id: CoverId
    mime: str
    ref: BlobRef | None
    """None: not sealed yet."""
    sources: Sequence[tuple[Source, str | None]]
    """Files that have it inside, or (path below the folder) beside them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A rendition in the catalog, and what this device has of it."""

    rendition: Rendition
    stored: StoredState
    damaged: bool
