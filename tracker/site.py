"""The app's files, for phones that are told to fetch it from this tracker."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

from node.wire.apphost import HEADERS, TYPES, app_files, app_policy


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    content_type: str
    etag: str


class AppFiles:
    """Every file of the `client` package that a browser may ask for, read once."""

    def __init__(self, root: Traversable | None = None) -> None:
        found = app_files(root if root is not None else files("client"))
        self._files = {name: _read(name, place) for name, place in found}

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/{path:(?!v1/).*}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        file = self._files.get(request.match_info["path"] or "index.html")
        if file is None:
            raise web.HTTPNotFound
        policy = app_policy(secure=_is_secure(request))
        headers = {**HEADERS, "ETag": f'"{file.etag}"', "Content-Security-Policy": policy}
        if request.headers.get("If-None-Match") == f'"{file.etag}"':
            return web.Response(status=304, headers=headers)
        return web.Response(body=file.body, headers={**headers, "Content-Type": file.content_type})


def _is_secure(request: web.Request) -> bool:
    return request.secure or request.headers.get("X-Forwarded-Proto") == "https"


def _read(name: str, place: Traversable) -> _File:
    body = place.read_bytes()
    return _File(body, TYPES[name.rpartition(".")[2]], hashlib.sha256(body).hexdigest()[:32])
