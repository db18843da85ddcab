"""Signing in and out, and the codes that commands make for the browser."""

from __future__ import annotations

import asyncio
import ipaddress

from aiohttp import web

from node.doors.peer_user import own_user, user_of_connection
from node.errors import RefusedError, UserError
from node.faces.answers import answer, body_of, refusal, text_field
from node.faces.gate import ACCESS, bearer
from node.faces.parts import PARTS
from node.faces.sign_in import ATTEMPT_EVERY_S, TooManyAttemptsError


def routes(app: web.Application) -> None:
    app.router.add_post("/api/v1/session", begin)
    app.router.add_delete("/api/v1/session", end)
    app.router.add_post("/api/v1/session/code", new_code)


async def begin(request: web.Request) -> web.Response:
    """Trade {"code"} or {"password"} for a session."""
    sign_in = request.app[PARTS].sign_in
    body = await body_of(request, fields=frozenset({"code", "password"}))
    if len(body) != 1:
        raise UserError('a sign-in has either a "code" or a "password"')
    address = request.remote or ""
    try:
        if "code" in body:
            code = text_field(body, "code", max_chars=200)
            user = await asyncio.to_thread(user_of_connection, request.transport)
            session = await sign_in.begin_by_code(code, address=address, user=user)
        else:
            password = text_field(body, "password", max_chars=1_000)
            session = await sign_in.begin_by_password(password, address=address)
    except TooManyAttemptsError as error:
        return refusal(429, error.code, str(error), headers={"Retry-After": str(ATTEMPT_EVERY_S)})
    return answer({"token": session.token, "media_key": session.media_key, "expires_ms": session.expires_ms})


async def end(request: web.Request) -> web.Response:
    await request.app[PARTS].sign_in.end(bearer(request))
    return answer({"signed_out": True})


async def new_code(request: web.Request) -> web.Response:
    """A sign-in code for one browser; with {"own_user": true} only for a browser of this node's own user.

    For commands on this machine only: a session can't make more sessions.
    """
    only_control(request)
    body = await body_of(request, fields=frozenset({"own_user"}))
    user = own_user() if body.get("own_user") is True else None
    return answer({"code": request.app[PARTS].sign_in.new_code(user=user)})


def only_here(request: web.Request, why: str) -> None:
    """Let only those pass who sit at this computer. Raises RefusedError, which says `why`."""
    try:
        here = ipaddress.ip_address((request.remote or "").partition("%")[0]).is_loopback
    except ValueError:
        here = False
    if not here:
        raise RefusedError(why)


def only_control(request: web.Request) -> None:
    """Let only those pass who can read the home directory. Raises RefusedError."""
    if request[ACCESS] not in ("own", "guest"):
        raise RefusedError("this can only be done with the songkeep command on the computer itself")
