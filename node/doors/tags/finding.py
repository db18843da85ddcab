"""What the reader of one container hands back, and the file it reads from."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field

from node.catalog.model import Stream
from node.catalog.sniff import picture_mime
from node.doors.tags.facts import MAX_COVER_BYTES, MAX_READ_BYTES, CoverArt
from node.doors.tags.fields import Fields
from node.errors import DamagedError

FRONT_COVER = 3
"""The picture type of ID3, FLAC and ASF alike (ID3v2.4 frames, section 4.14)."""
MAX_PICTURES = 32


@dataclass(slots=True, kw_only=True)
class Finding:
    """One container's contents, still under our own field names."""

    stream: Stream
    fields: Fields = field(default_factory=Fields)
    pictures: list[tuple[int, bytes]] = field(default_factory=list)
    """(picture type, bytes)."""
    damage: str = ""


class MusicFile(io.BufferedReader):
    """A file open for reading that gives out at most MAX_READ_BYTES, whatever lengths it claims to have.

    Raises DamagedError beyond that.
    """

    def __init__(self, raw: io.FileIO) -> None:
        super().__init__(raw, 16 * 1024)
        self.size_bytes = os.fstat(raw.fileno()).st_size
        self.ended_early = False
        """Whether a read came back shorter than asked: what was looked for reaches beyond the file's end."""
        self._left = MAX_READ_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes."""
        there = max(0, self.size_bytes - self.tell())
        wanted = there if size is None or size < 0 else size
        if wanted > there:
            self.ended_early = True
            wanted = there
        self._left -= wanted
        if self._left < 0:
            raise DamagedError("its tags claim to be larger than tags can be")
        return super().read(wanted)

    def piece(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset` on."""
        self.seek(max(0, offset))
        return self.read(min(size, max(0, self.size_bytes - offset)))


def front_cover(pictures: list[tuple[int, bytes]]) -> CoverArt | None:
    """The front cover among `pictures`, or else the first that can be shown at all."""
    ranked = sorted(pictures[:MAX_PICTURES], key=lambda picture: picture[0] != FRONT_COVER)
    for _, data in ranked:
        mime = picture_mime(data)
        if mime is not None and len(data) <= MAX_COVER_BYTES:
            return CoverArt(mime=mime, data=bytes(data))
    return None


def stream_of(
    *,
    codec: str,
    mime: str,
    seconds: float,
    sample_rate_hz: int,
    channels: int,
    size_bytes: int,
    bitrate_bps: int = 0,
    bit_depth: int | None = None,
) -> Stream:
    """A `Stream`; a bit rate of 0 is filled in from size and length, lengths that can't be are 0."""
    duration_ms = round(seconds * 1000) if 0 < seconds < 1e9 else 0
    if duration_ms and not 0 < bitrate_bps < 1_000_000_000:
        bitrate_bps = size_bytes * 8_000 // duration_ms
    return Stream(
        codec=codec,
        mime=mime,
        duration_ms=duration_ms,
        sample_rate_hz=min(max(0, int(sample_rate_hz)), 10_000_000),
        channels=min(max(0, int(channels)), 1_024),
        bitrate_bps=max(0, int(bitrate_bps)),
        bit_depth=bit_depth or None,
    )


def missing_part(there: float, whole: float) -> str:
    """The sentence for music that ends before it should; both numbers in the same unit."""
    percent = max(0, min(99, int(100 * there / whole))) if whole > 0 else 0
    return f"it ends in the middle: about {percent} % of the music is there"
