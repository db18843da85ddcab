"""The door of a room server: the WebSockets through which clients come to a RoomHost.

Tracker, seed and a node that others meet at share it. aiohttp reads the head of the request; from the handshake on the
connection is a plain asyncio protocol. That leaves no task, no queue and no timer for each connection, which is what
makes ten thousand of them cheap.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final, NoReturn

from aiohttp import web

from node.errors import PeerError
from node.wire import websocket
from node.wire.pairing import MAX_FRAME_BYTES as MAX_PAIR_FRAME_BYTES
from node.wire.roomframes import CLOSE_MALFORMED, CLOSE_TOO_SLOW, MAX_ROSTER_FRAME_BYTES
from node.wire.roomhost import TICK_S, RoomHost

log = logging.getLogger(__name__)

MAX_UNSENT_BYTES: Final = 1 << 20
"""What may wait for a slow reader before it is dropped."""
LOOK_EVERY_S: Final = 20.0
"""A client that said nothing between two looks is asked whether it is there, and dropped if the next hears nothing."""
MAX_PINGS: Final = 60
"""That a client may send between two looks at it."""
CLOSE_TIMEOUT_S: Final = 5.0
MAX_AFTER_GOODBYE_BYTES: Final = 1 << 20
LEAVE_TIMEOUT_S: Final = 1.0
CLOSE_GOING_AWAY: Final = 1001
_CLOSE_WRONG_KIND: Final = 1003
LOOKED_AT_ONCE: Final = 200
"""Ten thousand pings at once would hold up everything."""

Heard = Callable[[int, bytes], Coroutine[Any, Any, None] | None]
"""One message of a client; what is left to wait for, if anything."""


class Socket(asyncio.Protocol):
    """One client's WebSocket; the Outlet of a RoomHost."""

    __slots__ = (
        "_after_goodbye", "_closing", "_door", "_frames", "_heard", "_heard_lately", "_left", "_number", "_pings",
        "_silent", "_transport", "_waiting", "_work",
    )  # fmt: skip

    def __init__(self, door: RoomDoor, transport: asyncio.Transport, max_bytes: int) -> None:
        self._door = door
        self._transport = transport
        self._frames: websocket.Frames | None = websocket.Frames(max_bytes)
        self._heard: Heard = lambda number, data: None
        self._left: Callable[[int], None] = lambda number: None
        self._number = 0
        self._closing: asyncio.TimerHandle | None = None
        self._work: asyncio.Task[None] | None = None
        self._waiting: deque[bytes] | None = None
        self._pings = 0
        self._heard_lately = True
        self._silent = 0
        self._after_goodbye = 0
        door.here.add(self)

    def begin(self, number: int, heard: Heard, left: Callable[[int], None]) -> None:
        """Pass on what the client says, and that it went."""
        self._number, self._heard, self._left = number, heard, left

    def send(self, data: bytes) -> None:
        """Never waits: a reader that is too slow is dropped. Raises ConnectionError if it is gone."""
        if self._closing is not None:
            return
        if self._transport.is_closing():
            raise ConnectionResetError("the client is gone")
        if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._transport.abort()
            raise ConnectionResetError(CLOSE_TOO_SLOW)
        self._transport.write(websocket.frame(websocket.BINARY, data))

    def close(self, code: int, text: str) -> None:
        """Say goodbye; the other end has five seconds to say it too."""
        if self._closing is None and not self._transport.is_closing():
            self._transport.write(websocket.close_frame(code, text))
            self._closing = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT_S, self._transport.abort)

    @property
    def is_busy(self) -> bool:
        """Whether something of it waits for the store."""
        return self._work is not None

    def abort(self) -> None:
        self._transport.abort()

    def look(self) -> None:
        """Now and then: is anybody there?"""
        self._pings = 0
        self._silent = 0 if self._heard_lately else self._silent + 1
        self._heard_lately = False
        if self._silent > 1:
            self._transport.abort()
        elif self._silent == 1 and self._closing is None and not self._transport.is_closing():
            self._transport.write(websocket.frame(websocket.PING, b""))

    def data_received(self, data: bytes) -> None:
        self._heard_lately = True
        if self._closing is not None:
            # Only its own goodbye is waited for; who goes on talking instead is cut off.
            self._after_goodbye += len(data)
            if self._after_goodbye > MAX_AFTER_GOODBYE_BYTES:
                self._transport.abort()
                return
        if self._frames is None:
            return
        try:
            for opcode, payload in self._frames.feed(data):
                if opcode == websocket.BINARY:
                    if self._work is None:
                        self._hear(payload)
                    else:
                        self._put_off(payload)
                else:
                    self._control(opcode, payload)
        except PeerError as error:
            self._frames = None  # what follows makes no sense any more
            self.close(CLOSE_MALFORMED, str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._closing is not None:
            self._closing.cancel()
        self._door.went(self)
        self._waiting = None
        if self._work is None:
            self._left(self._number)
        # else: at the end of what is under way, so that it is not told of a connection that is gone

    def _hear(self, message: bytes) -> None:
        rest = self._heard(self._number, message)
        if rest is not None:
            # Nothing more is read until this is done: whoever asks a lot waits at their own end.
            if not self._transport.is_closing():
                self._transport.pause_reading()
            self._work = asyncio.get_running_loop().create_task(self._finish(rest))

    async def _finish(self, rest: Coroutine[Any, Any, None]) -> None:
        try:
            await rest
        except Exception:
            log.exception("room_failed")
            self._transport.abort()
        finally:
            self._work = None
        if self in self._door.here:
            while self._waiting and self._work is None:
                self._hear(self._waiting.popleft())
            if self._work is None and not self._transport.is_closing():
                self._transport.resume_reading()
        else:
            self._left(self._number)

    def _put_off(self, message: bytes) -> None:
        """What came in one piece with the message that is being worked on."""
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(message)

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == websocket.CLOSE:
            self.close(websocket.CLOSE_NORMAL, "")
            self._transport.close()
        elif opcode == websocket.TEXT:
            self.close(_CLOSE_WRONG_KIND, "everything here is binary")
        elif opcode == websocket.PING:
            self._pings += 1
            if self._pings > MAX_PINGS or self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
                self._transport.abort()
            elif self._closing is None:
                self._transport.write(websocket.frame(websocket.PONG, payload))


class RoomDoor:
    """`/v1/room` and `/v1/pair/<name>` of one server."""

    def __init__(
        self,
        host: RoomHost,
        *,
        address: Callable[[web.Request], str],
        dialled: Callable[[web.Request], str],
    ) -> None:
        """`address`: where a client comes from; `dialled`: the host that its proof must be made for."""
        self._host = host
        self._address = address
        self._dialled = dialled
        self.heard: Heard = host.heard
        self.left: Callable[[int], None] = host.left
        self.here: set[Socket] = set()
        self._empty = asyncio.Event()

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/v1/room", self._room)
        app.router.add_get("/v1/pair/{name}", self._pair)

    @contextlib.asynccontextmanager
    async def open(self, goodbye: str) -> AsyncIterator[None]:
        """Look after whoever comes, for as long as the context lasts; then say `goodbye` to all."""
        tasks = [asyncio.create_task(work()) for work in (self._tick, self._look_around)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            self._host.close_all(CLOSE_GOING_AWAY, goodbye)
            self._empty.clear()
            with contextlib.suppress(TimeoutError):
                if self.here:
                    await asyncio.wait_for(self._empty.wait(), LEAVE_TIMEOUT_S)
            for socket in list(self.here):
                socket.abort()

    def went(self, socket: Socket) -> None:
        self.here.discard(socket)
        if not self.here:
            self._empty.set()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._host.tick()

    async def _look_around(self) -> None:
        while True:
            everybody = list(self.here)
            slices = range(0, max(1, len(everybody)), LOOKED_AT_ONCE)
            for start in slices:
                await asyncio.sleep(LOOK_EVERY_S / len(slices))
                for socket in everybody[start : start + LOOKED_AT_ONCE]:
                    if socket in self.here:
                        socket.look()

    async def _room(self, request: web.Request) -> web.StreamResponse:
        address, host = self._address(request), self._dialled(request)
        socket = take_over(request, self, MAX_ROSTER_FRAME_BYTES)
        number = self._host.enter_room(socket, address=address, host=host)
        socket.begin(number, self.heard, self.left)
        return _TakenOver(status=101)

    async def _pair(self, request: web.Request) -> web.StreamResponse:
        name, waits, address = request.match_info["name"], request.query.get("wait") == "1", self._address(request)
        socket = take_over(request, self, MAX_PAIR_FRAME_BYTES)
        number = self._host.enter_pair(socket, name, waits=waits, address=address)
        socket.begin(number, self._host.heard_pair, self._host.left_pair)
        return _TakenOver(status=101)


def take_over(request: web.Request, door: RoomDoor, max_bytes: int) -> Socket:
    """Answer the handshake, and take the connection away from aiohttp. Raises HTTPBadRequest if it is none."""
    headers = request.headers
    wanted = headers.get("Upgrade", "").lower() == "websocket" and headers.get("Sec-WebSocket-Version") == "13"
    try:
        head = websocket.handshake(headers.get("Sec-WebSocket-Key", "")) if wanted else None
    except PeerError:
        head = None
    handler, transport = request.protocol, request.transport
    if head is None:
        raise web.HTTPBadRequest(text="this address is for WebSockets\n")
    if transport is None:
        raise ConnectionResetError("the client left while it was let in")
    # Its class is not looked at: uvloop's transports have asyncio's methods, but not its class.
    socket = Socket(door, transport, max_bytes)
    transport.set_protocol(socket)
    # For aiohttp the connection is over, and all that it kept for it is let go; the transport stays open.
    handler.transport = None
    handler.connection_lost(None)
    transport.write(head)
    return socket


class _TakenOver(web.StreamResponse):
    """What a handler has to return though there is nothing left to answer."""

    async def prepare(self, request: web.BaseRequest) -> NoReturn:
        raise ConnectionResetError("the connection is a WebSocket now")
