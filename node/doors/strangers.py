"""A web server that gives little to whoever has not said yet who it is: few connections, and not for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

MAX_STRANGERS: Final = 64
"""Connections that have not been let in; with one more, the oldest is closed, so that a flood shuts nobody out."""
STRANGER_TIMEOUT_S: Final = 10.0
"""A connection that has not been let in by then is closed."""


class GuardedServer(web.Server):
    """`handle` answers each request, and calls `let_in` for who may stay connected."""

    def __init__(
        self, handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], *, keepalive_timeout_s: float
    ) -> None:
        super().__init__(handle, access_log=None, keepalive_timeout=keepalive_timeout_s)
        self._strangers: dict[web.RequestHandler, tuple[asyncio.Transport, asyncio.TimerHandle]] = {}

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self._strangers) >= MAX_STRANGERS:
            self._turn_away(next(iter(self._strangers)))
        later = asyncio.get_running_loop().call_later(STRANGER_TIMEOUT_S, self._turn_away, handler)
        self._strangers[handler] = transport, later

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        self._forget(handler)
        super().connection_lost(handler, exc)

    def let_in(self, request: web.BaseRequest) -> None:
        """Whoever asks this is known now, and may stay connected."""
        self._forget(request.protocol)

    def _forget(self, handler: web.RequestHandler) -> asyncio.Transport | None:
        transport, later = self._strangers.pop(handler, (None, None))
        if later is not None:
            later.cancel()
        return transport

    def _turn_away(self, handler: web.RequestHandler) -> None:
        transport = self._forget(handler)
        if transport is not None:
            transport.abort()
