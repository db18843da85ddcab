"""The porch of an HTTP server: whoever has not said yet what they want waits there, not for long and not many.

A server that makes everything ready for each connection pays for those that never ask for anything. Here a connection
costs a few hundred bytes until the head of its first request is whole; only then the server hears of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, cast

from aiohttp import web

from node.errors import UnavailableError

MAX_HEAD_BYTES: Final = 32_768
BACKLOG: Final = 1_024
FORGET_EVERY_S: Final = 10.0
_END_OF_HEAD: Final = b"\r\n\r\n"
_PROXIES: Final = frozenset({"127.0.0.1", "::1"})
"""Behind a proxy on this machine everybody has its address; only the bounds for all together count there."""
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nAccess-Control-Allow-Origin: *\r\n"
    b"Connection: close\r\n\r\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PorchLimits:
    """How many connections there may be. Chosen so that honest clients never meet them."""

    head_s: float = 10.0
    """From the first moment to the whole head of the first request."""
    waiting_per_address: int = 64
    waiting: int = 1_024
    """Over this, or the one above, whoever has waited the longest makes room: an honest client asks at once."""
    served_per_address: int = 1_024
    """WebSockets too; an address may be a mobile carrier's gateway."""
    served: int = 4_096
    """Connections that are answered at once; WebSockets are counted by their rooms."""


class _Guest(asyncio.Protocol):
    """A connection whose first request is still to come."""

    __slots__ = ("_head", "_late", "_porch", "address", "transport")

    def __init__(self, porch: Porch) -> None:
        self._porch = porch
        self._head = b""
        self._late: asyncio.TimerHandle | None = None
        self.address = ""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.address = _address_of(transport.get_extra_info("peername"))
        self._late = asyncio.get_running_loop().call_later(self._porch.limits.head_s, self.transport.abort)
        self._porch.came(self)

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        if self.transport.is_closing():
            return
        seen = max(0, len(self._head) - len(_END_OF_HEAD))
        self._head += data
        if self._head.find(_END_OF_HEAD, seen) < 0:
            if len(self._head) > MAX_HEAD_BYTES:
                self.transport.abort()
            return
        self._leave()
        self._porch.let_in(self, self.transport, self._head)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    def _leave(self) -> None:
        if self._late is not None:
            self._late.cancel()
        self._porch.went(self)


class Porch:
    """The protocol factory of a listening socket, in front of the server's own."""

    def __init__(
        self, serve: Callable[[], asyncio.Protocol], served: Callable[[], int], limits: PorchLimits | None = None
    ) -> None:
        """`serve` makes the server's protocol for a connection, `served` counts those that it has."""
        self._serve = serve
        self._served = served
        self.limits = limits or PorchLimits()
        self._waiting: dict[_Guest, None] = {}
        self._waiting_at: dict[str, dict[_Guest, None]] = {}
        self._inside: dict[str, list[asyncio.Transport]] = {}
        self._forgot_s = 0.0

    def __call__(self) -> asyncio.Protocol:
        return _Guest(self)

    @property
    def waiting(self) -> int:
        """Connections whose first request is still to come."""
        return len(self._waiting)

    def came(self, guest: _Guest) -> None:
        """A connection was made; if there are too many, the oldest that waits makes room."""
        self._waiting[guest] = None
        here = self._waiting_at.setdefault(guest.address, {})
        here[guest] = None
        if guest.address not in _PROXIES and len(here) > self.limits.waiting_per_address:
            self._turn_out(next(iter(here)))
        elif len(self._waiting) > self.limits.waiting:
            self._turn_out(next(iter(self._waiting)))

    def went(self, guest: _Guest) -> None:
        """It waits no more."""
        self._waiting.pop(guest, None)
        here = self._waiting_at.get(guest.address, {})
        here.pop(guest, None)
        if not here:
            self._waiting_at.pop(guest.address, None)

    def let_in(self, guest: _Guest, transport: asyncio.Transport, head: bytes) -> None:
        """The server answers it from now on, unless it has too many already."""
        self._forget_gone()
        inside = self._inside.setdefault(guest.address, [])
        if len(inside) >= self.limits.served_per_address:
            inside[:] = [each for each in inside if not each.is_closing()]
        crowded = guest.address not in _PROXIES and len(inside) >= self.limits.served_per_address
        if crowded or self._served() >= self.limits.served:
            transport.write(_FULL)
            transport.close()
            return
        inside.append(transport)
        server = self._serve()
        transport.set_protocol(server)
        server.connection_made(transport)
        server.data_received(head)

    def close(self) -> None:
        """Nobody waits any more."""
        for guest in list(self._waiting):
            self._turn_out(guest)

    def _turn_out(self, guest: _Guest) -> None:
        self.went(guest)
        if guest.transport is not None:
            guest.transport.abort()

    def _forget_gone(self) -> None:
        """Now and then, of those that are answered."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._forgot_s < FORGET_EVERY_S:
            return
        self._forgot_s = now_s
        still = {address: [each for each in here if not each.is_closing()] for address, here in self._inside.items()}
        self._inside = {address: here for address, here in still.items() if here}


@contextlib.asynccontextmanager
async def listening(
    runner: web.AppRunner, host: str, port: int, *, limits: PorchLimits | None = None
) -> AsyncIterator[int]:
    """Answer there for as long as the context lasts; the port that was taken. Raises UnavailableError."""
    server = runner.server
    assert server is not None  # after runner.setup()
    porch = Porch(server, lambda: len(server.connections), limits)
    try:
        listener = await asyncio.get_running_loop().create_server(porch, host, port, backlog=BACKLOG)
    except OSError as error:
        raise UnavailableError(f"port {port} can't be used: {error.strerror}") from error
    try:
        yield int(listener.sockets[0].getsockname()[1])
    finally:
        listener.close()
        porch.close()


def _address_of(peer: object) -> str:
    """Whom a connection counts for: its IPv4 address, or the /64 that one person has of IPv6."""
    try:
        address = ipaddress.ip_address(str(peer[0]).partition("%")[0]) if isinstance(peer, tuple) else None
    except ValueError:
        address = None
    if address is None:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        if not address.is_loopback:
            return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
