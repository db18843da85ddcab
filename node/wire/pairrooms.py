"""Pairing rooms: where two devices that know one code exchange frames (docs/PROTOCOL.md, "Pairing"). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from node.wire import roomframes
from node.wire.bucket import Buckets, Rate
from node.wire.pairing import MAX_FRAME_BYTES
from node.wire.roomeffects import Close, Send

LIFETIME_S: Final = 600.0
MAX_ROOMS: Final = 10_000
MAX_ROOMS_PER_ADDRESS: Final = 16
MAX_FRAMES: Final = 200
"""Of one side, in a whole pairing."""
MAX_BYTES: Final = 8 << 20
_TRIES: Final = Rate(per_s=0.2, burst=20.0)
"""How often one address may look for a room."""
_NAME: Final = re.compile(r"[a-z2-7]{52}\Z")

Effect = Send | Close


@dataclass(slots=True)
class _Room:
    waiting: int
    address: str
    until_s: float
    guest: int | None = None


@dataclass(slots=True)
class _Side:
    room: str
    frames_left: int = MAX_FRAMES
    bytes_left: int = MAX_BYTES


class PairRooms:
    """All pairing rooms of one server. Connections are numbers that the caller gives."""

    def __init__(self) -> None:
        self._rooms: dict[str, _Room] = {}
        self._sides: dict[int, _Side] = {}
        self._tries = Buckets(_TRIES)

    def opened(self, number: int, name: str, *, waits: bool, address: str, now_s: float) -> list[Effect]:
        """A device came to the room `name`: to wait in it, or to meet who waits."""
        if not self._tries.take(address, now_s):
            return [Close(number, roomframes.CLOSE_TOO_MUCH, "too many tries from one address; wait a few minutes")]
        if not _NAME.match(name):
            return [Close(number, roomframes.CLOSE_MALFORMED, "that is not the name of a pairing room")]
        room = self._rooms.get(name)
        if waits:
            mine = sum(each.address == address for each in self._rooms.values())
            if room is not None:
                return [Close(number, roomframes.CLOSE_TAKEN, "somebody waits with this code already")]
            if mine >= MAX_ROOMS_PER_ADDRESS or len(self._rooms) >= MAX_ROOMS:
                return [Close(number, roomframes.CLOSE_TOO_MUCH, "too many pairings at once")]
            self._rooms[name] = _Room(number, address, now_s + LIFETIME_S)
        elif room is None:
            return [Close(number, roomframes.CLOSE_NOBODY, "nobody waits with this code")]
        elif room.guest is not None:
            return [Close(number, roomframes.CLOSE_TAKEN, "this code was used already")]
        else:
            room.guest = number
        self._sides[number] = _Side(name)
        return []

    def received(self, number: int, data: bytes) -> list[Effect]:
        """One frame, for the other side. A guest's frames find who waits; who waits speaks only when spoken to."""
        side = self._sides.get(number)
        if side is None:
            return []
        side.frames_left -= 1
        side.bytes_left -= len(data)
        if side.frames_left < 0 or side.bytes_left < 0 or len(data) > MAX_FRAME_BYTES:
            return [
                Close(number, roomframes.CLOSE_TOO_MUCH, "more than a pairing needs"),
                *self.closed(number),
            ]
        room = self._rooms[side.room]
        other = room.guest if number == room.waiting else room.waiting
        return [Send(other, data)] if other is not None else []

    def closed(self, number: int) -> list[Effect]:
        """A side has gone: the room is spent, the other side is told."""
        side = self._sides.pop(number, None)
        if side is None:
            return []
        return self._end(side.room, roomframes.CLOSE_OTHER_LEFT, "the other device left", but=number)

    def tick(self, now_s: float) -> list[Effect]:
        """Ends rooms whose time is over. Call it every few seconds."""
        self._tries.forget_full(now_s)
        late = [name for name, room in self._rooms.items() if now_s >= room.until_s]
        return [
            effect
            for name in late
            for effect in self._end(name, roomframes.CLOSE_TOO_SLOW, "the pairing code has run out")
        ]

    def _end(self, name: str, code: int, text: str, *, but: int | None = None) -> list[Effect]:
        room = self._rooms.pop(name)
        effects: list[Effect] = []
        for number in (room.waiting, room.guest):
            if number is not None and number != but and self._sides.pop(number, None) is not None:
                effects.append(Close(number, code, text))
        return effects
