"""JSON in and out, and our errors as HTTP answers."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web

from node.errors import (
    DamagedError,
    NotFoundError,
    PeerError,
    RefusedError,
    SongkeepError,
    StorageError,
    UnavailableError,
    UnknownFormatError,
    UserError,
)

log = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 1_048_576
MAX_PAGE: Final = 500
BODY_TIMEOUT_S: Final = 30.0
_MAX_QUERY_CHARS: Final = 500
_MAX_DIGITS: Final = 15

_STATUS: Final[Mapping[type[SongkeepError], int]] = {
    UserError: 422,
    NotFoundError: 404,
    RefusedError: 403,
    DamagedError: 500,
    UnavailableError: 503,
    PeerError: 502,
    UnknownFormatError: 500,
    StorageError: 507,
    SongkeepError: 500,
}

Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answer(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """`value` as a JSON response that nobody keeps."""
    try:
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        # A path that is no UTF-8 holds lone surrogates; escaped they survive the journey and come back the same.
        body = json.dumps(value, separators=(",", ":")).encode()
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return web.Response(body=body, status=status, headers=kept, content_type="application/json", charset="utf-8")


def refusal(status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> web.Response:
    """An error as the API tells it: {"error": {"code", "message"}}."""
    return answer({"error": {"code": code, "message": message}}, status=status, headers=headers)


def refusal_for(error: SongkeepError) -> web.Response:
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    return refusal(status, error.code, str(error))


@web.middleware
async def errors_as_answers(request: web.Request, handler: Endpoint) -> web.StreamResponse:
    """Turn whatever an endpoint raises into one kind of answer."""
    try:
        return await handler(request)
    except SongkeepError as error:
        return refusal_for(error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        code = {404: "not_found", 405: "invalid", 413: "too_large"}.get(error.status, "invalid")
        return refusal(error.status, code, f"This address does not answer that ({error.reason}).")
    except Exception:
        log.exception("request_failed method=%s route=%s", request.method, route_of(request))
        return refusal(500, "failed", "Songkeep made a mistake here; its log says where.")


def route_of(request: web.Request) -> str:
    """The route's pattern, which holds no identifier and no query: fit for logs and counters."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


async def body_of(request: web.Request, *, fields: frozenset[str]) -> dict[str, Any]:
    """The request's JSON object; no other than `fields`. Raises UserError."""
    if request.content_type != "application/json":
        raise UserError("the body of this request must be JSON (Content-Type: application/json)")
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            data = await request.read()
        value = json.loads(data)
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except (ValueError, RecursionError) as error:
        raise UserError("the body of this request is not JSON") from error
    if not isinstance(value, dict):
        raise UserError("the body of this request must be a JSON object")
    unknown = sorted(set(value) - fields)
    if unknown:
        raise UserError(f"the request has a field {unknown[0][:40]!r} that means nothing here")
    return value


def text_field(body: Mapping[str, Any], name: str, *, max_chars: int = 4_096) -> str:
    """A field that must be text, not empty. Raises UserError."""
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= max_chars:
        raise UserError(f"the request needs {name!r}: text of 1 to {max_chars} characters")
    return value


def flag_field(body: Mapping[str, Any], name: str) -> bool:
    """A field that may be true or false; false where it is absent. Raises UserError."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise UserError(f"{name!r} is true or false")
    return value


def whole_field(body: Mapping[str, Any], name: str, *, highest: int) -> int:
    """A field that must be a whole number from 0 to `highest`. Raises UserError."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= highest:
        raise UserError(f"the request needs {name!r}: a whole number from 0 to {highest}")
    return value


def text_list_field(body: Mapping[str, Any], name: str, *, most: int = 10_000, max_chars: int = 4_096) -> list[str]:
    """A field that must be a list of texts, none empty. Raises UserError."""
    value = body.get(name)
    if not isinstance(value, list) or len(value) > most:
        raise UserError(f"the request needs {name!r}: a list of at most {most} texts")
    if not all(isinstance(item, str) and 0 < len(item) <= max_chars for item in value):
        raise UserError(f"each of {name!r} is a text of 1 to {max_chars} characters")
    return value


def whole_number(request: web.Request, name: str, default: int, *, highest: int) -> int:
    """A query parameter from 0 to `highest`. Raises UserError."""
    text = request.query.get(name)
    if text is None:
        return default
    number = _number(text)
    if number is None or number > highest:
        raise UserError(f"{name} is a whole number from 0 to {highest}")
    return number


def numbered(request: web.Request, what: str) -> int:
    """The number in the path that names `what`, as in "a folder". Raises UserError."""
    number = _number(request.match_info["id"])
    if number is None:
        raise UserError(f"{what} is named by its number")
    return number


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else None


def choice(request: web.Request, name: str, choices: tuple[str, ...]) -> str:
    """A query parameter that is one of `choices`; the first one is the default. Raises UserError."""
    text = request.query.get(name, choices[0])
    if text not in choices:
        raise UserError(f"{name} is one of {', '.join(choices)}")
    return text


def optional_text(request: web.Request, name: str) -> str | None:
    """A query parameter as text, or None if it is absent or empty. Raises UserError."""
    text = request.query.get(name) or None
    if text is not None and len(text) > _MAX_QUERY_CHARS:
        raise UserError(f"{name} has at most {_MAX_QUERY_CHARS} characters")
    return text
