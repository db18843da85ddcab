"""This device's own room server: for the library's devices and newcomers nearby, and for devices from afar."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from aiohttp import web

from node.doors.certificate import Identity
from node.doors.socket_pipe import SocketPipe, serve_link
from node.errors import UnavailableError
from node.ids import DeviceId
from node.roomdoor import RoomDoor
from node.wire.roomeffects import Limits
from node.wire.roomframes import NONCE_BYTES, pinned_url
from node.wire.roomhost import RoomHost, RosterShelf, Surroundings
from node.wire.roomstate import RoomServer

log = logging.getLogger(__name__)

LIMITS: Final = Limits(connections=256, connections_per_address=32)
MAX_LINKS: Final = 32
CLOSE_TIMEOUT_S: Final = 1.0


class LinkDoor:
    """Takes links, straight from other devices."""

    def __init__(
        self,
        admit: Callable[[DeviceId, bytes, bytes, str], None],
        run: Callable[[DeviceId, SocketPipe], Awaitable[None]],
    ) -> None:
        """See `serve_link` in node/doors/socket_pipe.py."""
        self._admit = admit
        self._run = run
        self._open = 0

    def add_to(self, app: web.Application, known_as: Callable[[str], bool]) -> None:
        async def link(request: web.Request) -> web.StreamResponse:
            if self._open >= MAX_LINKS:
                return web.Response(status=503)
            self._open += 1
            try:
                return await serve_link(
                    request,
                    host=_dialled(request, known_as),
                    nonce_32=os.urandom(NONCE_BYTES),
                    admit=self._admit,
                    run=self._run,
                )
            finally:
                self._open -= 1

        app.router.add_get("/v1/link", link)


class LanRooms:
    """A room server that answers."""

    def __init__(self, host: RoomHost, port: int, pin: bytes | None) -> None:
        self.port = port
        self.pin = pin
        """SHA-256 of the certificate that it shows; None without TLS."""
        self._host = host

    @property
    def own_url(self) -> str:
        """Where this very device joins it."""
        address = f"127.0.0.1:{self.port}"
        return f"ws://{address}" if self.pin is None else pinned_url(address, self.pin)


@contextlib.asynccontextmanager
async def serving(
    shelf: RosterShelf,
    *,
    bind: Sequence[str] = ("0.0.0.0",),
    port: int = 0,
    identity: Identity | None = None,
    known_as: Callable[[str], bool] = lambda _host: False,
    links: LinkDoor | None = None,
) -> AsyncIterator[LanRooms]:
    """The server for as long as the context lasts; port 0 takes any, with an identity it speaks TLS.

    `known_as` says of which hosts, beside the address itself, a proof is good here; `links` takes links, if given.
    Raises UnavailableError.
    """
    around = Surroundings(time.monotonic, lambda: time.time_ns() // 1_000_000, os.urandom)
    host = RoomHost(RoomServer(LIMITS), shelf, around)
    door = RoomDoor(
        host, address=lambda request: request.remote or "", dialled=lambda request: _dialled(request, known_as)
    )
    app = web.Application(client_max_size=1_024)
    door.add_to(app)
    if links is not None:
        links.add_to(app, known_as)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_TIMEOUT_S, handle_signals=False)
    await runner.setup()
    try:
        async with door.open("this device is going away"):
            taken = 0
            for address in bind:
                context = None if identity is None else identity.context
                try:
                    await web.TCPSite(runner, address, taken or port, ssl_context=context).start()
                except OSError as error:
                    if not taken:
                        raise UnavailableError(f"no port can be opened for other devices: {error.strerror}") from error
                else:
                    taken = taken or int(runner.addresses[0][1])
            log.info("lan_rooms_opened port=%d tls=%s", taken, identity is not None)
            yield LanRooms(host, taken, None if identity is None else identity.print_32)
    finally:
        await runner.cleanup()
        log.info("lan_rooms_closed")


def _dialled(request: web.Request, known_as: Callable[[str], bool]) -> str:
    """The host that a proof must name: the very address that this connection came to, or one that is told as ours."""
    transport = request.transport
    sockname = transport.get_extra_info("sockname") if transport is not None else None
    if not sockname:
        return "nowhere"
    own = f"[{sockname[0]}]:{sockname[1]}" if ":" in sockname[0] else f"{sockname[0]}:{sockname[1]}"
    return request.host if request.host == own or known_as(request.host) else f"not {request.host}"
