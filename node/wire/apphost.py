"""How the app's files are served, by whoever serves them: their types, and what a page of it may do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from typing import Final

TYPES: Final = {
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
"""By the ending of a name; files that end otherwise are none of the app's."""
COMPRESSED: Final = frozenset(("html", "js", "css", "svg", "webmanifest", "txt"))
"""Endings of files that gzip makes smaller."""
_GZIP: Final = re.compile(r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?(?=,|$)", re.IGNORECASE)
PERMISSIONS: Final = "camera=(self), geolocation=(), microphone=(), payment=(), usb=()"
"""The Permissions-Policy: the app's own page may ask for the camera, to read a pairing code."""
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Permissions-Policy": PERMISSIONS,
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "font-src 'self'; manifest-src 'self'; worker-src 'self'; connect-src 'self' https: wss:{plain}; "
    "base-uri 'none'; form-action 'none'"
)
_FRAMES: Final = "; frame-ancestors 'none'"
_DEEPEST: Final = 6


def app_policy(*, secure: bool = True, in_page: bool = False) -> str:
    """The Content-Security-Policy: scripts from the app's own address only, connections to any device's.

    Over plain http (a LAN, a test) devices' addresses are plain too. `in_page`: for a <meta> of the page itself, which
    can't say who may frame it.
    """
    return _POLICY.format(plain="" if secure else " http: ws:") + ("" if in_page else _FRAMES)


def app_files(folder: Traversable, prefix: str = "", depth: int = _DEEPEST) -> Iterator[tuple[str, Traversable]]:
    """Every file of the app below `folder`: its path with "/", and where it is."""
    for entry in folder.iterdir():
        if entry.is_dir() and depth and not entry.name.startswith((".", "_")):
            yield from app_files(entry, f"{prefix}{entry.name}/", depth - 1)
        elif entry.is_file() and entry.name.rpartition(".")[2] in TYPES:
            yield prefix + entry.name, entry


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header lets a body be gzipped (RFC 9110, section 12.5.3)."""
    found = _GZIP.search(accepted)
    return found is not None and (found[1] is None or found[1].strip("0.") != "")
