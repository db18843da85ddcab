"""/rest/*: from a request to an endpoint of the table, and from what it says to bytes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import parse_qs

from aiohttp import web

from node.errors import NotFoundError, RefusedError, SongkeepError
from node.faces.parts import PARTS
from node.faces.subsonic.asked import Asked, Parameters, form_of
from node.faces.subsonic.entrance import check_app, check_version
from node.faces.subsonic.protocol import (
    CONTENT_TYPES,
    GENERIC,
    MISSING_PARAMETER,
    NOT_ALLOWED,
    NOT_FOUND,
    Failure,
    Format,
    answered,
    failed,
    render,
)
from node.faces.subsonic.state import State
from node.faces.subsonic.table import LIVE, NAMES, OPEN, QUESTIONS

log = logging.getLogger(__name__)

MAX_PARAMETERS: Final = 25_000
_SUFFIXES: Final = (".view", ".m3u8")
_FORM: Final = "application/x-www-form-urlencoded"
_OF_RANGES: Final = ("Content-Range", "Accept-Ranges", "ETag")
_STATE: Final = web.AppKey("subsonic_state", State)


def routes(app: web.Application) -> None:
    state = State()
    app[_STATE] = state
    app.router.add_route("*", "/rest/{endpoint:.*}", answer)
    app.router.add_route("*", "/rest", answer)
    app.cleanup_ctx.append(_follow_changes)


async def _follow_changes(app: web.Application) -> AsyncIterator[None]:
    stop = app[PARTS].library.on_change(lambda revision: app[_STATE].library_changed())
    yield
    stop()


async def answer(request: web.Request) -> web.StreamResponse:
    """Any request to /rest: always an answer of the protocol, never a page."""
    if request.method == "OPTIONS":
        return web.Response(status=204)
    form: Format = "xml"
    callback = ""
    try:
        parameters = await _parameters(request)
        form, callback = form_of(parameters)
        return await _answer(request, parameters, form, callback)
    except Failure as failure:
        return _response(render(failed(failure), form, callback), form, status=failure.status)
    except SongkeepError as error:
        return _response(render(failed(_failure(error)), form, callback), form)
    except (web.HTTPException, ConnectionError):
        raise
    except Exception:
        log.exception("subsonic_failed endpoint=%s", _endpoint(request))
        mistake = Failure(GENERIC, "Songkeep made a mistake here; its log says where")
        return _response(render(failed(mistake), form, callback), form)


async def _answer(request: web.Request, parameters: Parameters, form: Format, callback: str) -> web.StreamResponse:
    if request.method not in ("GET", "HEAD", "POST"):
        raise Failure(GENERIC, "ask with GET or POST", status=405)
    name = _endpoint(request)
    if name not in NAMES:
        raise Failure(NOT_FOUND, "there is no such endpoint", status=404)
    if name in OPEN:
        return _response(render(answered(OPEN[name]()), form, callback), form)
    asked = await _signed_in(request, parameters)
    asked.check_music_folder()
    parts = asked.parts
    if name in LIVE:
        told = await LIVE[name](request, asked)
        if isinstance(told, web.StreamResponse):
            return _bare(told) if told.status == 416 else told
        return _response(render(answered(told), form, callback), form)
    question = QUESTIONS[name]
    return _response(await parts.ask(lambda: render(answered(question(asked)), form, callback)), form)


async def _signed_in(request: web.Request, parameters: Parameters) -> Asked:
    parts = request.app[PARTS]
    check_version(parameters)
    app = (parameters.get("c") or [""])[0]
    if not app:
        raise Failure(MISSING_PARAMETER, "the parameter c, the app's name, is missing")
    if not parts.app_sign_in.is_loaded:
        await parts.ask(parts.app_sign_in.all)
    password, user = check_app(request, parameters, parts.app_sign_in)
    if parts.app_sign_in.used(password):
        await parts.ask(parts.app_sign_in.write_use, password)
    return Asked(
        parts=parts,
        state=request.app[_STATE],
        parameters=parameters,
        user=user,
        app=app[:100],
        password_name=password.name,
    )


async def _parameters(request: web.Request) -> Parameters:
    """Of the address and, for a form, of the body."""
    try:
        found = parse_qs(
            request.rel_url.raw_query_string, keep_blank_values=True, errors="replace", max_num_fields=MAX_PARAMETERS
        )
        if request.method == "POST" and request.content_type == _FORM:
            body = await request.read()
            posted = parse_qs(
                body.decode("utf-8", "replace"),
                keep_blank_values=True,
                errors="replace",
                max_num_fields=MAX_PARAMETERS,
            )
            for name, values in posted.items():
                found.setdefault(name, []).extend(values)
    except ValueError as error:
        raise Failure(GENERIC, f"a request has at most {MAX_PARAMETERS} parameters") from error
    return found


def _endpoint(request: web.Request) -> str:
    name = request.match_info.get("endpoint", "")
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _bare(refused: web.StreamResponse) -> web.Response:
    """Without words, which are the player's: what a range had to be is in the headers."""
    return web.Response(status=refused.status, headers={name: refused.headers[name] for name in _OF_RANGES})


def _failure(error: SongkeepError) -> Failure:
    if isinstance(error, NotFoundError):
        return Failure(NOT_FOUND, str(error))
    if isinstance(error, RefusedError):
        return Failure(NOT_ALLOWED, str(error))
    return Failure(GENERIC, str(error))


def _response(body: bytes, form: Format, *, status: int = 200) -> web.Response:
    return web.Response(
        body=body, status=status, headers={"Content-Type": CONTENT_TYPES[form], "Cache-Control": "no-store"}
    )
