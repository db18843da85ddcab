"""Small pieces of a seed's HTTP: bodies, ranges, errors and what lets a page of another origin ask."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from aiohttp import StreamReader, web

from node.crypto.labels import PIECE_BYTES
from node.errors import (
    DamagedError,
    NotFoundError,
    PeerError,
    RefusedError,
    SongkeepError,
    StorageError,
    UnavailableError,
    UserError,
)
from node.ids import from_text
from node.wire import codec, seedapi

log = logging.getLogger(__name__)

READ_BYTES: Final = 16 * PIECE_BYTES
_RANGE: Final = re.compile(r"bytes=(\d{1,15})-(\d{0,15})\Z")
_STATUS: Final[tuple[tuple[type[SongkeepError], int, str], ...]] = (
    (seedapi.CapabilityError, 401, "sign_in"),
    (NotFoundError, 404, "not_found"),
    (UserError, 400, "bad_request"),
    (PeerError, 400, "malformed"),
    (RefusedError, 403, "refused"),
    (DamagedError, 409, "damaged"),
    (StorageError, 507, "no_room"),
    (UnavailableError, 503, "unavailable"),
)
CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Authorization, Range",
    "Access-Control-Allow-Methods": "GET, HEAD, PUT, POST",
    "Access-Control-Expose-Headers": "Content-Range, Accept-Ranges",
    "Access-Control-Max-Age": "86400",
}
"""Any page may ask: what opens a seed is the capability, and no browser sends that by itself."""

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def parts_of(content: StreamReader) -> AsyncIterator[bytes]:
    async for part in content.iter_chunked(READ_BYTES):
        yield part


@web.middleware
async def answer_errors(request: web.Request, handler: Answer) -> web.StreamResponse:
    """Our errors as {"error": {code, message}}; CORS on every answer."""
    try:
        response = await handler(request)
    except SongkeepError as error:
        response = refusal(error)
    if not response.prepared:
        response.headers.update(CORS)
    return response


def refusal(error: SongkeepError) -> web.Response:
    status, code = next((status, code) for kind, status, code in _STATUS if isinstance(error, kind))
    log.info("request_refused status=%d code=%s", status, code)
    return web.json_response({"error": {"code": code, "message": str(error)}}, status=status, headers=CORS)


async def preflight(_request: web.Request) -> web.Response:
    return web.Response(status=204)


def packed(value: Any) -> web.Response:
    return web.Response(body=codec.pack(value), content_type="application/msgpack")


def id_of(text: str) -> bytes:
    raw = from_text(text)
    if len(raw) != 32:
        raise UserError("that is not a name of 32 bytes")
    return raw


def range_of(request: web.Request, size: int) -> tuple[int, int]:
    """First byte and the one after the last. Raises 416."""
    asked = request.headers.get("Range")
    if asked is None:
        return 0, size
    found = _RANGE.match(asked)
    if found is None or int(found[1]) >= size or (found[2] and int(found[2]) < int(found[1])):
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
    return int(found[1]), min(int(found[2]) + 1 if found[2] else size, size)
