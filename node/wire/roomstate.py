"""A room server's mind, without sockets, clock or disk (docs/PROTOCOL.md, "Rooms").

Facts go in (opened, received, loaded, closed, and the time), effects come out. Tracker, seed and a node on its LAN
put the same core behind their own sockets. It forwards what it cannot read, and keeps nothing but rosters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from node.errors import PeerError, RefusedError, SongkeepError
from node.ids import DeviceId, LibraryId
from node.wire import codec, roomframes
from node.wire.bucket import Bucket, Buckets, Rate
from node.wire.envelope import MAX_MESSAGE_BYTES
from node.wire.grants import MAX_GRANTED_BYTES
from node.wire.roomeffects import (
    AskGrant,
    Close,
    Effect,
    FindRoster,
    KeepRoster,
    KeepUsage,
    Limits,
    LoadRoster,
    Send,
    TellAccount,
)
from node.wire.roster import Roster, merged, read_roster
from node.wire.usage import MAX_USAGE_BYTES

MAX_INVITATION_CHARS: Final = 64
_JOINED: Final = "joined"
_NOBODY: Final = DeviceId(b"")
_NOTHING: Final = LibraryId(b"")


@dataclass(slots=True)
class _Library:
    """A library of which somebody is connected."""

    roster: Roster | None
    frames: Bucket
    traffic: Bucket
    connections: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Connection:
    address: str
    host: str
    nonce: bytes
    opened_s: float
    frames: Bucket
    traffic: Bucket
    stage: str = "challenged"
    """challenged | loading | asked (for its roster) | joined | finding (a lookup) | closing"""
    member: DeviceId = _NOBODY
    library: LibraryId = _NOTHING
    room: bytes = b""
    roster_length: int = 0
    roster_digest: bytes = b""
    parts: roomframes.RosterParts | None = None


class RoomServer:
    """All rooms of one server."""

    def __init__(self, limits: Limits | None = None, *, stun_port: int | None = None, key: bytes | None = None) -> None:
        """`stun_port`: where this server answers STUN; `key`: its Ed25519 key, if it signs grants."""
        self.limits = limits or Limits()
        self._about = {"stun": stun_port} if key is None else {"stun": stun_port, "key": key}
        self._connections: dict[int, _Connection] = {}
        self._addresses: dict[str, int] = {}
        self._libraries: dict[LibraryId, _Library] = {}
        self._rooms: dict[tuple[LibraryId, bytes], dict[int, DeviceId]] = {}
        self._newcomers = Buckets(Rate(self.limits.newcomers_per_s, self.limits.connections_per_address))
        self._last = 0

    @property
    def connections(self) -> int:
        return len(self._connections)

    @property
    def rooms(self) -> int:
        return len(self._rooms)

    def opened(
        self, address: str, host: str, *, nonce_32: bytes, now_s: float, time_ms: int
    ) -> tuple[int, list[Effect]]:
        """A new connection: its number, and the challenge. `host` is the name under which it reached this server."""
        self._last += 1
        number = self._last
        limits = self.limits
        here = self._addresses.get(address, 0) + 1
        self._addresses[address] = here
        self._connections[number] = _Connection(
            address, host, nonce_32, now_s, Bucket(limits.frame_rate, now_s), Bucket(limits.byte_rate, now_s)
        )
        if here > limits.connections_per_address or len(self._connections) > limits.connections:
            return number, self._refuse(number, roomframes.CLOSE_TOO_MUCH, "too many connections")
        return number, [Send(number, codec.pack(["challenge", nonce_32, time_ms]))]

    def place_of(self, number: int) -> tuple[LibraryId, bytes] | None:
        """Library and room that a connection has joined, if it has."""
        connection = self._connections.get(number)
        return (connection.library, connection.room) if connection and connection.stage == _JOINED else None

    def alone(self, number: int) -> bool:
        """Whether nobody else is in that connection's room."""
        place = self.place_of(number)
        return place is None or self._rooms[place].keys() <= {number}

    def closed(self, number: int) -> list[Effect]:
        """A connection has gone; its room is told."""
        connection = self._connections.pop(number, None)
        if connection is None:
            return []
        self._addresses[connection.address] -= 1
        if not self._addresses[connection.address]:
            del self._addresses[connection.address]
        return self._leave(number, connection)

    def tick(self, now_s: float) -> list[Effect]:
        """Ends connections that never joined. Call it every few seconds."""
        self._newcomers.forget_full(now_s)
        late = [
            number
            for number, each in self._connections.items()
            if each.stage not in (_JOINED, "closing") and now_s - each.opened_s > self.limits.unjoined_s
        ]
        return [
            effect for number in late for effect in self._refuse(number, roomframes.CLOSE_TOO_SLOW, "joined too late")
        ]

    def received(self, number: int, data: bytes, now_s: float) -> list[Effect]:
        """One frame of a client."""
        connection = self._connections.get(number)
        if connection is None or connection.stage == "closing":
            return []
        if not (connection.frames.take(1, now_s) and connection.traffic.take(len(data), now_s)):
            return self._refuse(number, roomframes.CLOSE_TOO_MUCH, "too much at once")
        try:
            word, fields = roomframes.read_frame(data)
            if word != "roster" and len(data) > roomframes.MAX_FRAME_BYTES:
                raise PeerError("a frame is too long")
            return self._act(number, connection, word, fields, now_s)
        except RefusedError as error:
            return self._refuse(number, roomframes.CLOSE_NOT_MEMBER, str(error))
        except SongkeepError as error:
            return self._refuse(number, roomframes.CLOSE_MALFORMED, str(error))

    def loaded(self, number: int, entries: Sequence[bytes] | None, *, now_s: float) -> list[Effect]:
        """The answer to LoadRoster or FindRoster: the chain, or None if there is none."""
        connection = self._connections.get(number)
        if connection is None or connection.stage not in ("loading", "finding"):
            return []
        try:
            if connection.stage == "finding":
                connection.stage = "challenged"
                return self._found(number, connection, entries)
            library = self._libraries.get(connection.library)
            if library is None:
                library = _Library(
                    read_roster(entries) if entries else None,
                    Bucket(self.limits.library_frame_rate, now_s),
                    Bucket(self.limits.library_byte_rate, now_s),
                )
                self._libraries[connection.library] = library
            library.connections.add(number)
            return self._compare(number, connection, library)
        except RefusedError as error:
            return self._refuse(number, roomframes.CLOSE_NOT_MEMBER, str(error))
        except SongkeepError as error:
            return self._refuse(number, roomframes.CLOSE_MALFORMED, str(error))

    def may_found(self, number: int, now_s: float) -> bool:
        """Whether a connection may bring a library that was never here: not too many come from its address."""
        connection = self._connections.get(number)
        return connection is not None and self._newcomers.take(connection.address, now_s)

    def turned_away(self, number: int, text: str, code: int = roomframes.CLOSE_NOT_MEMBER) -> list[Effect]:
        """The answer to LoadRoster or FindRoster if the server does not want that library, or can't tell."""
        return self._refuse(number, code, text) if number in self._connections else []

    def expelled(self, libraries: Iterable[LibraryId], text: str) -> list[Effect]:
        """These libraries may not be here any more, from now on."""
        here = [library for each in libraries if (library := self._libraries.get(each)) is not None]
        numbers = sorted(number for library in here for number in library.connections)
        return [effect for number in numbers for effect in self._refuse(number, roomframes.CLOSE_SUSPENDED, text)]

    def _act(self, number: int, connection: _Connection, word: str, fields: list[Any], now_s: float) -> list[Effect]:
        match word, connection.stage:
            case "send", "joined":
                return self._forward(number, connection, fields, now_s)
            case "join", "challenged":
                return self._join(number, connection, fields, now_s)
            case "lookup", "challenged":
                return self._lookup(number, connection, fields)
            case "roster", "asked" | "joined":
                return self._take_roster(number, connection, fields)
            case "account", "joined":
                return [TellAccount(number, connection.library)]
            case "ask", "joined":
                return self._ask(number, connection, fields)
            case "usage", "joined":
                record = codec.bounded_bytes(codec.array(fields, 2, "a usage")[1], MAX_USAGE_BYTES, "a usage")
                return [KeepUsage(number, connection.library, record)]
            case (("send" | "join" | "lookup" | "roster" | "account" | "ask" | "usage"), _):
                raise PeerError(f"{word!r} came out of turn")
        return []

    def _join(self, number: int, connection: _Connection, fields: list[Any], now_s: float) -> list[Effect]:
        codec.array(fields, 6, "a join")
        library = LibraryId(codec.fixed_bytes(fields[1], 32, "a library"))
        room = codec.fixed_bytes(fields[2], 32, "a room's name")
        member = DeviceId(codec.fixed_bytes(fields[3], 32, "a member"))
        length = codec.natural(fields[4], 1 << 20, "a roster's length")
        signature = codec.fixed_bytes(fields[5], 64, "a signature")
        roomframes.check_join_proof(
            member, signature, nonce=connection.nonce, host=connection.host, library=library, room=room
        )
        connection.library, connection.room, connection.member = library, room, member
        connection.roster_length = length
        about = fields[6] if len(fields) > 6 and isinstance(fields[6], dict) else {}
        connection.roster_digest = codec.bounded_bytes(about.get("roster", b""), 32, "a roster's digest")
        connection.stage = "loading"
        if library in self._libraries:
            return self.loaded(number, None, now_s=now_s)
        invitation = codec.bounded_text(about.get("invitation", ""), MAX_INVITATION_CHARS, "an invitation")
        return [LoadRoster(number, library, invitation)]

    def _lookup(self, number: int, connection: _Connection, fields: list[Any]) -> list[Effect]:
        codec.array(fields, 3, "a lookup")
        member = DeviceId(codec.fixed_bytes(fields[1], 32, "a member"))
        signature = codec.fixed_bytes(fields[2], 64, "a signature")
        roomframes.check_lookup_proof(member, signature, nonce=connection.nonce, host=connection.host)
        connection.member = member
        connection.stage = "finding"
        return [FindRoster(number, member)]

    def _found(self, number: int, connection: _Connection, entries: Sequence[bytes] | None) -> list[Effect]:
        if entries:
            read_roster(entries).member(connection.member)
        return [Send(number, frame) for frame in roomframes.roster_frames(entries or ())]

    def _compare(self, number: int, connection: _Connection, library: _Library) -> list[Effect]:
        """Bring the shorter of both rosters up to the longer one, then let the member in.

        Of two that are as long as each other and not the same the member makes one, and gives it.
        """
        known = library.roster
        if known is None or len(known.entries) < connection.roster_length:
            connection.stage = "asked"
            return [Send(number, codec.pack(["more", len(known.entries) if known else 0]))]
        effects: list[Effect] = []
        joining = known.members.get(connection.member)
        news = known.is_news_to(connection.roster_length, connection.roster_digest)
        if joining is not None and joining.active and news:
            effects += [Send(number, frame) for frame in roomframes.roster_frames(known.entries)]
        return effects + self._enter(number, connection, library)

    def _take_roster(self, number: int, connection: _Connection, fields: list[Any]) -> list[Effect]:
        connection.parts = connection.parts or roomframes.RosterParts()
        entries = connection.parts.add(fields)
        if entries is None:
            return []
        connection.parts = None
        library = self._libraries[connection.library]
        before = library.roster
        offered = merged(before, entries) if before else read_roster(entries)
        if offered.library != connection.library:
            raise RefusedError("a roster of another library was offered")
        member = offered.members.get(connection.member)
        if member is not None and not member.active:
            return self._tell_revoked(number, offered)  # what it alone brings is not kept
        offered.member(connection.member)
        library.roster = offered
        effects: list[Effect] = []
        if before is None or len(offered.entries) > len(before.entries):
            effects.append(KeepRoster(offered.library, offered))
            effects += self._drop_revoked(library, offered)
            effects += self._spread(library, offered, but=number)
        if len(offered.entries) > len(entries):
            effects += [Send(number, frame) for frame in roomframes.roster_frames(offered.entries)]
        if connection.stage == "asked":
            effects += self._enter(number, connection, library)
        return effects

    def _spread(self, library: _Library, roster: Roster, *, but: int) -> list[Effect]:
        """The longer roster, for everybody else of the library who is here."""
        others = [each for each in library.connections if each != but and self._connections[each].stage == _JOINED]
        frames = list(roomframes.roster_frames(roster.entries))
        return [Send(other, frame) for other in sorted(others) for frame in frames]

    def _drop_revoked(self, library: _Library, roster: Roster) -> list[Effect]:
        effects: list[Effect] = []
        for number in sorted(library.connections):
            each = self._connections[number]
            member = roster.members.get(each.member)
            if each.stage == _JOINED and not (member and member.active):
                effects += self._tell_revoked(number, roster)
        return effects

    def _tell_revoked(self, number: int, roster: Roster) -> list[Effect]:
        """Refuse a member that was revoked, with the roster that proves it."""
        proof: list[Effect] = [Send(number, frame) for frame in roomframes.roster_frames(roster.entries)]
        return proof + self._refuse(number, roomframes.CLOSE_REVOKED, "this device was revoked")

    def _enter(self, number: int, connection: _Connection, library: _Library) -> list[Effect]:
        assert library.roster is not None
        found = library.roster.members.get(connection.member)
        if found is not None and not found.active:
            return self._tell_revoked(number, library.roster)
        library.roster.member(connection.member)
        key = connection.library, connection.room
        if len(library.connections) > self.limits.connections_per_library:
            return self._refuse(number, roomframes.CLOSE_TOO_MUCH, "the library has too many connections")
        if key not in self._rooms:
            names = {self._connections[other].room for other in library.connections if other != number}
            if len(names) >= self.limits.rooms_per_library:
                return self._refuse(number, roomframes.CLOSE_TOO_MUCH, "the library has too many rooms")
        others = self._rooms.setdefault(key, {})
        came = codec.pack(["came", number, connection.member])
        effects: list[Effect] = [Send(other, came) for other in others]
        present = roomframes.pack_present(others.items())
        effects.append(Send(number, codec.pack(["joined", number, present, self._about])))
        others[number] = connection.member
        connection.stage = _JOINED
        return effects

    def _forward(self, number: int, connection: _Connection, fields: list[Any], now_s: float) -> list[Effect]:
        codec.array(fields, 3, "a message to send")
        to = roomframes.read_connection(fields[1])
        message = codec.bounded_bytes(fields[2], MAX_MESSAGE_BYTES, "a message")
        room = self._rooms[connection.library, connection.room]
        recipients = [other for other in room if other != number and to in (roomframes.TO_ALL, other)]
        library = self._libraries[connection.library]
        count, size_bytes = len(recipients), len(recipients) * len(message)
        if not (
            connection.frames.take(count, now_s)
            and connection.traffic.take(size_bytes, now_s)
            and library.frames.take(count, now_s)
            and library.traffic.take(size_bytes, now_s)
        ):
            return self._refuse(number, roomframes.CLOSE_TOO_MUCH, "too much at once")
        data = codec.pack(["from", number, connection.member, message])
        return [Send(other, data) for other in recipients]

    def _ask(self, number: int, connection: _Connection, fields: list[Any]) -> list[Effect]:
        codec.array(fields, 3, "a question for a grant")
        seed = DeviceId(codec.fixed_bytes(fields[1], 32, "a seed"))
        size_bytes = codec.natural(fields[2], MAX_GRANTED_BYTES, "a grant's size")
        roster = self._libraries[connection.library].roster
        assert roster is not None
        if not roster.member(connection.member).role.rules:
            return [Send(number, codec.pack(["denied", seed, "only an owner device may ask for room on a seed"]))]
        return [AskGrant(number, connection.library, seed, size_bytes)]

    def _leave(self, number: int, connection: _Connection) -> list[Effect]:
        library = self._libraries.get(connection.library)
        if library is not None:
            library.connections.discard(number)
            if not library.connections:
                del self._libraries[connection.library]
        key = connection.library, connection.room
        room = self._rooms.get(key)
        if room is None or room.pop(number, None) is None:
            return []
        if not room:
            del self._rooms[key]
        left = codec.pack(["left", number])
        return [Send(other, left) for other in room]

    def _refuse(self, number: int, code: int, text: str) -> list[Effect]:
        """Say why, close, and tell the room at once; the socket's own end comes later."""
        connection = self._connections[number]
        effects = self._leave(number, connection)
        connection.stage = "closing"
        return [Send(number, codec.pack(["refused", code, text])), Close(number, code, text), *effects]
