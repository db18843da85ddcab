"""What one look into a music file tells."""

from __future__ import annotations

from dataclasses import dataclass

from node.catalog.model import Stream, Tags

MAX_COVER_BYTES = 16 * 1024 * 1024
"""A larger picture is left in the file and not shown."""
MAX_LYRICS_CHARS = 200_000
MAX_READ_BYTES = 128 * 1024 * 1024
"""What reading one file's tags may take from the disk in all: room for a booklet of scans, not for a lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverArt:
    """One picture, as it stands in the file."""

    mime: str
    """By the picture's own first bytes: image/jpeg, image/png, image/gif, image/webp or image/bmp."""
    data: bytes
    """At most MAX_COVER_BYTES."""
    file_name: str = ""
    """Of the picture beside the music; '' if it stood in the file itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """All that a music file says of itself."""

    tags: Tags
    stream: Stream
    cover: CoverArt | None = None
    lyrics: str = ""
    """Plain lines, or LRC where the file has times. '' if there are none."""
    damage: str = ""
    """A sentence for the person if part of the music is missing but the rest plays; '' if nothing was noticed."""
