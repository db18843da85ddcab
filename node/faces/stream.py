"""Audio: a track's bytes in any range, a piece at a time."""

from __future__ import annotations

import contextlib
import logging
from email.utils import formatdate
from typing import Literal, cast
from urllib.parse import quote

from aiohttp import web

from node.errors import SongkeepError
from node.faces.answers import choice, refusal
from node.faces.counters import COUNTERS
from node.faces.parts import PARTS
from node.faces.ranges import NotSatisfiableError, names_tag, range_still_holds, wanted_range
from node.ids import TrackId, text_id

log = logging.getLogger(__name__)


def routes(app: web.Application) -> None:
    app.router.add_get("/api/v1/tracks/{id}/stream", stream, allow_head=True)


async def stream(request: web.Request) -> web.StreamResponse:
    """GET and HEAD; 200, 206, 304, 416."""
    parts = request.app[PARTS]
    track = TrackId(text_id(request.match_info["id"]))
    rendition = cast(
        Literal["auto", "original", "mobile"], choice(request, "rendition", ("auto", "original", "mobile"))
    )
    async with await parts.streams.open(track, rendition) as audio:
        headers = {
            "Accept-Ranges": "bytes",
            "ETag": f'"{audio.etag}"',
            "Cache-Control": "private, no-cache",
            "Last-Modified": formatdate(audio.mtime_ms / 1_000, usegmt=True),
        }
        if names_tag(request.headers.get("If-None-Match"), audio.etag):
            return web.Response(status=304, headers=headers)
        start, stop = 0, audio.size_bytes
        partial = False
        try:
            wanted = wanted_range(request.headers.get("Range"), audio.size_bytes)
        except NotSatisfiableError:
            unsatisfied = {**headers, "Content-Range": f"bytes */{audio.size_bytes}"}
            return refusal(416, "invalid", "The range begins beyond the end of this track.", headers=unsatisfied)
        if wanted is not None and range_still_holds(request.headers.get("If-Range"), etag=audio.etag):
            (start, stop), partial = wanted, True
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{audio.size_bytes}"
        if "download" in request.query:
            name = audio.file_name.encode("utf-8", "replace").decode()
            headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        response = web.StreamResponse(status=206 if partial else 200, headers=headers)
        response.content_length = stop - start
        response.headers["Content-Type"] = audio.mime
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        counters = request.app[COUNTERS]
        counters.streams_started += 1
        counters.streams_running += 1
        try:
            async with contextlib.aclosing(audio.read(start, stop)) as pieces:
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
