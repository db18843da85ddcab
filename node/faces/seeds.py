"""The library's seeds."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from node.errors import UserError
from node.faces.answers import answer, body_of, text_field
from node.faces.parts import PARTS

MAX_CODE_CHARS: Final = 400
MAX_GRANT_BYTES: Final = 1 << 53


def routes(app: web.Application) -> None:
    app.router.add_get("/api/v1/seeds", listed)
    app.router.add_post("/api/v1/seeds", add)
    app.router.add_get("/api/v1/hosting", hosting)
    app.router.add_get("/api/v1/seeds/{id}", one)
    app.router.add_delete("/api/v1/seeds/{id}", remove)
    app.router.add_post("/api/v1/seeds/{id}/shrink", shrink)
    app.router.add_post("/api/v1/seeds/{id}/move", move)


async def listed(request: web.Request) -> web.Response:
    """Every seed, and how things stand with it."""
    return answer({"items": request.app[PARTS].seeds.all()})


async def one(request: web.Request) -> web.Response:
    """One of them, by its number or how its address or identifier begins."""
    return answer(request.app[PARTS].seeds.find(request.match_info["id"]).as_json())


async def add(request: web.Request) -> web.Response:
    """Redeem a seed's code; or have room by a tracker's leave: at `url`, or else on a seed of the tracker's pool."""
    body = await body_of(request, fields=frozenset({"code", "url", "grant_bytes"}))
    seeds = request.app[PARTS].seeds
    if "code" in body:
        return answer(await seeds.add(text_field(body, "code", max_chars=MAX_CODE_CHARS)), status=201)
    size_bytes = body.get("grant_bytes")
    if not isinstance(size_bytes, int) or not 0 < size_bytes <= MAX_GRANT_BYTES:
        raise UserError('adding a seed needs "code", or "grant_bytes" with or without "url"')
    if "url" not in body:
        return answer(await seeds.add_from_pool(size_bytes), status=201)
    return answer(await seeds.add_granted(text_field(body, "url", max_chars=MAX_CODE_CHARS), size_bytes), status=201)


async def remove(request: web.Request) -> web.Response:
    """Put a seed out of the library."""
    return answer(await request.app[PARTS].seeds.remove(request.match_info["id"]))


async def move(request: web.Request) -> web.Response:
    """Say where a seed is reached from now on."""
    body = await body_of(request, fields=frozenset({"url"}))
    url = text_field(body, "url", max_chars=MAX_CODE_CHARS)
    return answer(await request.app[PARTS].seeds.move(request.match_info["id"], url))


async def hosting(request: web.Request) -> web.Response:
    """What this node keeps for others: libraries by number only."""
    return answer(await request.app[PARTS].hosting())


async def shrink(request: web.Request) -> web.Response:
    """Say that what waits to be dropped from a seed is meant to go."""
    return answer(request.app[PARTS].seeds.let_shrink(request.match_info["id"]))
