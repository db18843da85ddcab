"""Making a track smaller, or another kind of file, while it is listened to."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Literal

from node.catalog.model import Stream
from node.doors import audio as sound
from node.errors import SongkeepError, UnavailableError
from node.flows.stream import Audio

log = logging.getLogger(__name__)

AT_ONCE: Final = max(4, 2 * (os.cpu_count() or 2))
"""Tracks in the making at the same time."""
TURN_TIMEOUT_S: Final = 10.0
AHEAD_BYTES: Final = 1 << 20
"""So much is made before it is asked for: a minute of MP3."""
DEFAULT_BITRATE_BPS: Final = 192_000
_DEFAULTS_BPS: Final[dict[sound.Target, int]] = {"mp3": 192_000, "opus": 112_000, "aac": 160_000, "flac": 0}
_MARGINS: Final[dict[sound.Target, float]] = {"mp3": 1.01, "aac": 1.2, "opus": 1.25}
"""How far beyond its bitrate an encoder may go over a whole track: MP3 is constant, the others keep it about."""
_HEAD_BYTES: Final = 8_192
_MOBILE_AT_LEAST: Final = 0.5
"""The mobile rendition will do if it has at least this part of the bitrate that was asked for."""
_BLOCK_BYTES: Final = 1 << 18

_TARGETS: Final[dict[str, sound.Target]] = {
    "mp3": "mp3", "opus": "opus", "ogg": "opus", "oga": "opus", "webm": "opus", "aac": "aac", "m4a": "aac",
    "mp4": "aac", "flac": "flac",
}  # fmt: skip
_CODECS: Final[dict[str, frozenset[str]]] = {
    "mp3": frozenset({"mp3"}), "flac": frozenset({"flac"}), "opus": frozenset({"opus"}), "aac": frozenset({"aac"}),
    "m4a": frozenset({"aac", "alac"}), "mp4": frozenset({"aac", "alac"}), "ogg": frozenset({"vorbis", "opus"}),
    "oga": frozenset({"vorbis", "opus"}), "wav": frozenset({"pcm_s16le", "pcm_s24le", "pcm_u8", "pcm_s32le"}),
}  # fmt: skip
"""What a source may be so that it already is what a format's name asks for."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """What to make of a track."""

    target: sound.Target
    bitrate_bps: int
    start_s: float

    @property
    def mime(self) -> str:
        return sound.MIMES[self.target]

    def most_bytes(self, duration_ms: int) -> int | None:
        """So long can it become at most, of a track that lasts `duration_ms`; None where nothing bounds it (FLAC)."""
        margin = _MARGINS.get(self.target)
        if margin is None:
            return None
        left_s = max(0.0, duration_ms / 1_000 - self.start_s)
        return _HEAD_BYTES + int(left_s * max(self.bitrate_bps, sound.MIN_BITRATE_BPS) / 8 * margin)


Decision = Encoding | Literal["original", "mobile"]


def decide(source: Stream | None, mobile: Stream | None, *, wanted: str, limit_bps: int, start_s: float) -> Decision:
    """How to answer an app that wants a format ('' any, 'raw' the file itself) within a bitrate (0: no limit). Pure.

    The file itself if it is what was asked for; the mobile rendition if that was; else it is made. `source` is None
    if the original can't be had here.
    """
    wanted = wanted.lower()
    if wanted == "raw":
        return "original"
    fits = source is not None and (wanted == "" or source.codec in _CODECS.get(wanted, frozenset()))
    slow_enough = source is not None and (limit_bps == 0 or source.bitrate_bps <= limit_bps)
    if start_s <= 0 and fits and slow_enough:
        return "original"
    small_enough = mobile is not None and (limit_bps == 0 or mobile.bitrate_bps <= limit_bps)
    if start_s <= 0 and source is None and wanted == "" and small_enough:
        return "mobile"
    target = _TARGETS.get(wanted, "mp3")
    bitrate_bps = _DEFAULTS_BPS[target]
    if limit_bps:
        bitrate_bps = limit_bps if target == "flac" else min(limit_bps, 320_000)
    if source is not None and source.bitrate_bps and target != "flac":
        # More than the source has is no better, only longer.
        bitrate_bps = min(bitrate_bps, max(source.bitrate_bps, 64_000))
    enough = (
        mobile is not None
        and mobile.bitrate_bps <= bitrate_bps * 1.1
        and (source is None or mobile.bitrate_bps >= bitrate_bps * _MOBILE_AT_LEAST)
    )
    if start_s <= 0 and target == "opus" and enough:
        return "mobile"
    if target == "flac" and limit_bps and source is not None and source.bitrate_bps > limit_bps:
        target, bitrate_bps = "mp3", min(limit_bps, 320_000)
    return Encoding(target, bitrate_bps or DEFAULT_BITRATE_BPS, max(0.0, start_s))


class TooManyError(UnavailableError):
    """As many tracks as are allowed are in the making already."""


class Transcodes:
    """Makes tracks anew, a bounded number at a time, each for as long as somebody takes what is made."""

    def __init__(self, *, at_once: int = AT_ONCE, turn_timeout_s: float = TURN_TIMEOUT_S) -> None:
        self._turn = asyncio.Semaphore(at_once)
        # Threads of their own: who listens slowly must not hold those that the songs are read in.
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="transcode")
        self._turn_timeout_s = turn_timeout_s
        self.running = 0

    def close(self) -> None:
        """Begin nothing more; whoever reads has closed its generator before."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def read(self, audio: Audio, encoding: Encoding) -> AsyncGenerator[bytes, None]:
        """The encoded parts as they are made; close the generator to stop it. The caller closes `audio` after it.

        Raises TooManyError, and what reading and decoding raise.
        """
        try:
            await asyncio.wait_for(self._turn.acquire(), self._turn_timeout_s)
        except TimeoutError as error:
            raise TooManyError("too many songs are being converted at the moment; try again soon") from error
        loop = asyncio.get_running_loop()
        pipe = _Pipe(loop)
        suffix = os.path.splitext(audio.file_name)[1]

        def work() -> None:
            try:
                sound.transcode(
                    _File(audio, loop, pipe.is_closed),
                    size_bytes=audio.size_bytes,
                    suffix=suffix,
                    target=encoding.target,
                    bitrate_bps=encoding.bitrate_bps,
                    start_s=encoding.start_s,
                    take=pipe.put,
                    should_stop=pipe.is_closed,
                )
                pipe.end(None)
            except _ClosedError:
                pipe.end(None)
            except SongkeepError as error:
                pipe.end(error)
            except BaseException:
                pipe.end(UnavailableError("this song could not be converted"))
                raise

        self.running += 1
        task = loop.run_in_executor(self._threads, work)
        try:
            while part := await pipe.get():
                yield part
        finally:
            pipe.close()
            # The thread reads through this loop: it has to be gone before what it reads from is closed.
            await asyncio.wait([task])
            if not task.cancelled() and (mistake := task.exception()) is not None:
                log.error("transcode_failed error=%s", type(mistake).__name__)
            self.running -= 1
            self._turn.release()


class _ClosedError(Exception):
    """Nobody takes what is made."""


class _Pipe:
    """From a thread to the loop: bounded, and closed from either side."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._changed = threading.Condition()
        self._parts: deque[bytes] = deque()
        self._size_bytes = 0
        self._closed = False
        self._ended = False
        self._error: SongkeepError | None = None
        self._ready = asyncio.Event()

    def put(self, part: bytes) -> None:
        """From the thread; waits while too much lies here. Raises _ClosedError."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._size_bytes < AHEAD_BYTES)
            if self._closed:
                raise _ClosedError
            self._parts.append(part)
            self._size_bytes += len(part)
        self._wake()

    def end(self, error: SongkeepError | None) -> None:
        """From the thread: nothing more comes."""
        with self._changed:
            self._ended, self._error = True, error
        self._wake()

    async def get(self) -> bytes:
        """On the loop: all that lies here, b"" at the end. Raises what the thread ended with."""
        while True:
            self._ready.clear()
            with self._changed:
                if self._parts:
                    whole = b"".join(self._parts)
                    self._parts.clear()
                    self._size_bytes = 0
                    self._changed.notify_all()
                    return whole
                if self._ended:
                    if self._error is not None:
                        raise self._error
                    return b""
            await self._ready.wait()

    def close(self) -> None:
        """On the loop: nobody takes any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def is_closed(self) -> bool:
        return self._closed

    def _wake(self) -> None:
        self._loop.call_soon_threadsafe(self._ready.set)


class _File:
    """A track that may be in the store or on another device, as a file for the thread that decodes it."""

    def __init__(self, audio: Audio, loop: asyncio.AbstractEventLoop, is_closed: Callable[[], bool]) -> None:
        self._audio = audio
        self._loop = loop
        self._is_closed = is_closed
        self._at = 0
        self._block = b""
        self._block_at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """As io.IOBase.seek."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._audio.size_bytes}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes. Raises _ClosedError, and what reading raises."""
        left = max(0, self._audio.size_bytes - self._at)
        size = left if size < 0 else min(size, left)
        parts: list[bytes] = []
        while size > 0:
            inside = self._at - self._block_at
            if not 0 <= inside < len(self._block):
                self._load()
                inside = self._at - self._block_at
            part = self._block[inside : inside + size]
            parts.append(part)
            self._at += len(part)
            size -= len(part)
        return b"".join(parts)

    def _load(self) -> None:
        if self._is_closed():
            raise _ClosedError
        start = self._at
        future = asyncio.run_coroutine_threadsafe(self._read(start), self._loop)
        self._block, self._block_at = future.result(), start

    async def _read(self, start: int) -> bytes:
        stop = min(start + _BLOCK_BYTES, self._audio.size_bytes)
        parts = [part async for part in self._audio.read(start, stop)]
        return b"".join(parts)
