"""Who is present, in which rooms, and what they last said of themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from node.ids import DeviceId
from node.wire import codec
from node.wire.names import MAX_NAME_CHARS, device_name

MAX_HEADS: Final = 1_000
MAX_ADDRESSES: Final = 16
MAX_ADDRESS_CHARS: Final = 100
MAX_KIND_CHARS: Final = 20
MAX_TRACKERS: Final = 8
MAX_TRACKER_CHARS: Final = 500
MAX_BYTES: Final = 1 << 53
MAX_STATE_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What a device says of itself (docs/PROTOCOL.md, "Messages in a room")."""

    name: str
    role: str
    """node | phone: whether it answers offers and gives chunks."""
    roster: int
    """Entries that it knows."""
    roster_digest: bytes = b""
    """Of those entries; empty if it doesn't say."""
    heads: dict[bytes, int] = field(default_factory=dict)
    """Where each log stands for it: log's name to sequence."""
    snapshot: list[Any] | None = None
    addresses: tuple[str, ...] = ()
    """Where its lane answers: "192.0.2.1:4000", "[2001:db8::1]:4000"."""
    lane: bytes = b""
    """SHA-256 of its lane's certificate; empty if it has none."""
    asleep: bool = False
    """It is falling asleep: the next that is heard of it is that it woke."""
    budget_bytes: int | None = None
    """Room that it gives to copies of what others hold; None: it doesn't say."""
    held_bytes: int | None = None
    """Sealed bytes in its store."""
    catalog: bytes = b""
    """Names the ends of its logs (node/doors/index/log.py, `digest`); empty if it doesn't say."""
    holdings: bytes = b""
    """Names the state of what it holds (node/wire/holdings.py); empty if it doesn't say."""
    dht: tuple[bytes, ...] = ()
    """The key under which its records in the DHT stand, and its signature of it; empty if it doesn't say."""

    trackers: tuple[str, ...] = ()
    """Addresses of trackers in whose rooms it can be met, for phones to go there too."""

    def body(self) -> dict[str, object]:
        return {
            "name": self.name,
            "role": self.role,
            "roster": self.roster,
            "roster_digest": self.roster_digest,
            "heads": self.heads,
            "snapshot": self.snapshot,
            "addresses": list(self.addresses),
            "lane": self.lane,
            "asleep": self.asleep,
            "budget": self.budget_bytes,
            "held": self.held_bytes,
            "catalog": self.catalog,
            "holdings": self.holdings,
            "dht": list(self.dht),
            "trackers": list(self.trackers),
        }


def read_presence(body: object) -> Presence:
    """A presence message's body, with every field bounded. Raises PeerError."""
    fields: dict[Any, Any] = body if isinstance(body, dict) else {}
    heads = fields.get("heads") or {}
    addresses = fields.get("addresses") or []
    if not isinstance(heads, dict) or len(heads) > MAX_HEADS:
        heads = {}
    if not isinstance(addresses, list) or len(addresses) > MAX_ADDRESSES:
        addresses = []
    snapshot = fields.get("snapshot")
    return Presence(
        name=device_name(codec.bounded_text(fields.get("name"), MAX_NAME_CHARS, "a device's name")) or "a device",
        role=codec.bounded_text(fields.get("role"), MAX_KIND_CHARS, "a device's kind"),
        roster=codec.natural(fields.get("roster"), 1 << 20, "a roster's length"),
        roster_digest=codec.bounded_bytes(fields.get("roster_digest") or b"", 32, "a roster's digest"),
        heads={
            codec.bounded_bytes(log, 80, "a log's name"): codec.natural(seq, 1 << 53, "a log's head")
            for log, seq in heads.items()
        },
        snapshot=snapshot if isinstance(snapshot, list) and len(snapshot) <= 16 else None,
        addresses=tuple(codec.bounded_text(each, MAX_ADDRESS_CHARS, "an address") for each in addresses),
        lane=codec.bounded_bytes(fields.get("lane") or b"", 32, "a lane's name"),
        asleep=fields.get("asleep") is True,
        budget_bytes=_size(fields.get("budget"), "a budget"),
        held_bytes=_size(fields.get("held"), "what is held"),
        catalog=codec.bounded_bytes(fields.get("catalog") or b"", MAX_STATE_BYTES, "a catalog's state"),
        holdings=codec.bounded_bytes(fields.get("holdings") or b"", MAX_STATE_BYTES, "a state's name"),
        dht=_signed_key(fields.get("dht")),
        trackers=_trackers(fields.get("trackers")),
    )


def _trackers(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_TRACKERS:
        return ()
    return tuple(codec.bounded_text(each, MAX_TRACKER_CHARS, "a tracker's address") for each in value)


def _signed_key(value: object) -> tuple[bytes, ...]:
    if not isinstance(value, list) or len(value) != 2:
        return ()
    return tuple(codec.bounded_bytes(part, 64, "a key for the DHT") for part in value)


def _size(value: object, what: str) -> int | None:
    return None if value is None else codec.natural(value, MAX_BYTES, what)


@dataclass(slots=True)
class Seen:
    """One member as far as it is known."""

    presence: Presence | None = None
    seen_ms: int = 0
    places: set[tuple[str, int]] = field(default_factory=set)
    """Rooms (by server) and connections in which it is present."""

    @property
    def present(self) -> bool:
        return bool(self.places) and not (self.presence is not None and self.presence.asleep)


class Directory:
    """All members that were met since the start."""

    def __init__(self) -> None:
        self._seen: dict[DeviceId, Seen] = {}
        self._members: dict[tuple[str, int], DeviceId] = {}
        self.on_change: list[Callable[[DeviceId], None]] = []

    def came(self, room: str, connection: int, member: DeviceId) -> None:
        """A connection of `member` is in the room on that server."""
        self._members[room, connection] = member
        self._seen.setdefault(member, Seen()).places.add((room, connection))
        self._tell(member)

    def left(self, room: str, connection: int, now_ms: int) -> None:
        member = self._members.pop((room, connection), None)
        if member is not None:
            seen = self._seen[member]
            seen.places.discard((room, connection))
            if seen.presence is None or not seen.presence.asleep:
                seen.seen_ms = now_ms
            self._tell(member)

    def left_room(self, room: str, now_ms: int) -> None:
        """This device is no longer in that room: it can't tell who is."""
        for place in [place for place in self._members if place[0] == room]:
            self.left(*place, now_ms)

    def said(self, member: DeviceId, presence: Presence, now_ms: int) -> None:
        seen = self._seen.setdefault(member, Seen())
        seen.presence, seen.seen_ms = presence, now_ms
        self._tell(member)

    def get(self, member: DeviceId) -> Seen:
        return self._seen.get(member) or Seen()

    def present(self) -> Iterator[tuple[DeviceId, Seen]]:
        """Members that are in some room with this device."""
        return ((member, seen) for member, seen in list(self._seen.items()) if seen.present)

    def places_of(self, member: DeviceId) -> list[tuple[str, int]]:
        """The newest first."""
        return sorted(self.get(member).places, key=lambda place: -place[1])

    def _tell(self, member: DeviceId) -> None:
        for tell in self.on_change:
            tell(member)
