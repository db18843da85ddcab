"""The tracker's WebSockets: aiohttp on one side, the room core on the other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import WSMsgType, web

from node.wire.pairing import MAX_FRAME_BYTES as MAX_PAIR_FRAME_BYTES
from node.wire.roomframes import CLOSE_TOO_SLOW, MAX_ROSTER_FRAME_BYTES
from node.wire.roomhost import RoomHost

MAX_UNSENT_BYTES: Final = 1 << 20
"""What may wait for a slow reader before it is dropped."""
PING_EVERY_S: Final = 30.0
CLOSE_TIMEOUT_S: Final = 5.0


class SocketOutlet:
    """One client's WebSocket. `send` never waits: a reader that is too slow is dropped instead."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self._socket = socket
        self._transport = transport
        self._closing: asyncio.Task[bool] | None = None
        transport.set_write_buffer_limits(high=2 * MAX_UNSENT_BYTES)

    async def send(self, data: bytes) -> None:
        if self._closing is not None:
            return
        if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._transport.abort()
            raise ConnectionResetError(CLOSE_TOO_SLOW)
        await self._socket.send_bytes(data)

    async def close(self, code: int, text: str) -> None:
        # The other end may take its time over its own goodbye; whoever caused this must not wait for that.
        if self._closing is None:
            self._closing = asyncio.create_task(self._socket.close(code=code, message=text.encode()[:120]))


class Doors:
    """The two WebSocket addresses of a room server."""

    def __init__(self, host: RoomHost, *, names: frozenset[str]) -> None:
        """`names`: hosts (with port, unless it is the scheme's own) that clients may dial; empty: its own address."""
        self._host = host
        self._names = names

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/v1/room", self._room)
        app.router.add_get("/v1/pair/{name}", self._pair)

    async def _room(self, request: web.Request) -> web.WebSocketResponse:
        socket, outlet = await _accept(request, MAX_ROSTER_FRAME_BYTES)
        number = await self._host.enter_room(outlet, address=client_address(request), host=self._dialled(request))
        try:
            await _read(socket, lambda data: self._host.heard(number, data))
        finally:
            await self._host.left(number)
        return socket

    async def _pair(self, request: web.Request) -> web.WebSocketResponse:
        socket, outlet = await _accept(request, MAX_PAIR_FRAME_BYTES)
        number = await self._host.enter_pair(
            outlet,
            request.match_info["name"],
            waits=request.query.get("wait") == "1",
            address=client_address(request),
        )
        try:
            await _read(socket, lambda data: self._host.heard_pair(number, data))
        finally:
            await self._host.left_pair(number)
        return socket

    def _dialled(self, request: web.Request) -> str:
        """The name that a proof must be made for. A name that isn't ours makes every proof fail, as it should."""
        host = request.host.lower()
        if host in self._names or (not self._names and _is_own_address(host, request)):
            return host
        return f"not {host}"


async def _accept(request: web.Request, max_bytes: int) -> tuple[web.WebSocketResponse, SocketOutlet]:
    socket = web.WebSocketResponse(
        compress=False, max_msg_size=max_bytes, heartbeat=PING_EVERY_S, timeout=CLOSE_TIMEOUT_S
    )
    await socket.prepare(request)
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client left while it was let in")
    # Its class is not looked at: uvloop's transports have asyncio's methods, but not its class.
    return socket, SocketOutlet(socket, transport)


async def _read(socket: web.WebSocketResponse, heard: Callable[[bytes], Awaitable[None]]) -> None:
    with contextlib.suppress(ConnectionError):
        async for message in socket:
            if message.type is not WSMsgType.BINARY:
                break
            await heard(message.data)


def client_address(request: web.Request) -> str:
    """Where a client comes from; behind a proxy on this machine, what the proxy says."""
    remote = request.remote or ""
    forwarded = request.headers.get("X-Forwarded-For")
    if forwarded and remote in ("127.0.0.1", "::1"):
        return forwarded.rpartition(",")[2].strip()[:64]
    return remote


def _is_own_address(host: str, request: web.Request) -> bool:
    """Whether `host` is the very address that this connection came to, or a name of this machine's loopback."""
    transport = request.transport
    sockname = transport.get_extra_info("sockname") if transport is not None else None
    if not sockname:
        return False
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    name = name.strip("[]")
    own = str(sockname[0]).removeprefix("::ffff:")
    return name == own or (name == "localhost" and own in ("127.0.0.1", "::1"))
