"""Making, listing and revoking the passwords that music apps sign in with."""

from __future__ import annotations

from aiohttp import web

from node.faces.answers import answer, body_of, numbered, text_field
from node.faces.app_passwords import MAX_NAME_CHARS, shown
from node.faces.parts import PARTS


def routes(app: web.Application) -> None:
    app.router.add_get("/api/v1/app-passwords", listed)
    app.router.add_post("/api/v1/app-passwords", create)
    app.router.add_delete("/api/v1/app-passwords/{id}", revoke)


async def listed(request: web.Request) -> web.Response:
    """Every one with its last use, none with its secret."""
    parts = request.app[PARTS]
    return answer({"items": [shown(each) for each in await parts.ask(parts.app_sign_in.all)]})


async def create(request: web.Request) -> web.Response:
    """A new one; the only answer that ever holds its secret."""
    parts = request.app[PARTS]
    body = await body_of(request, fields=frozenset({"name"}))
    name = text_field(body, "name", max_chars=MAX_NAME_CHARS)
    made, secret = await parts.ask(parts.app_sign_in.create, name)
    return answer({**shown(made), "password": secret}, status=201)


async def revoke(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    await parts.ask(parts.app_sign_in.revoke, numbered(request, "an app password"))
    return answer({"revoked": True})
