"""The player itself: the files of the `client` package, each with its type and ETag."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from aiohttp import web

from node.faces.ranges import names_tag

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
    "wasm": "application/wasm",
    "txt": "text/plain; charset=utf-8",
}
_DEEPEST: Final = 6


@dataclass(frozen=True, slots=True)
class _Served:
    body: bytes
    content_type: str
    etag: str


class Player:
    """The player's files, read when they are first asked for; only files found by walking the package are served."""

    def __init__(self, root: Traversable | None = None) -> None:
        self._root = root if root is not None else files("client")
        self._places: dict[str, Traversable] | None = None
        self._served: dict[str, _Served] = {}

    def find(self, path: str) -> _Served | None:
        """The file at `path` ("" is the page itself), or None."""
        if self._places is None:
            self._places = dict(_walk(self._root, "", _DEEPEST))
        name = path or "index.html"
        place = self._places.get(name)
        if place is None:
            return None
        served = self._served.get(name)
        if served is None:
            body = place.read_bytes()
            etag = hashlib.sha256(body).hexdigest()[:32]
            served = self._served[name] = _Served(body, _TYPES[name.rpartition(".")[2]], etag)
        return served


def _walk(folder: Traversable, prefix: str, depth: int) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for entry in folder.iterdir():
        if entry.is_dir() and depth and not entry.name.startswith((".", "_")):
            found += _walk(entry, f"{prefix}{entry.name}/", depth - 1)
        elif entry.is_file() and entry.name.rpartition(".")[2] in _TYPES:
            found.append((prefix + entry.name, entry))
    return found


PLAYER = web.AppKey("player", Player)


def routes(app: web.Application) -> None:
    app.router.add_get("/{path:(?!api/).*}", serve, allow_head=True)


async def serve(request: web.Request) -> web.Response:
    served = await asyncio.to_thread(request.app[PLAYER].find, request.match_info["path"])
    if served is None:
        raise web.HTTPNotFound
    # Always asked again, so that an updated node never runs with half of an older player.
    headers = {"ETag": f'"{served.etag}"', "Cache-Control": "no-cache"}
    if names_tag(request.headers.get("If-None-Match"), served.etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=served.body, headers={**headers, "Content-Type": served.content_type})
