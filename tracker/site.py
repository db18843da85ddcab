"""The app's files, for phones that are told to fetch it from this tracker."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from aiohttp import web

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
    "txt": "text/plain; charset=utf-8",
}
_DEEPEST: Final = 6
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "font-src 'self'; manifest-src 'self'; worker-src 'self'; connect-src 'self' https: wss:{plain}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    content_type: str
    etag: str


class AppFiles:
    """Every file of the `client` package that a browser may ask for, read once."""

    def __init__(self, root: Traversable | None = None) -> None:
        self._files = dict(_walk(root if root is not None else files("client"), "", _DEEPEST))

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/{path:(?!v1/).*}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        file = self._files.get(request.match_info["path"] or "index.html")
        if file is None:
            raise web.HTTPNotFound
        # Over plain http (a LAN, a test) the devices' addresses are plain too.
        policy = _POLICY.format(plain="" if _is_secure(request) else " http: ws:")
        headers = {**_HEADERS, "ETag": f'"{file.etag}"', "Content-Security-Policy": policy}
        if request.headers.get("If-None-Match") == f'"{file.etag}"':
            return web.Response(status=304, headers=headers)
        return web.Response(body=file.body, headers={**headers, "Content-Type": file.content_type})


def _is_secure(request: web.Request) -> bool:
    return request.secure or request.headers.get("X-Forwarded-Proto") == "https"


def _walk(folder: Traversable, prefix: str, depth: int) -> list[tuple[str, _File]]:
    found: list[tuple[str, _File]] = []
    for entry in folder.iterdir():
        kind = _TYPES.get(entry.name.rpartition(".")[2])
        if entry.is_dir() and depth and not entry.name.startswith((".", "_")):
            found += _walk(entry, f"{prefix}{entry.name}/", depth - 1)
        elif entry.is_file() and kind is not None:
            body = entry.read_bytes()
            found.append((prefix + entry.name, _File(body, kind, hashlib.sha256(body).hexdigest()[:32])))
    return found
