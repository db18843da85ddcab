"""The socket: on loopback, or once the person opens it on every address of this machine."""

from __future__ import annotations

import errno
import logging
import socket
from typing import Final

from aiohttp import web

from node.errors import UnavailableError

log = logging.getLogger(__name__)

PORTS_TRIED: Final = 50
CLOSE_TIMEOUT_S: Final = 1.0
_LOOPBACK: Final = ("127.0.0.1", "::1")
_EVERYWHERE: Final = ("0.0.0.0", "::")
_BACKLOG: Final = 256


class Listener:
    """Serves one application on one port for as long as it runs."""

    def __init__(self, runner: web.AppRunner, sites: list[web.SockSite], port: int) -> None:
        self._runner = runner
        self._sites = sites
        self.port = port

    @staticmethod
    async def open(app: web.Application, *, wanted_port: int | None, lan: bool) -> Listener:
        """Listen at `wanted_port` or the next free one; at any free one if it is None. Raises UnavailableError."""
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_TIMEOUT_S, handle_signals=False)
        await runner.setup()
        try:
            sockets = _bind_somewhere(wanted_port, _EVERYWHERE if lan else _LOOPBACK)
            listener = Listener(runner, [], sockets[0].getsockname()[1])
            await listener._serve(sockets)
        except BaseException:
            await runner.cleanup()
            raise
        return listener

    async def _serve(self, sockets: list[socket.socket]) -> None:
        for bound in sockets:
            site = web.SockSite(self._runner, bound, backlog=_BACKLOG)
            await site.start()
            self._sites.append(site)

    async def open_to(self, *, lan: bool) -> None:
        """Listen on every address, or on loopback alone; requests under way go on. Raises UnavailableError."""
        for site in self._sites:
            await site.stop()
        self._sites.clear()
        await self._serve(_bind(self.port, _EVERYWHERE if lan else _LOOPBACK))
        log.info("listener_moved lan=%s", lan)

    async def close(self) -> None:
        await self._runner.cleanup()


def _bind_somewhere(wanted_port: int | None, hosts: tuple[str, str]) -> list[socket.socket]:
    if wanted_port is None:
        return _bind(0, hosts)
    for port in range(wanted_port, min(wanted_port + PORTS_TRIED, 65_536)):
        try:
            return _bind(port, hosts)
        except PortTakenError:
            continue
    return _bind(0, hosts)


class PortTakenError(UnavailableError):
    """Another program listens there."""


def _bind(port: int, hosts: tuple[str, str]) -> list[socket.socket]:
    """Sockets for IPv4 and, where the machine has it, IPv6, at the same port."""
    ipv4, ipv6 = hosts
    first = _bound(socket.AF_INET, ipv4, port)
    try:
        return [first, _bound(socket.AF_INET6, ipv6, first.getsockname()[1])]
    except PortTakenError:
        if port:
            # Whoever has the other half of this port would be taken for us by a browser that says "localhost".
            first.close()
            raise
        return [first]
    except UnavailableError:
        return [first]


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    try:
        bound = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise UnavailableError("this machine does not speak that version of IP") from error
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.setblocking(False)
        bound.bind((host, port))
        # Listening now, not later, is what makes a port taken.
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise PortTakenError(f"port {port} is taken by another program") from error
        raise UnavailableError(f"can't listen at {host} port {port}: {error.strerror}") from error
    return bound
