"""Sends any range of a track's bytes: from an unchanged file at once, or from wherever they are."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final
from urllib.parse import quote

from aiohttp import web

from node.doors.sources import OpenSource
from node.errors import SongkeepError
from node.faces.answers import refusal
from node.faces.counters import COUNTERS
from node.faces.parts import PARTS
from node.faces.ranges import NotSatisfiableError, names_tag, range_still_holds, wanted_range
from node.flows.direct import KnownTrack
from node.flows.stream import Audio
from node.ids import TrackId

log = logging.getLogger(__name__)

FIRST_BYTES: Final = 256 * 1024
"""Read before the head is sent: a short range is then answered in one piece."""
NEXT_BYTES: Final = 512 * 1024


@dataclass(frozen=True, slots=True)
class _Part:
    """Which bytes to send, under which head."""

    start: int
    stop: int
    status: int
    headers: dict[str, str]


async def send_unchanged(
    request: web.Request, known: KnownTrack, *, file_name: str | None = None
) -> web.StreamResponse | None:
    """Answer from an unchanged file at hand; None if there is none, or not any more.

    With `file_name` the app is told to keep it under that name.
    """
    source = known.source
    if source is None or source.stream is None:
        return None
    headers = _headers(known.etag, known.last_modified, source.stream.mime, file_name)
    part = _part(request, headers, known.etag, source.fingerprint.size_bytes)
    if isinstance(part, web.Response):
        return part
    direct = request.app[PARTS].direct
    length = part.stop - part.start
    first = 0 if request.method == "HEAD" else min(length, FIRST_BYTES)
    begun = await direct.begin(known, part.start, first)
    if begun is None:
        return None
    file, data = begun
    try:
        if request.method == "HEAD" or length > first:
            pieces = _rest(request, file, data, part)
            return await _send(request, part, pieces, track=known.id)
        counters = request.app[COUNTERS]
        counters.streams_started += 1
        counters.streamed_bytes += length
        return web.Response(body=data, status=part.status, headers=part.headers)
    finally:
        file.close()


async def send_audio(
    request: web.Request, audio: Audio, *, track: TrackId, file_name: str | None = None
) -> web.StreamResponse:
    """Answer from wherever the bytes are; `track` is for the log."""
    modified = formatdate(audio.mtime_ms / 1_000, usegmt=True)
    headers = _headers(audio.etag, modified, audio.mime, file_name)
    part = _part(request, headers, audio.etag, audio.size_bytes)
    if isinstance(part, web.Response):
        return part
    return await _send(request, part, audio.read(part.start, part.stop), track=track)


def _headers(etag: str, modified: str, mime: str, file_name: str | None) -> dict[str, str]:
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{etag}"',
        "Cache-Control": "private, no-cache",
        "Last-Modified": modified,
        "Content-Type": mime,
    }
    if file_name is not None:
        name = file_name.encode("utf-8", "replace").decode()
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return headers


def _part(request: web.Request, headers: Mapping[str, str], etag: str, size_bytes: int) -> _Part | web.Response:
    """What to send, or the whole of an answer that sends nothing: 304, 416."""
    if names_tag(request.headers.get("If-None-Match"), etag):
        kept = ("ETag", "Cache-Control", "Last-Modified", "Accept-Ranges")
        return web.Response(status=304, headers={name: headers[name] for name in kept})
    try:
        wanted = wanted_range(request.headers.get("Range"), size_bytes)
    except NotSatisfiableError:
        return refusal(
            416,
            "invalid",
            "The range begins beyond the end of this track.",
            headers={"Content-Range": f"bytes */{size_bytes}", "Accept-Ranges": "bytes", "ETag": headers["ETag"]},
        )
    if wanted is None or not range_still_holds(request.headers.get("If-Range"), etag=etag):
        return _Part(0, size_bytes, 200, dict(headers))
    start, stop = wanted
    return _Part(start, stop, 206, {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{size_bytes}"})


async def _rest(request: web.Request, file: OpenSource, first: bytes, part: _Part) -> AsyncGenerator[bytes, None]:
    yield first
    direct = request.app[PARTS].direct
    at = part.start + len(first)
    while at < part.stop:
        piece = await direct.go_on(file, at, min(NEXT_BYTES, part.stop - at))
        at += len(piece)
        yield piece


async def _send(
    request: web.Request, part: _Part, pieces: AsyncGenerator[bytes, None], *, track: TrackId
) -> web.StreamResponse:
    parts = request.app[PARTS]
    response = web.StreamResponse(status=part.status, headers=part.headers)
    response.content_length = part.stop - part.start
    if request.method == "HEAD":
        await response.prepare(request)
        return response
    counters = request.app[COUNTERS]
    async with contextlib.aclosing(pieces):
        begun = await anext(pieces, b"")  # before the head: what can't be had is told in words, not by a cut connection
        await response.prepare(request)
        counters.streams_started += 1
        counters.streams_running += 1
        try:
            await response.write(begun)
            counters.streamed_bytes += len(begun)
            async for piece in pieces:
                await response.write(piece)
                counters.streamed_bytes += len(piece)
            await response.write_eof()
        except SongkeepError as error:
            # The head is sent: cutting the connection short of Content-Length is the only way left to say so.
            log.warning("stream_broken track=%s error=%s", track, error.code)
            parts.news.notice("error", f"Playing stopped: {error}")
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            pass  # the player moved on
        finally:
            counters.streams_running -= 1
    return response
