"""The way into a room on a server: tracker, seed or a node on the LAN (docs/PROTOCOL.md, "Rooms")."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import aiohttp

from node.crypto.keys import MemberKeys
from node.errors import PeerError, RefusedError, SongkeepError, UnavailableError
from node.ids import DeviceId, LibraryId
from node.wire import codec, roomframes
from node.wire.pairing import MAX_FRAME_BYTES as MAX_PAIR_FRAME_BYTES
from node.wire.roomevents import Came, Left, RoomEvent, RosterOffered, read_event
from node.wire.roomframes import RosterParts, host_of, pair_url, room_url

T = TypeVar("T")

CONNECT_TIMEOUT_S: Final = 10.0
JOIN_TIMEOUT_S: Final = 15.0
LOOKUP_TIMEOUT_S: Final = 20.0
PING_EVERY_S: Final = 20.0
CLOSE_TIMEOUT_S: Final = 3.0

SUSPENDED: Final = "the person who runs this tracker has suspended your library's account there"
_CLOSED_FOR_GOOD: Final = {
    roomframes.CLOSE_NOT_MEMBER: "the room server says that this device is not a member of the library",
    roomframes.CLOSE_SUSPENDED: SUSPENDED,
    roomframes.CLOSE_REVOKED: "this device was revoked",
    roomframes.CLOSE_TAKEN: "this code was used already; ask for a new one",
}
_CLOSED_FOR_NOW: Final = {
    roomframes.CLOSE_TOO_SLOW: "the time was over",
    roomframes.CLOSE_OTHER_LEFT: "the other device left",
    roomframes.CLOSE_TOO_MUCH: "the server has too much to do; try again in a few minutes",
}


class NobodyWaitsError(RefusedError):
    """The pairing room does not exist on that server."""


class TurnedAwayError(RefusedError):
    """The server doesn't let this device in; `roster` is what it shows as the reason, unchecked."""

    def __init__(self, message: str, roster: tuple[bytes, ...]) -> None:
        super().__init__(message)
        self.roster = roster


class Room:
    """A room that this device has joined."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, tracker_url: str) -> None:
        self._socket = socket
        self._parts = RosterParts()
        self._early: list[RoomEvent] = []
        self._offered: tuple[bytes, ...] = ()
        self.url = tracker_url
        self._invitation = roomframes.invitation_of(tracker_url)
        self.own = 0
        self.present: dict[int, DeviceId] = {}
        """Who is here, by connection; kept up to date by `events`."""
        self.stun: tuple[str, int] | None = None
        """Where this server answers STUN."""
        self.clock_ahead_ms = 0
        """How far this device's clock is ahead of the server's."""
        self.key: bytes | None = None
        """What it signs grants with; None for a server that keeps no accounts."""

    async def send(self, message: bytes, *, to: int = roomframes.TO_ALL) -> None:
        """One sealed message, to a connection or to all. Raises UnavailableError if the room is gone."""
        await self._send(["send", to, message])

    async def offer_roster(self, entries: Sequence[bytes]) -> None:
        """Tell the server of a longer roster. Raises UnavailableError if the room is gone."""
        for frame in roomframes.roster_frames(entries):
            await _send(self._socket, frame)

    async def ask_account(self) -> None:
        """The answer comes as AccountTold. Raises UnavailableError if the room is gone."""
        await self._send(["account"])

    async def ask_grant(self, seed: DeviceId, size_bytes: int) -> None:
        """The answer comes as GrantAnswered. Raises UnavailableError if the room is gone."""
        await self._send(["ask", seed, size_bytes])

    async def tell_usage(self, record: bytes) -> None:
        """Show what a seed keeps, as it signed it. Raises UnavailableError if the room is gone."""
        await self._send(["usage", record])

    async def _send(self, fields: list[object]) -> None:
        await _send(self._socket, codec.pack(fields))

    async def events(self) -> AsyncIterator[RoomEvent]:
        """What happens here, until the room ends: raises UnavailableError, RefusedError or PeerError that says why."""
        early, self._early = self._early, []
        for event in early:
            yield event
        while True:
            word, fields = await self._receive()
            if (heard := self._event(word, fields)) is not None:
                yield heard

    def _event(self, word: str, fields: list[Any]) -> RoomEvent | None:
        """What a frame says, and what follows from it here."""
        match word:
            case "roster":
                entries = self._parts.add(fields)
                if not entries:
                    return None
                self._offered = tuple(entries)
                return RosterOffered(self._offered)
            case "joined":
                codec.array(fields, 3, "an admission")
                self.own = roomframes.read_connection(fields[1])
                self.present = roomframes.read_present(fields[2])
                about = fields[3] if len(fields) > 3 and isinstance(fields[3], dict) else {}
                self.stun = _read_stun(self.url, about)
                key = about.get("key")
                self.key = None if key is None else codec.fixed_bytes(key, 32, "a tracker's key")
                return None
            case "refused":
                refusal = _refusal(fields)
                if isinstance(refusal, RefusedError):
                    raise TurnedAwayError(str(refusal), self._offered)
                raise refusal
        event = read_event(word, fields)
        match event:
            case Came(connection, member):
                if len(self.present) >= roomframes.MAX_PRESENT:
                    raise PeerError("a room has an impossible number of members")
                self.present[connection] = member
            case Left(connection):
                self.present.pop(connection, None)
        return event

    async def join(
        self, keys: MemberKeys, library: LibraryId, room: bytes, roster: Sequence[bytes], digest: bytes = b""
    ) -> None:
        """From the challenge to `joined`. Rosters that the server offers meanwhile come first in `events`.

        Raises RefusedError, PeerError, UnavailableError.
        """
        nonce, server_ms = await _challenge(self._socket)
        self.clock_ahead_ms = time.time_ns() // 1_000_000 - server_ms
        proof = roomframes.join_proof(keys, nonce, host_of(self.url), library, room)
        about = {"roster": digest, **({"invitation": self._invitation} if self._invitation else {})}
        await self._send(["join", library, room, keys.id, len(roster), proof, about])
        while not self.own:
            word, fields = await self._receive()
            if word == "more":
                await self.offer_roster(roster)
                continue
            event = self._event(word, fields)
            if event is not None:
                self._early.append(event)

    async def _receive(self) -> tuple[str, list[Any]]:
        return roomframes.read_frame(await _receive(self._socket))


@contextlib.asynccontextmanager
async def joined(
    session: aiohttp.ClientSession,
    tracker_url: str,
    *,
    keys: MemberKeys,
    library: LibraryId,
    room: bytes,
    roster: Sequence[bytes],
    digest: bytes = b"",
) -> AsyncIterator[Room]:
    """A room for as long as the context lasts; `digest` is the roster's.

    Raises RefusedError, PeerError, UnavailableError.
    """
    pin = roomframes.pin_of(tracker_url)
    async with _socket(session, room_url(tracker_url), roomframes.MAX_ROSTER_FRAME_BYTES, pin=pin) as socket:
        entered = Room(socket, tracker_url)
        joining = entered.join(keys, library, room, roster, digest)
        await _within(JOIN_TIMEOUT_S, joining, "the room server does not answer")
        yield entered


async def look_up_roster(session: aiohttp.ClientSession, tracker_url: str, keys: MemberKeys) -> list[bytes]:
    """The roster of the library whose member `keys` is, unchecked; empty if that server knows none.

    Raises PeerError, UnavailableError.
    """

    async def ask(socket: aiohttp.ClientWebSocketResponse) -> list[bytes]:
        nonce, _ = await _challenge(socket)
        proof = roomframes.lookup_proof(keys, nonce, host_of(tracker_url))
        await _send(socket, codec.pack(["lookup", keys.id, proof]))
        parts = RosterParts()
        while True:
            word, fields = roomframes.read_frame(await _receive(socket))
            if word == "refused":
                raise _refusal(fields)
            if word == "roster":
                entries = parts.add(fields)
                if entries is not None:
                    return entries

    async with _socket(session, room_url(tracker_url), roomframes.MAX_ROSTER_FRAME_BYTES) as socket:
        return await _within(LOOKUP_TIMEOUT_S, ask(socket), "the room server does not answer")


class PairPipe:
    """The way to the other device of a pairing room."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, frame: bytes) -> None:
        """Raises UnavailableError if the room is gone."""
        await _send(self._socket, frame)

    async def receive(self) -> bytes:
        """The other device's next frame. Raises UnavailableError, RefusedError if the room ends."""
        return await _receive(self._socket)


@contextlib.asynccontextmanager
async def pair_room(
    session: aiohttp.ClientSession, tracker_url: str, name: str, *, waits: bool
) -> AsyncIterator[PairPipe]:
    """A pairing room for as long as the context lasts. Raises UnavailableError."""
    async with _socket(session, pair_url(tracker_url, name, waits=waits), MAX_PAIR_FRAME_BYTES) as socket:
        yield PairPipe(socket)


@contextlib.asynccontextmanager
async def _socket(
    session: aiohttp.ClientSession, url: str, max_bytes: int, *, pin: bytes | None = None
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    connecting = session.ws_connect(
        url,
        max_msg_size=max_bytes,
        heartbeat=PING_EVERY_S,
        compress=0,
        ssl=True if pin is None else aiohttp.Fingerprint(pin),
        timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S),
    )
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            socket = await connecting
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise UnavailableError(f"the server at {urlsplit(url).netloc} can't be reached") from error
    try:
        yield socket
    finally:
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            await socket.close()


async def _send(socket: aiohttp.ClientWebSocketResponse, frame: bytes) -> None:
    try:
        await socket.send_bytes(frame)
    except (aiohttp.ClientError, OSError) as error:
        raise UnavailableError("the connection to the room server broke") from error


async def _receive(socket: aiohttp.ClientWebSocketResponse) -> bytes:
    try:
        message = await socket.receive()
    except (aiohttp.ClientError, OSError) as error:
        raise UnavailableError("the connection to the room server broke") from error
    if message.type is aiohttp.WSMsgType.BINARY:
        return bytes(message.data)
    if message.type is aiohttp.WSMsgType.TEXT:
        raise PeerError("the room server sent text where bytes belong")
    raise _closed(socket.close_code or 0)


def _closed(code: int) -> SongkeepError:
    if code == roomframes.CLOSE_NOBODY:
        return NobodyWaitsError("nobody waits with this code: it has run out or was mistyped")
    if code in _CLOSED_FOR_GOOD:
        return RefusedError(_CLOSED_FOR_GOOD[code])
    if code == roomframes.CLOSE_MALFORMED:
        return PeerError("the room server did not understand this device")
    return UnavailableError(_CLOSED_FOR_NOW.get(code, "the room server ended the connection"))


def _refusal(fields: list[Any]) -> SongkeepError:
    code = fields[1] if len(fields) > 1 and isinstance(fields[1], int) else 0
    return _closed(code)


async def _challenge(socket: aiohttp.ClientWebSocketResponse) -> tuple[bytes, int]:
    word, fields = roomframes.read_frame(await _receive(socket))
    if word == "refused":
        raise _refusal(fields)
    if word != "challenge":
        raise PeerError("the room server did not begin with a challenge")
    codec.array(fields, 3, "a challenge")
    nonce = codec.fixed_bytes(fields[1], roomframes.NONCE_BYTES, "a challenge")
    return nonce, codec.natural(fields[2], 1 << 48, "a server's time")


def _read_stun(url: str, told: dict[Any, Any]) -> tuple[str, int] | None:
    port = told.get("stun")
    host = urlsplit(url).hostname
    if not isinstance(port, int) or not 0 < port < 65_536 or host is None:
        return None
    return host, port


async def _within(timeout_s: float, work: Awaitable[T], otherwise: str) -> T:
    try:
        async with asyncio.timeout(timeout_s):
            return await work
    except TimeoutError as error:
        raise UnavailableError(otherwise) from error
