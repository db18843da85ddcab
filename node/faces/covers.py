"""Covers in the sizes that the player shows. A cover's name is that of its content, so it may be kept for ever."""

from __future__ import annotations

from aiohttp import web

from node.errors import UserError
from node.faces.answers import whole_number
from node.faces.parts import PARTS
from node.faces.ranges import names_tag
from node.flows.pictures import SIZES_PX
from node.ids import CoverId, text_id

_FOR_EVER = "private, max-age=31536000, immutable"


def routes(app: web.Application) -> None:
    app.router.add_get("/api/v1/covers/{id}", cover, allow_head=True)


async def cover(request: web.Request) -> web.Response:
    size_px = whole_number(request, "size", 512, highest=SIZES_PX[-1])
    if size_px not in SIZES_PX:
        raise UserError(f"covers come in the sizes {', '.join(map(str, SIZES_PX))}")
    name = CoverId(text_id(request.match_info["id"]))
    etag = f"{name}-{size_px}"
    headers = {"ETag": f'"{etag}"', "Cache-Control": _FOR_EVER}
    if names_tag(request.headers.get("If-None-Match"), etag):
        return web.Response(status=304, headers=headers)
    picture = await request.app[PARTS].pictures.small(name, size_px)
    return web.Response(body=picture, headers={**headers, "Content-Type": "image/jpeg"})
