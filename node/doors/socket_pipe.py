"""A channel's messages over one WebSocket, straight to the other device (docs/PROTOCOL.md, "Links")."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import aiohttp
from aiohttp import web

from node.crypto.keys import MemberKeys
from node.errors import PeerError, SongkeepError, UnavailableError
from node.ids import DeviceId, LibraryId
from node.wire import codec, roomframes
from node.wire.channel import MAX_MESSAGE_BYTES
from node.wire.roomframes import NONCE_BYTES, host_of, link_proof, link_url, pin_of

CONNECT_TIMEOUT_S: Final = 8.0
GREETING_TIMEOUT_S: Final = 8.0
PING_EVERY_S: Final = 20.0
CLOSE_TIMEOUT_S: Final = 2.0


class SocketPipe:
    """See `Pipe` in node/doors/channel.py."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse | web.WebSocketResponse) -> None:
        self._socket = socket
        self.ended = asyncio.Event()

    async def send(self, data: bytes) -> None:
        try:
            await self._socket.send_bytes(data)
        except (aiohttp.ClientError, OSError) as error:
            self.ended.set()
            raise UnavailableError("the connection to the other device ended") from error

    async def receive(self) -> bytes:
        with contextlib.suppress(aiohttp.ClientError, OSError):
            message = await self._socket.receive()
            if message.type is aiohttp.WSMsgType.BINARY:
                return bytes(message.data)
        self.ended.set()
        raise UnavailableError("the connection to the other device ended")

    async def close(self) -> None:
        self.ended.set()
        with contextlib.suppress(aiohttp.ClientError, OSError):
            await self._socket.close()

    def begin_anew(self) -> None:
        """TCP sees to that by itself."""


@contextlib.asynccontextmanager
async def linked(
    session: aiohttp.ClientSession, url: str, *, keys: MemberKeys, library: LibraryId
) -> AsyncIterator[SocketPipe]:
    """A pipe to the device whose room server is at `url`, which must have a pin. Raises PeerError, UnavailableError."""
    pin = pin_of(url)
    if pin is None:
        raise UnavailableError("that server is not known to be the device itself")
    connecting = session.ws_connect(
        link_url(url),
        max_msg_size=MAX_MESSAGE_BYTES + 1,
        heartbeat=PING_EVERY_S,
        compress=0,
        ssl=aiohttp.Fingerprint(pin),
        timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S),
    )
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            socket = await connecting
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise UnavailableError("the other device can't be reached straight") from error
    pipe = SocketPipe(socket)
    try:
        async with asyncio.timeout(GREETING_TIMEOUT_S):
            word, fields = roomframes.read_frame(await pipe.receive())
            if word != "challenge" or len(fields) < 2:
                raise PeerError("the other device did not begin with a challenge")
            nonce = codec.fixed_bytes(fields[1], NONCE_BYTES, "a challenge")
            await pipe.send(codec.pack(["link", keys.id, link_proof(keys, nonce, host_of(url), library)]))
            word, _ = roomframes.read_frame(await pipe.receive())
            if word != "linked":
                raise UnavailableError("the other device does not let this one in")
        yield pipe
    except TimeoutError as error:
        raise UnavailableError("the other device does not answer") from error
    finally:
        await pipe.close()


async def serve_link(
    request: web.Request,
    *,
    host: str,
    nonce_32: bytes,
    admit: Callable[[DeviceId, bytes, bytes, str], None],
    run: Callable[[DeviceId, SocketPipe], Awaitable[None]],
) -> web.WebSocketResponse:
    """One device's link, until it ends. `admit`, given member, signature, nonce and host, raises for a stranger."""
    socket = web.WebSocketResponse(
        compress=False, max_msg_size=MAX_MESSAGE_BYTES + 1, heartbeat=PING_EVERY_S, timeout=CLOSE_TIMEOUT_S
    )
    await socket.prepare(request)
    pipe = SocketPipe(socket)
    try:
        await pipe.send(codec.pack(["challenge", nonce_32]))
        async with asyncio.timeout(GREETING_TIMEOUT_S):
            word, fields = roomframes.read_frame(await pipe.receive())
        if word != "link" or len(fields) < 3:
            raise PeerError("a link did not begin as it must")
        member = DeviceId(codec.fixed_bytes(fields[1], 32, "a member"))
        admit(member, codec.fixed_bytes(fields[2], 64, "a signature"), nonce_32, host)
        await pipe.send(codec.pack(["linked"]))
        await run(member, pipe)
    except (SongkeepError, TimeoutError):
        pass  # who may not come in, or goes before it is in, hears nothing
    finally:
        await pipe.close()
    return socket
