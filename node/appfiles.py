"""The app's files over HTTP, for phones that are told to fetch it from this tracker or seed."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

from node.wire.apphost import COMPRESSED, HEADERS, TYPES, app_files, app_policy, takes_gzip


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    content_type: str
    etag: str
    """Of exactly these bytes: the compressed ones have another."""
    encoding: str = ""


class AppFiles:
    """Every file of the `client` package that a browser may ask for, read once."""

    def __init__(self, root: Traversable | None = None) -> None:
        found = app_files(root if root is not None else files("client"))
        self._files: dict[tuple[str, bool], _File] = {}
        for name, place in found:
            body = place.read_bytes()
            self._files[name, False] = self._files[name, True] = _file(name, body)
            if name.rpartition(".")[2] in COMPRESSED:
                self._files[name, True] = _file(name, gzip.compress(body, mtime=0), "gzip")

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/{path:(?!v1/).*}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        compressed = takes_gzip(request.headers.get("Accept-Encoding", ""))
        file = self._files.get((request.match_info["path"] or "index.html", compressed))
        if file is None:
            raise web.HTTPNotFound
        policy = app_policy(secure=_is_secure(request))
        headers = {**HEADERS, "ETag": f'"{file.etag}"', "Content-Security-Policy": policy, "Vary": "Accept-Encoding"}
        if request.headers.get("If-None-Match") == f'"{file.etag}"':
            return web.Response(status=304, headers=headers)
        if file.encoding:
            headers["Content-Encoding"] = file.encoding
        return web.Response(body=file.body, headers={**headers, "Content-Type": file.content_type})


def _is_secure(request: web.Request) -> bool:
    return request.secure or request.headers.get("X-Forwarded-Proto") == "https"


def _file(name: str, body: bytes, encoding: str = "") -> _File:
    return _File(body, TYPES[name.rpartition(".")[2]], hashlib.sha256(body).hexdigest()[:32], encoding)
