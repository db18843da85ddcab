"""Who is in a room by their own word (docs/PROTOCOL.md, "Presence"): a server's word alone makes nobody present.

Each device draws a value for its stay and tells it with its presence; who hears it answers with it. A signed answer to
a value that was drawn just now can't be a recording, whatever the server kept, and whatever this device has forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from node.errors import RefusedError
from node.ids import DeviceId
from node.wire import codec
from node.wire.envelope import Message
from node.wire.roomframes import MAX_PRESENT

FRESH_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Heard:
    """What a presence tells of its sender."""

    proved: bool
    """It is here now: its presence may be believed."""
    came: bool
    """That was not known before."""
    answer: bytes | None
    """The value to answer it with, if it hasn't had that answer yet."""


@dataclass(slots=True)
class _Guest:
    member: DeviceId
    counter: int = -1
    proved: bool = False
    answered: bytes = b""


class Attendance:
    """One stay in one room."""

    def __init__(self, fresh_16: bytes) -> None:
        self.fresh = fresh_16
        """What others must answer to be believed."""
        self._guests: dict[int, _Guest] = {}
        self._highest: dict[DeviceId, int] = {}
        """The highest counter of each member that has proved to be here."""

    def check(self, connection: int, message: Message) -> bool:
        """Take a message's counter; whether its sender has proved to be here.

        Raises RefusedError for a message that is repeated, out of order, or of another sender than that connection's.
        """
        guest = self._guests.get(connection) or _Guest(message.sender)
        if guest.member != message.sender:
            raise RefusedError("a connection speaks for two devices")
        proves = self._proves(message)
        highest = self._highest.get(message.sender, -1) if guest.proved or proves else -1
        if message.counter <= max(guest.counter, highest):
            raise RefusedError("a message was repeated or came out of order")
        if connection not in self._guests and len(self._guests) >= MAX_PRESENT:
            raise RefusedError("a room has an impossible number of members")
        self._guests[connection] = guest
        guest.counter = message.counter
        if guest.proved or proves:
            self._highest[message.sender] = message.counter
        return guest.proved

    def presence(self, connection: int, message: Message) -> Heard:
        """After `check` of a presence: whether it is to be believed, and what is to be answered. Raises PeerError."""
        guest = self._guests[connection]
        fresh, _ = _freshness(message)
        came = not guest.proved and self._proves(message)
        guest.proved = guest.proved or came
        answer = fresh if fresh and fresh != guest.answered else None
        if answer:
            guest.answered = answer
        return Heard(guest.proved, came, answer)

    def left(self, connection: int) -> None:
        self._guests.pop(connection, None)

    def renew(self, fresh_16: bytes) -> frozenset[int]:
        """Ask everybody anew; gives the connections that were believed until now and must answer again.

        No answer of before counts any more, so a device whose clock was set back meanwhile is believed again.
        """
        self.fresh = fresh_16
        self._highest.clear()
        asked = frozenset(connection for connection, guest in self._guests.items() if guest.proved)
        for connection in asked:
            self._guests[connection].proved = False
        return asked

    def has_proved(self, connection: int) -> bool:
        guest = self._guests.get(connection)
        return guest is not None and guest.proved

    def _proves(self, message: Message) -> bool:
        return message.kind == "presence" and _freshness(message)[1] == self.fresh


def with_freshness(body: dict[str, object], fresh_16: bytes, echo: bytes | None) -> dict[str, object]:
    """A presence's body that asks with `fresh_16`, and answers `echo`, if that is given."""
    return {**body, "fresh": fresh_16, "echo": echo}


def _freshness(message: Message) -> tuple[bytes, bytes]:
    """What a presence asks and answers, each 16 bytes or none. Raises PeerError."""
    body: dict[Any, Any] = message.body if isinstance(message.body, dict) else {}
    asked, answered = body.get("fresh"), body.get("echo")
    return (
        b"" if asked is None else codec.fixed_bytes(asked, FRESH_BYTES, "a presence's fresh value"),
        b"" if answered is None else codec.fixed_bytes(answered, FRESH_BYTES, "a presence's answer"),
    )
