"""The player itself: the files of the `client` package, each with its type and ETag, compressed for who can read it."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

from node.faces.ranges import names_tag
from node.wire.apphost import COMPRESSED, TYPES, app_files, takes_gzip


@dataclass(frozen=True, slots=True)
class _Served:
    body: bytes
    content_type: str
    etag: str
    """Of exactly these bytes: the compressed ones have another."""
    encoding: str = ""


class Player:
    """The player's files, read when they are first asked for; only files found by walking the package are served."""

    def __init__(self, root: Traversable | None = None) -> None:
        self._root = root if root is not None else files("client")
        self._places: dict[str, Traversable] | None = None
        self._served: dict[tuple[str, bool], _Served] = {}

    def find(self, path: str, *, compressed: bool = False) -> _Served | None:
        """The file at `path` ("" is the page itself), `compressed` if that makes it smaller; or None."""
        if self._places is None:
            self._places = dict(app_files(self._root))
        name = path or "index.html"
        place = self._places.get(name)
        if place is None:
            return None
        ending = name.rpartition(".")[2]
        which = name, compressed and ending in COMPRESSED
        served = self._served.get(which)
        if served is None:
            body, encoding = place.read_bytes(), ""
            if which[1]:
                body, encoding = gzip.compress(body, mtime=0), "gzip"
            etag = hashlib.sha256(body).hexdigest()[:32]
            served = self._served[which] = _Served(body, TYPES[ending], etag, encoding)
        return served


PLAYER = web.AppKey("player", Player)


def routes(app: web.Application) -> None:
    app.router.add_get("/{path:(?!api/).*}", serve, allow_head=True)


async def serve(request: web.Request) -> web.Response:
    compressed = takes_gzip(request.headers.get("Accept-Encoding", ""))
    served = await asyncio.to_thread(request.app[PLAYER].find, request.match_info["path"], compressed=compressed)
    if served is None:
        raise web.HTTPNotFound
    # Always asked again, so that an updated node never runs with half of an older player.
    headers = {"ETag": f'"{served.etag}"', "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if names_tag(request.headers.get("If-None-Match"), served.etag):
        return web.Response(status=304, headers=headers)
    if served.encoding:
        headers["Content-Encoding"] = served.encoding
    return web.Response(body=served.body, headers={**headers, "Content-Type": served.content_type})
