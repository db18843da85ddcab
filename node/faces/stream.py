"""Audio: a track's bytes in any range, a piece at a time."""

from __future__ import annotations

from typing import cast, get_args

from aiohttp import web

from node.faces.answers import choice
from node.faces.parts import PARTS
from node.faces.sending import send_audio
from node.flows.stream import Wanted
from node.ids import TrackId, text_id


def routes(app: web.Application) -> None:
    app.router.add_get("/api/v1/tracks/{id}/stream", stream, allow_head=True)


async def stream(request: web.Request) -> web.StreamResponse:
    """GET and HEAD; 200, 206, 304, 416."""
    parts = request.app[PARTS]
    track = TrackId(text_id(request.match_info["id"]))
    rendition = cast(Wanted, choice(request, "rendition", get_args(Wanted)))
    async with await parts.streams.open(track, rendition) as audio:
        file_name = audio.file_name if "download" in request.query else None
        return await send_audio(request, audio, track=track, file_name=file_name)
