"""The settings, and the passphrase that locks the keys."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from node.config import Settings, setting_names, shown
from node.errors import UserError
from node.faces.answers import answer, body_of, text_field
from node.faces.parts import PARTS
from node.faces.session import only_control
from node.faces.sign_in import hash_password

_ONLY_HERE: Final = frozenset({"lan", "port", "trackers", "app", "dht", "dht_nodes", "dht_port"})
"""What opens the machine to others, or says whom phones trust, can't be changed from a browser."""
MIN_PASSWORD_CHARS: Final = 8


def routes(app: web.Application) -> None:
    app.router.add_get("/api/v1/config", show)
    app.router.add_patch("/api/v1/config", change)
    app.router.add_post("/api/v1/passphrase", set_passphrase)


def _shown(request: web.Request, settings: Settings) -> web.Response:
    locked = request.app[PARTS].vault.has_passphrase
    return answer({**shown(settings), "passphrase": locked})


async def show(request: web.Request) -> web.Response:
    return _shown(request, request.app[PARTS].settings.current)


async def change(request: web.Request) -> web.Response:
    """Change some settings; "password" sets the one that others of the LAN sign in with."""
    wishes = await body_of(request, fields=frozenset(setting_names()) | {"password"})
    if _ONLY_HERE & set(wishes) or "password" in wishes:
        only_control(request)
    if "password" in wishes:
        password = text_field(wishes, "password", max_chars=1_000)
        if len(password) < MIN_PASSWORD_CHARS:
            raise UserError(f"a password that the local network may try has at least {MIN_PASSWORD_CHARS} characters")
        del wishes["password"]
        wishes["lan_password"] = await asyncio.to_thread(hash_password, password)
    parts = request.app[PARTS]
    changed = await parts.settings.change(wishes)
    if "lan_password" in wishes:
        await parts.sign_in.end_all()
    return _shown(request, changed)


async def set_passphrase(request: web.Request) -> web.Response:
    """Lock this device's keys with a passphrase, or with null take it away."""
    only_control(request)
    body = await body_of(request, fields=frozenset({"passphrase"}))
    passphrase = None if body.get("passphrase") is None else text_field(body, "passphrase", max_chars=1_000)
    vault = request.app[PARTS].vault
    await asyncio.to_thread(vault.set_passphrase, passphrase)
    return answer({"passphrase": vault.has_passphrase})
