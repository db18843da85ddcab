"""The library's seeds."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from node.faces.answers import answer, body_of, text_field
from node.faces.parts import PARTS

MAX_CODE_CHARS: Final = 400


def routes(app: web.Application) -> None:
    app.router.add_get("/api/v1/seeds", listed)
    app.router.add_post("/api/v1/seeds", add)
    app.router.add_delete("/api/v1/seeds/{id}", remove)


async def listed(request: web.Request) -> web.Response:
    """Every seed, and how things stand with it."""
    return answer({"items": request.app[PARTS].seeds.all()})


async def add(request: web.Request) -> web.Response:
    """Redeem a seed's code."""
    body = await body_of(request, fields=frozenset({"code"}))
    return answer(await request.app[PARTS].seeds.add(text_field(body, "code", max_chars=MAX_CODE_CHARS)), status=201)


async def remove(request: web.Request) -> web.Response:
    """Put a seed out of the library."""
    return answer(await request.app[PARTS].seeds.remove(request.match_info["id"]))
