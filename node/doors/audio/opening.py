"""Opens a music file for PyAV: by what it is and not by its name, and only the part that is sound."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from node.catalog.sniff import Kind, find_kind
from node.errors import DamagedError, NotFoundError, UserError

# A demuxer is never guessed: by guessing, a playlist with the name of an mp3 makes ffmpeg open what it names.
_DEMUXERS: Final[dict[Kind, str]] = {
    "mp3": "mp3",
    "adts": "aac",
    "flac": "flac",
    "vorbis": "ogg",
    "opus": "ogg",
    "oggflac": "ogg",
    "mp4": "mov",
    "asf": "asf",
    "wav": "wav",
    "aiff": "aiff",
    "wavpack": "wv",
}
_BARE: Final = frozenset[Kind](("mp3", "adts", "flac", "wavpack"))
"""Kinds without a length of their own: their sound ends where a tag begins or the file ends."""

_MAX_TRAILING_TAGS = 8
_ID3V1_BYTES = 128
_ID3V1_PLUS_BYTES = 227
_APE_FOOTER_BYTES = 32
_APE_HAS_HEADER = 1 << 31
_ID3V2_FOOTER_BYTES = 10
_LYRICS3_END_BYTES = 15

_BUFFER_BYTES = 128 * 1024
_WEBM: Final = bytes.fromhex("1a45dfa3")
"""The element that WebM begins with (RFC 8794)."""


class Readable(Protocol):
    """What is read of a file."""

    def read(self, size: int = -1, /) -> bytes: ...

    def seek(self, offset: int, whence: int = 0, /) -> int: ...


class Window(io.RawIOBase):
    """The bytes from `start` to `end` of an open file, as if they were a whole one."""

    def __init__(self, file: Readable, start: int, end: int) -> None:
        super().__init__()
        self._file, self._start, self._size = file, start, max(0, end - start)
        self._at = 0

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes. Raises DamagedError if the disk can't read them."""
        left = self._size - self._at
        if left <= 0:
            # Lying headers make demuxers jump further than any file system can.
            return b""
        try:
            self._file.seek(self._start + self._at)
            data = self._file.read(left if size < 0 else min(size, left))
        except OSError as error:
            raise DamagedError(f"the disk can't read it ({error.strerror or 'I/O error'})") from error
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """As io.IOBase.seek."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True


@contextmanager
def opened(path: Path, options: dict[str, str] | None = None) -> Iterator[tuple[InputContainer, AudioStream, Kind]]:
    """The demuxer of the music file at `path`, its first sound track, and what kind of file it is.

    Raises UserError if there is no music in it or it may not be read, DamagedError if it can't be made sense of.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UserError("it is not a file but a folder or a device")
        file = open(path, "rb")  # noqa: SIM115 - closed below, past the errors that only opening has
    except FileNotFoundError as error:
        raise NotFoundError("it is gone: nothing has this name any more") from error
    except OSError as error:
        raise UserError(f"it can't be opened ({error.strerror or 'I/O error'})") from error
    with file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise DamagedError("it is an empty file")
        kind, start = find_kind(lambda offset, count: _piece(file, offset, count), path.suffix)
        end = _sound_end(file, start, size) if kind in _BARE else size
        window = Window(file, start if kind in _BARE else 0, end)
        with demuxed(window, _DEMUXERS[kind], options) as (container, track):
            yield container, track, kind


@contextmanager
def opened_bytes(file: Readable, size_bytes: int, suffix: str) -> Iterator[tuple[InputContainer, AudioStream]]:
    """As `opened`, for music that is not a file of this machine: `file` reads and seeks; its name ended in `suffix`.

    Also opens mobile renditions (WebM), which as files of the person's are no music.
    """
    if _piece(file, 0, len(_WEBM)) == _WEBM:
        with demuxed(Window(file, 0, size_bytes), "matroska") as found:
            yield found
        return
    kind, start = find_kind(lambda offset, count: _piece(file, offset, count), suffix)
    end = _sound_end(file, start, size_bytes) if kind in _BARE else size_bytes
    with demuxed(Window(file, start if kind in _BARE else 0, end), _DEMUXERS[kind]) as found:
        yield found


@contextmanager
def demuxed(
    window: Window, demuxer: str, options: dict[str, str] | None = None
) -> Iterator[tuple[InputContainer, AudioStream]]:
    """The demuxer of `window`, and its first sound track. Raises DamagedError, UserError."""
    try:
        container = av.open(window, "r", format=demuxer, options=options or {}, buffer_size=_BUFFER_BYTES)
    except (av.FFmpegError, ValueError) as error:
        raise DamagedError("no sound can be found in it: it is damaged or was cut short") from error
    with container:
        tracks = container.streams.audio
        if not tracks:
            raise UserError("it has no sound track")
        if tracks[0].codec_context is None:
            raise UserError("its sound is encoded in a way that Songkeep doesn't know")
        yield container, tracks[0]


def _piece(file: Readable, offset: int, size: int) -> bytes:
    file.seek(max(0, offset))
    return file.read(max(0, size))


def _sound_end(file: Readable, start: int, end: int) -> int:
    """Where the sound ends and the tags behind it begin: ID3v1, APEv2, Lyrics3 v2, ID3v2.4 with a footer."""
    for _ in range(_MAX_TRAILING_TAGS):
        size = _trailing_tag(_piece(file, max(start, end - 256), min(256, end - start)))
        if size == 0 or end - size < start:
            break
        end -= size
    return end


def _trailing_tag(tail: bytes) -> int:
    """The size of the tag that `tail`, the last 256 bytes, ends with; 0 if with none."""
    if tail[-_ID3V1_BYTES:][:3] == b"TAG" and len(tail) >= _ID3V1_BYTES:
        return _ID3V1_BYTES
    if tail[-_ID3V1_PLUS_BYTES:][:4] == b"TAG+" and len(tail) >= _ID3V1_PLUS_BYTES:
        return _ID3V1_PLUS_BYTES
    footer = tail[-_APE_FOOTER_BYTES:]
    if footer[:8] == b"APETAGEX" and len(footer) == _APE_FOOTER_BYTES:
        flags = int.from_bytes(footer[20:24], "little")
        return int.from_bytes(footer[12:16], "little") + (_APE_FOOTER_BYTES if flags & _APE_HAS_HEADER else 0)
    if tail[-9:] == b"LYRICS200" and tail[-_LYRICS3_END_BYTES:-9].isdigit():
        return int(tail[-_LYRICS3_END_BYTES:-9]) + _LYRICS3_END_BYTES
    footer = tail[-_ID3V2_FOOTER_BYTES:]
    if footer[:3] == b"3DI" and len(footer) == _ID3V2_FOOTER_BYTES and max(footer[6:]) < 128:
        body = footer[6] << 21 | footer[7] << 14 | footer[8] << 7 | footer[9]
        return body + 2 * _ID3V2_FOOTER_BYTES
    return 0
