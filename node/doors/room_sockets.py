"""Rooms over WebSockets of an aiohttp server: for a seed, and for a node that others on its LAN meet at."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import WSMsgType, web

from node.wire.roomframes import CLOSE_TOO_SLOW, MAX_ROSTER_FRAME_BYTES

MAX_WAITING_BYTES: Final = 1 << 20
"""What may wait for a reader before it is given up."""
PING_EVERY_S: Final = 30.0
CLOSE_TIMEOUT_S: Final = 5.0


class SocketOutlet:
    """The way out to one client; see `RoomHost`'s Outlet. It never waits for a reader."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self._socket = socket
        self._transport = transport
        self._goodbye: asyncio.Task[bool] | None = None
        # Above our own bound, so that aiohttp never waits in `send_bytes`.
        transport.set_write_buffer_limits(high=2 * MAX_WAITING_BYTES)

    async def send(self, data: bytes) -> None:
        if self._goodbye is not None:
            return
        if self._transport.get_write_buffer_size() > MAX_WAITING_BYTES:
            self._transport.abort()
            raise ConnectionResetError(CLOSE_TOO_SLOW)
        await self._socket.send_bytes(data)

    async def close(self, code: int, text: str) -> None:
        if self._goodbye is None:
            self._goodbye = asyncio.create_task(self._socket.close(code=code, message=text.encode()[:120]))


async def serve_room(
    request: web.Request,
    *,
    enter: Callable[[SocketOutlet], Awaitable[int]],
    heard: Callable[[int, bytes], Awaitable[None]],
    left: Callable[[int], Awaitable[None]],
) -> web.WebSocketResponse:
    """One client's stay, from the first frame to its last."""
    socket = web.WebSocketResponse(
        compress=False, max_msg_size=MAX_ROSTER_FRAME_BYTES, heartbeat=PING_EVERY_S, timeout=CLOSE_TIMEOUT_S
    )
    await socket.prepare(request)
    if request.transport is None:
        return socket  # it has left already
    # Its kind is not looked at: uvloop's transports are no asyncio.Transport, though they do all that one does.
    number = await enter(SocketOutlet(socket, request.transport))
    try:
        with contextlib.suppress(ConnectionError):
            async for message in socket:
                if message.type is not WSMsgType.BINARY:
                    break
                await heard(number, message.data)
    finally:
        await left(number)
    return socket
