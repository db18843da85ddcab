"""What music files say of themselves. The only room that knows mutagen.

mutagen is loaded with the first of `tags.read_tags` and `tags.write_tags`: most commands need neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from node.catalog.sniff import is_music_name
from node.doors.tags.beside import folder_cover, is_cover_name, lrc_beside
from node.doors.tags.facts import MAX_COVER_BYTES, MAX_LYRICS_CHARS, CoverArt, FileFacts

if TYPE_CHECKING:
    from node.doors.tags.read import read_tags
    from node.doors.tags.write import write_tags
else:
    _ROOMS = {"read_tags": "read", "write_tags": "write"}

    def __getattr__(name: str) -> object:
        if name in _ROOMS:
            return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "MAX_COVER_BYTES",
    "MAX_LYRICS_CHARS",
    "CoverArt",
    "FileFacts",
    "folder_cover",
    "is_cover_name",
    "is_music_name",
    "lrc_beside",
    "read_tags",
    "write_tags",
]
