"""Covers as the player shows them: found in the sealed store or beside the music, made small once, kept a while."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections import OrderedDict
from pathlib import Path
from typing import Final

from node.catalog.model import cover_id as name_of_picture
from node.doors import audio, tags
from node.doors.index import Index, Source
from node.doors.tags import MAX_COVER_BYTES
from node.errors import NotFoundError, SongkeepError
from node.flows.stream import Streams
from node.ids import CoverId

log = logging.getLogger(__name__)

SIZES_PX: Final = (96, 256, 512, 1024)
MEMORY_BYTES: Final = 16 * 1024 * 1024
DISK_BYTES: Final = 256 * 1024 * 1024
_AT_ONCE: Final = 2
"""Pictures made small at the same time: the rest of the machine plays music."""


class Pictures:
    """Small JPEGs of covers: the latest in memory, more of them in one bounded folder of the home."""

    def __init__(self, index: Index, streams: Streams, folder: Path) -> None:
        self._index = index
        self._streams = streams
        self._folder = folder
        self._memory: OrderedDict[tuple[CoverId, int], bytes] = OrderedDict()
        self._memory_bytes = 0
        self._disk_bytes: int | None = None
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def small(self, cover: CoverId, size_px: int) -> bytes:
        """A JPEG at most `size_px` wide and high. Raises NotFoundError, DamagedError, UnavailableError."""
        key = (cover, size_px)
        kept = self._memory.get(key)
        if kept is not None:
            self._memory.move_to_end(key)
            return kept
        file = self._folder / f"{cover}-{size_px}.jpg"
        picture = await asyncio.to_thread(_read_kept, file)
        if picture is None:
            async with self._turn:
                whole = await self.whole(cover)
                picture = await asyncio.to_thread(audio.resize_cover, whole, size_px)
                await asyncio.to_thread(self._keep_on_disk, file, picture)
        self._keep_in_memory(key, picture)
        return picture

    async def whole(self, cover: CoverId) -> bytes:
        """The picture as it came with the music."""
        place = await asyncio.to_thread(self._index.covers.place, cover)
        for source, beside in place.sources:
            picture = await asyncio.to_thread(_from_source, source, beside)
            if picture is not None and name_of_picture(_sha256(picture)) == cover:
                return picture
        if place.ref is None:
            raise NotFoundError("the file that this cover came from is not there")
        return await self._streams.blob(place.ref)

    def _keep_in_memory(self, key: tuple[CoverId, int], picture: bytes) -> None:
        if key in self._memory:
            return
        self._memory[key] = picture
        self._memory_bytes += len(picture)
        while self._memory_bytes > MEMORY_BYTES:
            self._memory_bytes -= len(self._memory.popitem(last=False)[1])

    def _keep_on_disk(self, file: Path, picture: bytes) -> None:
        # A cache only: if it can't be written the picture is shown all the same.
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            if self._disk_bytes is None:
                self._disk_bytes = sum(entry.stat().st_size for entry in os.scandir(self._folder))
            if self._disk_bytes > DISK_BYTES:
                self._disk_bytes = _thin_out(self._folder, DISK_BYTES * 3 // 4)
            draft = file.with_suffix(f".{secrets.token_hex(4)}.draft")
            draft.write_bytes(picture)
            os.replace(draft, file)
            self._disk_bytes += len(picture)
        except OSError as error:
            log.warning("picture_not_kept errno=%s", error.errno)


def _read_kept(file: Path) -> bytes | None:
    try:
        return file.read_bytes() or None
    except OSError:
        return None


def _thin_out(folder: Path, target_bytes: int) -> int:
    """Delete the oldest files until `target_bytes` are left; returns what is left."""
    files = sorted((entry.stat().st_mtime_ns, entry.stat().st_size, entry.path) for entry in os.scandir(folder))
    left = sum(size for _, size, _ in files)
    for _, size, path in files:
        if left <= target_bytes:
            break
        with contextlib.suppress(OSError):
            os.unlink(path)
            left -= size
    return left


def _sha256(data: bytes) -> bytes:
    import hashlib

    return hashlib.sha256(data).digest()


def _from_source(source: Source, beside: str | None) -> bytes | None:
    """The picture in a music file, or in the file beside it; None if it can't be had."""
    if source.state != "present" or source.folder_state != "present":
        return None
    try:
        if beside is None:
            art = tags.read_tags(Path(source.full_path)).cover
            return art.data if art is not None else None
        with open(os.path.join(source.folder_path, beside), "rb") as file:
            data = file.read(MAX_COVER_BYTES + 1)
        return data if len(data) <= MAX_COVER_BYTES else None
    except (SongkeepError, OSError):
        return None
