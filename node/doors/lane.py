"""Lanes: sealed chunks by HTTPS ranges, between devices that reach each other directly (docs/PROTOCOL.md, "Lanes").

The certificate is drawn at each start and names nobody; what it is known by is told through the sealed room.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from node.crypto.labels import CHUNK_BYTES
from node.doors.certificate import Identity
from node.doors.strangers import GuardedServer
from node.errors import (
    DamagedError,
    NotFoundError,
    NotHeldError,
    PeerError,
    RefusedError,
    SongkeepError,
    UnavailableError,
    UserError,
)
from node.ids import BlobRoot, DeviceId, from_text, to_text

log = logging.getLogger(__name__)

MAX_CHUNKS: Final = 256
"""Of one request: 4 MiB."""
BLOCK_BYTES: Final = 16 * CHUNK_BYTES
"""Written, and given on, at once."""
CONNECT_TIMEOUT_S: Final = 2.0
HANDSHAKE_TIMEOUT_S: Final = 5.0
SILENCE_TIMEOUT_S: Final = 30.0
KEPT_OPEN_S: Final = 300.0
MAX_AT_ONCE: Final = 64
"""Requests that are answered at once, of all members."""
MAX_AT_ONCE_EACH: Final = 16
"""Of one member: it can't take all turns."""
_PATH: Final = re.compile(r"/v1/blobs/([a-z2-7]{52})\Z")
_RANGE: Final = re.compile(r"bytes=(\d{1,15})-(\d{1,15})\Z")
_STATUS: Final[tuple[tuple[type[SongkeepError], int], ...]] = (
    (NotFoundError, 404),
    (NotHeldError, 404),
    (UserError, 400),
    (PeerError, 403),
    (RefusedError, 403),
    (DamagedError, 409),
)
_OTHER_STATUS: Final = 503

Serve = Callable[[BlobRoot, int, int], AsyncIterator[bytes]]
"""Sealed chunks of a blob, `count` of them from `first` on, in order: one or several whole ones at a time."""
ServeTo = Callable[[DeviceId], Serve]
"""What serves one member."""
SizeOf = Callable[[BlobRoot], Awaitable[int]]
"""The sealed bytes of a whole blob. Raises NotFoundError."""
Admit = Callable[[str], DeviceId]
"""The member that an Authorization header names. Raises PeerError, RefusedError."""


class LaneServer:
    """A lane that is open to members."""

    def __init__(self, *, port: int, print_32: bytes) -> None:
        self.port = port
        self.print_32 = print_32
        """SHA-256 of its certificate."""


@contextlib.asynccontextmanager
async def serving(
    identity: Identity,
    serve_to: ServeTo,
    *,
    size_of: SizeOf,
    admit: Admit,
    allowed: Callable[[DeviceId], None],
    bind: Sequence[str],
) -> AsyncIterator[LaneServer]:
    """A lane at one free port of all addresses of `bind`, for as long as the context lasts.

    `allowed` is called before each block; it raises RefusedError for a member that may have nothing more.
    Raises UnavailableError if no port can be had.
    """

    turns: Counter[DeviceId] = Counter()

    async def blob(request: web.BaseRequest) -> web.StreamResponse:
        try:
            if "Origin" in request.headers:
                raise RefusedError("a lane is not for web pages")
            member = admit(request.headers.get("Authorization", ""))
            server.let_in(request)
            allowed(member)
            path = _PATH.match(request.path)
            if path is None or request.method not in ("GET", "HEAD"):
                raise NotFoundError("a lane has nothing but blobs")
            root = BlobRoot(from_text(path[1]))
            if request.method == "HEAD":
                return web.Response(status=204)
            if turns.total() >= MAX_AT_ONCE or turns[member] >= MAX_AT_ONCE_EACH:
                raise UnavailableError("too much is asked of this device at once")
            turns[member] += 1
            try:
                return await _give(
                    request, root, serve_to(member), size_of=size_of, still_allowed=lambda: allowed(member)
                )
            finally:
                turns[member] -= 1
        except SongkeepError as error:
            status = next((code for kind, code in _STATUS if isinstance(error, kind)), _OTHER_STATUS)
            return web.Response(status=status)

    server = GuardedServer(blob, keepalive_timeout_s=KEPT_OPEN_S)
    opened: list[asyncio.Server] = []
    try:
        port = 0
        for address in bind:
            try:
                listening = await asyncio.get_running_loop().create_server(
                    server, address, port, ssl=identity.context, ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S
                )
            except OSError as error:
                if not port:
                    raise UnavailableError(f"no port can be opened for other devices: {error.strerror}") from error
                log.info("lane_half_open address=%s", address)  # no IPv6 here, say
            else:
                opened.append(listening)
                port = port or int(listening.sockets[0].getsockname()[1])
        log.info("lane_opened port=%d", port)
        yield LaneServer(port=port, print_32=identity.print_32)
    finally:
        for listening in opened:
            listening.close()
        await asyncio.sleep(0)  # what has just come begins, so that it is ended with the others
        server.pre_shutdown()
        await server.shutdown(0)
        log.info("lane_closed")


async def _give(
    request: web.BaseRequest,
    root: BlobRoot,
    serve: Serve,
    *,
    size_of: SizeOf,
    still_allowed: Callable[[], None],
) -> web.StreamResponse:
    asked = _RANGE.match(request.headers.get("Range", ""))
    if asked is None:
        raise PeerError("a request names no range of a blob")
    start, stop = int(asked[1]), int(asked[2]) + 1
    if start % CHUNK_BYTES or stop % CHUNK_BYTES or not 0 < stop - start <= MAX_CHUNKS * CHUNK_BYTES:
        raise PeerError("a request is not for whole chunks, or for too many")
    first, count = start // CHUNK_BYTES, (stop - start) // CHUNK_BYTES
    length = min(stop, await size_of(root)) - start
    async with contextlib.aclosing(_blocks(serve(root, first, count))) as blocks:
        begun = await anext(blocks, b"")  # before the head is sent, so that a refusal still has a status
        response = web.StreamResponse(status=206, headers={"Content-Type": "application/octet-stream"})
        response.content_length = max(0, length)  # told, so that no block is copied to be framed
        await response.prepare(request)
        try:
            await _write(response, begun)
            async for block in blocks:
                still_allowed()
                await _write(response, block)
            async with asyncio.timeout(SILENCE_TIMEOUT_S):
                await response.write_eof()
        except (SongkeepError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()  # the only way left to say that there is no more
    return response


async def _write(response: web.StreamResponse, block: bytes) -> None:
    """Raises TimeoutError if the other side doesn't read: it must not keep its turn, least of all once revoked."""
    async with asyncio.timeout(SILENCE_TIMEOUT_S):
        await response.write(block)


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The first chunk as it comes, then many together."""
    waiting: list[bytes] = []
    size, enough = 0, CHUNK_BYTES
    async for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= enough:
            yield b"".join(waiting)
            waiting, size, enough = [], 0, BLOCK_BYTES
    if waiting:
        yield b"".join(waiting)


class Lane:
    """The way to one device's lane, by an address that has answered."""

    def __init__(self, session: aiohttp.ClientSession, url: str, *, print_: aiohttp.Fingerprint, pass_: str) -> None:
        self._session = session
        self._print = print_
        self._headers = {"Authorization": pass_}
        self.url = url

    @property
    def is_private(self) -> bool:
        """Whether it goes to an address of a local network."""
        return ipaddress.ip_address(urlsplit(self.url).hostname or "").is_private

    async def greet(self) -> None:
        """Whether it is who it should be and lets this device in. Raises UnavailableError, RefusedError."""
        async with self._asked("HEAD", BlobRoot(bytes(32)), {}):
            pass

    async def chunks(self, root: BlobRoot, first: int, count: int) -> AsyncGenerator[bytes, None]:
        """Sealed bytes in parts of whole chunks, but for the blob's end; unopened and unchecked.

        Raises NotHeldError, DamagedError, RefusedError as the other side says, UnavailableError if it goes silent.
        """
        start, stop = first * CHUNK_BYTES, (first + count) * CHUNK_BYTES
        left, waiting = stop - start, bytearray()
        async with self._asked("GET", root, {"Range": f"bytes={start}-{stop - 1}"}) as response:
            async for part, _ in response.content.iter_chunks():  # as they came: to join them costs a copy
                left -= len(part)
                if left < 0:
                    raise PeerError("another device gives more than it was asked for")
                if part and not waiting and len(part) % CHUNK_BYTES == 0:
                    yield part
                    continue
                waiting += part
                whole = len(waiting) - len(waiting) % CHUNK_BYTES
                if whole:
                    yield bytes(memoryview(waiting)[:whole])
                    del waiting[:whole]
            if waiting:
                yield bytes(waiting)

    @contextlib.asynccontextmanager
    async def _asked(
        self, method: str, root: BlobRoot, headers: dict[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            async with self._session.request(
                method,
                f"{self.url}/v1/blobs/{to_text(root)}",
                headers={**self._headers, **headers},
                ssl=self._print,
                allow_redirects=False,
            ) as response:
                _check_status(response.status)
                yield response
        except aiohttp.ServerFingerprintMismatch as error:
            raise UnavailableError("another machine answers at that device's address") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnavailableError("the other device can't be reached directly") from error


def _check_status(status: int) -> None:
    match status:
        case 204 | 206:
            return
        case 404:
            raise NotHeldError("the other device doesn't hold that music")
        case 403:
            raise RefusedError("the other device refuses: this device may no longer be a member")
        case 409:
            raise DamagedError("the other device's copy is damaged")
        case _:
            raise UnavailableError("the other device can't answer now")


class LaneDoor:
    """Opens ways to other devices' lanes."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, *, local_address: str | None = None) -> AsyncIterator[LaneDoor]:
        """Connections that last as long as the context; from `local_address` if it is given."""
        connector = aiohttp.TCPConnector(
            local_addr=(local_address, 0) if local_address else None, limit=0, keepalive_timeout=KEPT_OPEN_S
        )
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_TIMEOUT_S)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, read_bufsize=BLOCK_BYTES, auto_decompress=False
        ) as session:
            yield cls(session)

    async def reach(self, addresses: Sequence[str], *, print_32: bytes, pass_: str) -> Lane:
        """The lane by the address that answers first ("192.0.2.1:4000", "[2001:db8::1]:4000").

        Raises RefusedError if the device turned this one away, UnavailableError if none answers as it should.
        """
        pin = aiohttp.Fingerprint(print_32)
        lanes = [Lane(self._session, f"https://{each}", print_=pin, pass_=pass_) for each in addresses]
        greetings = {asyncio.create_task(lane.greet()): lane for lane in lanes}
        worst: SongkeepError = UnavailableError("that device has told no address")
        waiting = set(greetings)
        try:
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    error = task.exception()
                    if error is None:
                        return greetings[task]
                    if not isinstance(error, SongkeepError):
                        raise error
                    worst = error if not isinstance(worst, RefusedError) else worst
            raise worst
        finally:
            for task in waiting:
                task.cancel()
