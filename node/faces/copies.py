"""Where the music lives, and what this device is to keep of it."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from node.errors import UserError
from node.faces.answers import answer, body_of, text_field
from node.faces.parts import PARTS
from node.flows.keep import KINDS, Kind

MAX_ID_CHARS: Final = 100
MAX_SPACE_BYTES: Final = 1 << 50


def routes(app: web.Application) -> None:
    app.router.add_get("/api/v1/copies", show)
    app.router.add_post("/api/v1/copies/keep", keep)
    app.router.add_post("/api/v1/copies/free", free)
    app.router.add_post("/api/v1/copies/forget", forget)


async def show(request: web.Request) -> web.Response:
    """Devices, copies per song, what is at risk and why, and what moves."""
    return answer(await request.app[PARTS].network.whereabouts.as_json())


async def keep(request: web.Request) -> web.Response:
    """Have a track, an album or a playlist on this device from now on."""
    kind, row_id = _named(await body_of(request, fields=frozenset({"kind", "id"})))
    return answer(await request.app[PARTS].network.wanted.keep(kind, row_id))


async def free(request: web.Request) -> web.Response:
    """Drop here what others have proved to hold: a track, an album or a playlist, or so many bytes of anything.

    Or what was taken out of the library over 30 days ago and waits for the person's word, since it is much.
    """
    body = await body_of(request, fields=frozenset({"kind", "id", "bytes", "removed"}))
    parts = request.app[PARTS]
    wanted = parts.network.wanted
    if "removed" in body:
        if body != {"removed": True}:
            raise UserError('freeing what was removed needs "removed": true, and nothing else')
        return answer(await wanted.free_removed())
    if "bytes" not in body:
        return answer(await wanted.free(*_named(body)))
    size_bytes = body["bytes"]
    if not isinstance(size_bytes, int) or not 0 < size_bytes <= MAX_SPACE_BYTES or len(body) > 1:
        raise UserError('freeing space needs "bytes": a whole number above 0, and nothing else')
    # With room in the budget it would all come back.
    held_bytes = await wanted.held_bytes()
    budget_bytes = min(parts.settings.current.budget_bytes, max(0, held_bytes - size_bytes))
    await parts.settings.change({"budget_bytes": budget_bytes})
    return answer({**await wanted.free_space(size_bytes), "budget_bytes": budget_bytes})


async def forget(request: web.Request) -> web.Response:
    """Take a wish back: neither kept nor freed by name any more."""
    kind, row_id = _named(await body_of(request, fields=frozenset({"kind", "id"})))
    await request.app[PARTS].network.wanted.forget(kind, row_id)
    return answer({"forgotten": True})


def _named(body: dict[str, Any]) -> tuple[Kind, str]:
    kind = next((each for each in KINDS if each == body.get("kind")), None)
    if kind is None:
        raise UserError(f"kind is one of {', '.join(KINDS)}")
    return kind, text_field(body, "id", max_chars=MAX_ID_CHARS)
