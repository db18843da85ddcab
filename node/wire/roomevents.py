"""What a member is told in a room (docs/PROTOCOL.md, "Rooms"): frames of the server, read and bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from node.errors import PeerError
from node.ids import DeviceId
from node.wire import codec, roomframes
from node.wire.grants import MAX_GRANTED_BYTES, read_granted


@dataclass(frozen=True, slots=True)
class Came:
    connection: int
    member: DeviceId


@dataclass(frozen=True, slots=True)
class Left:
    connection: int


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it came: sealed, and not yet checked."""

    connection: int
    member: DeviceId
    data: bytes


@dataclass(frozen=True, slots=True)
class RosterOffered:
    """A longer roster that the server knows; to be checked."""

    entries: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class AccountTold:
    """What the library's account at this tracker has."""

    plan: str
    plan_bytes: int
    songs: int


@dataclass(frozen=True, slots=True)
class GrantAnswered:
    """The answer to `ask_grant`: a signed grant, or why there is none."""

    seed: DeviceId
    grant: bytes | None
    refusal: str


RoomEvent = Came | Left | Said | RosterOffered | AccountTold | GrantAnswered


def read_event(word: str, fields: list[Any]) -> RoomEvent | None:
    """What a frame says; None for a word that this program doesn't know. Raises PeerError."""
    match word:
        case "from":
            codec.array(fields, 4, "a message from a member")
            message = codec.bounded_bytes(fields[3], roomframes.MAX_FRAME_BYTES, "a message")
            return Said(roomframes.read_connection(fields[1]), _read_member(fields[2]), message)
        case "came":
            codec.array(fields, 3, "an arrival")
            return Came(roomframes.read_connection(fields[1]), _read_member(fields[2]))
        case "left":
            return Left(roomframes.read_connection(codec.array(fields, 2, "a departure")[1]))
        case "account":
            return _read_account(fields)
        case "grant":
            codec.array(fields, 3, "a grant")
            return GrantAnswered(_read_member(fields[1]), read_granted(fields[2]), "")
        case "denied":
            codec.array(fields, 3, "a refusal")
            if fields[1] == b"":
                return None
            return GrantAnswered(_read_member(fields[1]), None, codec.bounded_text(fields[2], 300, "a refusal"))
    return None


def _read_member(value: object) -> DeviceId:
    return DeviceId(codec.fixed_bytes(value, 32, "a member"))


def _read_account(fields: list[Any]) -> AccountTold:
    about = codec.array(fields, 2, "an account")[1]
    if not isinstance(about, dict):
        raise PeerError("an account is not a map")
    return AccountTold(
        codec.bounded_text(about.get("plan"), 32, "a plan"),
        codec.natural(about.get("plan_bytes"), MAX_GRANTED_BYTES, "a plan's size"),
        codec.natural(about.get("songs"), MAX_GRANTED_BYTES, "a plan's songs"),
    )
