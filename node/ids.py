"""Names of things, as types, and their one textual form.

Binary identifiers travel as raw bytes in msgpack and as lower-case RFC 4648 base32 without padding
in JSON, URLs and file names.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import NewType

from node.errors import UserError

LibraryId = NewType("LibraryId", bytes)
"""32 bytes: SHA-256 of the roster's first entry."""
DeviceId = NewType("DeviceId", bytes)
"""32 bytes: the device's Ed25519 public key."""
BlobRoot = NewType("BlobRoot", bytes)
"""32 bytes: the BEP 52 pieces root of a sealed blob; its name."""
TrackId = NewType("TrackId", str)
"""26 base32 characters: 16 bytes."""
AlbumId = NewType("AlbumId", str)
ArtistId = NewType("ArtistId", str)
CoverId = NewType("CoverId", str)

_TEXT_ID = re.compile(r"[a-z2-7]{26}\Z")


def to_text(raw: bytes) -> str:
    """Base32 of `raw`, lower case, no padding: 16 bytes become 26 characters, 32 become 52."""
    return base64.b32encode(raw).decode("ascii").rstrip("=").lower()


def from_text(text: str) -> bytes:
    """The bytes that `to_text` made `text` of. Raises UserError for anything else."""
    padded = text.upper() + "=" * (-len(text) % 8)
    try:
        raw = base64.b32decode(padded)
    except (binascii.Error, ValueError) as error:
        raise UserError(f"{text[:60]!r} is not an identifier") from error
    if to_text(raw) != text:
        raise UserError(f"{text[:60]!r} is not an identifier in its usual form")
    return raw


def text_id(text: str) -> str:
    """`text` if it has the form of a 16-byte identifier (26 characters). Raises UserError otherwise."""
    if not _TEXT_ID.match(text):
        raise UserError(f"{text[:60]!r} is not an identifier")
    return text
