"""What lies beside the music in its folder: a cover picture, lyrics."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from pathlib import Path

from node.catalog.sniff import picture_mime
from node.doors.tags.facts import MAX_COVER_BYTES, MAX_LYRICS_CHARS, CoverArt
from node.doors.tags.text import clean_lines

_COVER_STEMS = ("cover", "folder", "front", "albumart", "album")
_COVER_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
_COVER_NAMES = {
    stem + ending: rank for rank, (stem, ending) in enumerate(itertools.product(_COVER_STEMS, _COVER_ENDINGS))
}
_MAX_ENTRIES = 200_000
_MAX_LRC_BYTES = 1024 * 1024
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def is_cover_name(name: str) -> bool:
    """Whether a file of that name may be the cover of the music beside it: cover.jpg, Folder.PNG, front.webp, ..."""
    return name.lower() in _COVER_NAMES


def folder_cover(folder: Path, names: Iterable[str] | None = None) -> CoverArt | None:
    """The picture named cover, folder or front (.jpg, .png, .webp, upper or lower case) in `folder`.

    `names` are the files there that `is_cover_name`, if the caller knows them already. None if there is none that can
    be read, is a picture and is at most MAX_COVER_BYTES.
    """
    found = _cover_names(folder) if names is None else names
    for name in sorted(found, key=lambda name: (_COVER_NAMES[name.lower()], name))[: len(_COVER_NAMES)]:
        data = _small_file(folder / name, MAX_COVER_BYTES)
        mime = picture_mime(data)
        if mime is not None:
            return CoverArt(mime=mime, data=data, file_name=name)
    return None


def _cover_names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in itertools.islice(entries, _MAX_ENTRIES) if is_cover_name(entry.name)]
    except OSError:
        return []


def lrc_beside(path: Path) -> str:
    """The text of the .lrc file that has the name of the music file at `path`; '' if there is none."""
    for ending in (".lrc", ".LRC", ".Lrc"):
        data = _small_file(path.with_suffix(ending), _MAX_LRC_BYTES)
        if data:
            return clean_lines(_decoded(data), max_chars=MAX_LYRICS_CHARS)
    return ""


def _decoded(data: bytes) -> str:
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _small_file(path: Path, max_bytes: int) -> bytes:
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError:
        return b""
    return data if len(data) <= max_bytes else b""
