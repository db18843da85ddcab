"""File names from elsewhere, made safe to write here. Pure."""

from __future__ import annotations

import re
import sys
from typing import Final

MAX_NAME_BYTES: Final = 255
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f<>:"/\\|?*\ud800-\udfff]')
"""What FAT, NTFS or APFS won't hold."""
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?\Z", re.IGNORECASE)


def safe_path(path: str, *, strictly: bool = sys.platform == "win32") -> tuple[str, ...]:
    """The parts of a relative path, none of which leads out of the folder that it is put in.

    `strictly` also replaces what only some systems can't hold.
    """
    parts = [part for part in path.split("/") if part] or ["unnamed"]
    return tuple(_safe_part(part, strictly=strictly) for part in parts)


def _safe_part(part: str, *, strictly: bool) -> str:
    part = part.replace("\0", "_")
    if part in (".", ".."):
        return "_" * len(part)
    if not strictly:
        return part
    part = _FORBIDDEN.sub("_", part)
    part = part.rstrip(" .") or "_"
    if _RESERVED.match(part):
        part = f"_{part}"
    return _shortened(part)


def _shortened(part: str) -> str:
    """At most 255 bytes of UTF-8, its ending kept."""
    if len(part.encode()) <= MAX_NAME_BYTES:
        return part
    stem, dot, ending = part.rpartition(".")
    tail = f"{dot}{ending}".encode() if stem and len(ending.encode()) <= 16 else b""
    room = MAX_NAME_BYTES - len(tail)
    head = (stem if tail else part).encode()[:room].decode("utf-8", "ignore")
    return head + tail.decode()
