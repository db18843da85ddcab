"""The event stream (SSE), read by fetch so that the token travels in a header."""

from __future__ import annotations

import contextlib
from typing import Final

from aiohttp import web

from node.errors import UnavailableError
from node.faces.parts import PARTS

SILENCE_S: Final = 15.0
"""A comment at least so often, so that a dead connection is noticed."""
MAX_LISTENERS: Final = 64


def routes(app: web.Application) -> None:
    app.router.add_get("/api/v1/events", events)


async def events(request: web.Request) -> web.StreamResponse:
    parts = request.app[PARTS]
    if parts.news.listeners >= MAX_LISTENERS:
        raise UnavailableError("too many players listen for news already")
    response = web.StreamResponse(headers={"Cache-Control": "no-store", "Content-Type": "text/event-stream"})
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        # The first thing told is where the library stands: what changed before the stream was open is not missed.
        revision = await parts.ask(lambda: parts.library.revision)
        await response.write(f'event: changed\ndata: {{"revision":{revision}}}\n\n'.encode())
        async with contextlib.aclosing(parts.news.follow(silence_s=SILENCE_S)) as pieces:
            async for piece in pieces:
                await response.write(piece)
    return response
