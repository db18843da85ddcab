"""The gate that every request passes: Host, Origin, sign-in; and the headers that every answer carries.

Host: a page elsewhere can point its own name at 127.0.0.1 (DNS rebinding), but then its name is what the browser says.
Origin: a page elsewhere can send requests here, but the browser says from where.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from node.faces.answers import Endpoint, refusal
from node.faces.sign_in import Access, SignIn
from node.wire.apphost import PERMISSIONS

_LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_OPEN_API: Final = frozenset({("POST", "/api/v1/session")})
_MEDIA_ROUTES: Final = frozenset({"/api/v1/tracks/{id}/stream", "/api/v1/covers/{id}"})

_APPS: Final = ("/rest", "/rest/")
"""Where music apps ask (node/faces/subsonic)."""

ACCESS = web.RequestKey("access", str)


def content_policy(trackers: Sequence[str]) -> str:
    """The Content-Security-Policy: nothing from anywhere else, connections to the configured trackers excepted."""
    origins = [f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, trackers)]
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob: data:",
            "media-src 'self' blob:",
            "font-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self'",
            " ".join(("connect-src 'self'", *origins)),
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


_FIXED_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": PERMISSIONS,
}


_APP_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'",
    # Music apps that are web pages come from elsewhere. No cookie or other credential of a browser opens anything.
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "*, Range, If-Range, If-None-Match, Content-Type, Authorization",
    "Access-Control-Allow-Private-Network": "true",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag",
    "Access-Control-Max-Age": "86400",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def split_host(host: str) -> tuple[str, str]:
    """The name and the port of a Host header; the port is "" if it isn't said."""
    if host.startswith("["):
        name, bracket, rest = host.partition("]")
        return name + bracket, rest.removeprefix(":")
    name, _, port = host.partition(":")
    return name, port


def host_is_ours(host: str, *, port: int, lan: bool) -> bool:
    """Whether a Host header names this node: loopback, and once it is open to the LAN its name or any address."""
    name, its_port = split_host(host.lower())
    if its_port != str(port) and not (its_port == "" and port == 80):
        return False
    if name in _LOOPBACK_NAMES:
        return True
    if not lan:
        return False
    own = socket.gethostname().lower()
    if name in (own, f"{own.partition('.')[0]}.local"):
        return True
    try:
        # An address can't be rebound: a page that has it in its own name was served from here.
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def origin_is_ours(request: web.Request) -> bool:
    """Whether the browser says that the request comes from a page of this node, or there is no browser."""
    origin = request.headers.get("Origin")
    if origin is not None:
        return origin.lower() == f"http://{request.host.lower()}"
    return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")


def bearer(request: web.Request) -> str:
    """The token of the Authorization header, or ""."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def gate(sign_in: SignIn, *, port: Callable[[], int], lan: Callable[[], bool]) -> Middleware:
    """The middleware. `port` and `lan` are asked each time, since settings change while it runs."""

    @web.middleware
    async def pass_gate(request: web.Request, handler: Endpoint) -> web.StreamResponse:
        closed = await _reason_to_refuse(request, sign_in, port=port(), lan=lan())
        return closed if closed is not None else await handler(request)

    return pass_gate


def _is_of_an_app(request: web.Request) -> bool:
    return request.path == _APPS[0] or request.path.startswith(_APPS[1])


async def _reason_to_refuse(request: web.Request, sign_in: SignIn, *, port: int, lan: bool) -> web.Response | None:
    if _is_of_an_app(request):
        # Music apps call this node by whatever name they were given, a VPN's or a proxy's too. Nothing that a browser
        # adds by itself opens anything there: each request shows an app password.
        return None
    if not host_is_ours(request.host, port=port, lan=lan):
        return refusal(421, "wrong_host", "Songkeep does not answer under this name.")
    route = request.match_info.route.resource
    pattern = route.canonical if route is not None else ""
    in_api = request.path.startswith("/api/") or request.path == "/metrics"
    # The player's own files may be linked to from anywhere; what answers questions may not be asked from there.
    if in_api and not origin_is_ours(request):
        return refusal(403, "wrong_origin", "Songkeep does not answer other websites.")
    if not in_api or (request.method, request.path) in _OPEN_API:
        return None
    access: Access | None = await sign_in.access(bearer(request))
    if access is not None:
        request[ACCESS] = access
        return None
    opens_media = request.method in ("GET", "HEAD") and pattern in _MEDIA_ROUTES
    if opens_media and await sign_in.media_opens(request.query.get("key", "")):
        return None
    return refusal(
        401,
        "signed_out",
        "This browser is not signed in: run 'songkeep open' on your computer.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def add_headers(policy: Callable[[], str]) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """What the app does to every response as it begins."""

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        if _is_of_an_app(request):
            response.headers.update(_APP_HEADERS)
            response.headers.popall("Server", None)
            return
        response.headers.update(_FIXED_HEADERS)
        response.headers["Content-Security-Policy"] = policy()
        response.headers.popall("Server", None)

    return prepare
