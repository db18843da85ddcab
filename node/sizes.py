"""Amounts of data as people write them."""

from __future__ import annotations

import re
from typing import Final

from node.errors import UserError

_SIZE: Final = re.compile(r"(\d{1,16}(?:\.\d{1,3})?)\s*([kmgt]?)(i?)b?\Z", re.IGNORECASE)
_POWER: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


SONG_BYTES: Final = 1_530_000
"""A song of four minutes at 48 kbit/s, with what its cover and the catalog take: for saying sizes in songs."""


def songs_in(size_bytes: int) -> int:
    """How many songs of the size for the phone have room in that."""
    return max(0, size_bytes) // SONG_BYTES


def read_size(text: str) -> int:
    """Bytes of '2GB', '1.5 TB', '512MiB' or '1000'. Raises UserError."""
    found = _SIZE.match(text.strip())
    if found is None:
        raise UserError(f"{text[:40]!r} is not an amount of data; write it like 40GB")
    number, unit, binary = found.groups()
    return int(float(number) * (1_024 if binary else 1_000) ** _POWER[unit.lower()])


def spoken_bytes(size_bytes: float) -> str:
    """A size as people say it; thousands, as disks are sold."""
    if size_bytes < 1_000:
        return f"{int(size_bytes)} bytes"
    for unit in ("kB", "MB", "GB"):
        size_bytes /= 1_000
        if size_bytes < 999.5:
            return f"{size_bytes:.1f} {unit}" if size_bytes < 10 else f"{size_bytes:.0f} {unit}"
    return f"{size_bytes / 1_000:.2f} TB"
