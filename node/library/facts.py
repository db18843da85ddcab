"""What flows tell the library, and what it tells them, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.catalog.model import Fingerprint, Rendition, Stream, Tags
from node.doors.index import Held, SealedBlob, Source
from node.ids import CoverId, TrackId


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """What became of what a scan found."""

    added: int
    """Files that were not known before, readable ones."""
    changed: int
    """Files known before whose contents are new."""
    ids: Sequence[int]
    """Of the sources read, in the order they were given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSource:
    """A file that was just sealed, as it was at `fingerprint`."""

    source_id: int
    fingerprint: Fingerprint
    recording_digest: bytes
    """32 bytes: SHA-256 over the demuxed packets."""
    blob: SealedBlob
    cover: SealedBlob | None = None
    """Its picture, if that was sealed too (not needed where the catalog has it already)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToRender:
    """A track that waits for its mobile rendition, and where its original is."""

    track_id: TrackId
    stream: Stream
    original: Rendition
    sources: Sequence[Source]
    """Unchanged files at hand that are this original."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackFiles:
    """Every place from which a track's music can be had here."""

    track_id: TrackId
    title: str
    tags: Tags | None
    stream: Stream | None
    sources: Sequence[Source]
    """Those at hand first."""
    originals: Sequence[Held]
    """Largest first. Empty for a track that isn't sealed yet."""
    mobile: Held | None
    mobile_aac: Held | None
    cover: CoverId | None
    hidden: bool

    def small(self, codec: str) -> Held | None:
        """Its mobile rendition in "opus" or "aac"."""
        return self.mobile_aac if codec == "aac" else self.mobile

    @property
    def renditions(self) -> list[Rendition]:
        """All of them, originals first."""
        return [one.rendition for one in (*self.originals, self.mobile, self.mobile_aac) if one is not None]
