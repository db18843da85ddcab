"""Sealed, signed messages between members: to the whole room, or to one (docs/FORMAT.md, "Messages")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.crypto import labels
from node.crypto.keys import EpochKeys, MemberKeys, derive, seal_to, verify
from node.errors import PeerError, RefusedError, UnavailableError, UnknownFormatError
from node.ids import DeviceId, LibraryId
from node.wire import codec
from node.wire.roster import Roster

VERSION = 1
MAX_MESSAGE_BYTES = 65_536
_TO_ROOM = 0
_TO_MEMBER = 1


@dataclass(frozen=True, slots=True)
class Message:
    """What a member said. `counter` grows with each message of a sender; see ReplayGuard."""

    sender: DeviceId
    counter: int
    time_ms: int
    kind: str
    body: Any
    to_room: bool


def _signed(keys: MemberKeys, header: bytes, counter: int, time_ms: int, kind: str, body: object) -> bytes:
    inner = codec.pack([counter, time_ms, kind, body])
    return codec.pack([inner, keys.sign(labels.LABEL_SIGN_MESSAGE, header + inner)])


def _room_cipher(epoch: EpochKeys, sender: bytes) -> AESGCM:
    """A key of its own for each sender, so that random nonces of different devices can't meet."""
    return AESGCM(derive(epoch.room, labels.LABEL_ROOM_SENDER, sender))


def seal_to_room(
    keys: MemberKeys,
    epoch: EpochKeys,
    library: LibraryId,
    *,
    kind: str,
    body: object,
    counter: int,
    time_ms: int,
    nonce_12: bytes,
) -> bytes:
    """A message for every member that reads. `nonce_12` is fresh randomness."""
    header = codec.pack([VERSION, _TO_ROOM, library, epoch.number, keys.id, nonce_12])
    plain = _signed(keys, header, counter, time_ms, kind, body)
    return _bounded(codec.pack([header, _room_cipher(epoch, keys.id).encrypt(nonce_12, plain, header)]))


def seal_to_member(
    keys: MemberKeys,
    recipient_sign: bytes,
    recipient_receive: bytes,
    library: LibraryId,
    *,
    kind: str,
    body: object,
    counter: int,
    time_ms: int,
) -> bytes:
    """A message that one member alone can read, a seed included."""
    header = codec.pack([VERSION, _TO_MEMBER, library, keys.id, recipient_sign])
    plain = _signed(keys, header, counter, time_ms, kind, body)
    return _bounded(codec.pack([header, seal_to(recipient_receive, labels.LABEL_HPKE_MESSAGE, plain, header)]))


def _bounded(message: bytes) -> bytes:
    if len(message) > MAX_MESSAGE_BYTES:
        raise ValueError(f"a message of {len(message)} bytes is over the limit of {MAX_MESSAGE_BYTES}")
    return message


def open_message(data: bytes, keys: MemberKeys, roster: Roster, epochs: Mapping[int, EpochKeys]) -> Message:
    """Check and open a message of an active member.

    Raises PeerError (malformed or altered), RefusedError (not a member, not for this device or library),
    UnavailableError (of an epoch that this device hasn't learned of yet).
    """
    outer = codec.array(codec.unpack(data, max_bytes=MAX_MESSAGE_BYTES), 2, "a message")
    header = codec.bounded_bytes(outer[0], 512, "a message's header")
    sealed = codec.bounded_bytes(outer[1], MAX_MESSAGE_BYTES, "a message's content")
    fields = codec.array(codec.unpack(header, max_bytes=512), 5, "a message's header")
    if fields[0] != VERSION:
        raise UnknownFormatError("a message is of a version that this program doesn't know")
    if fields[2] != roster.library:
        raise RefusedError("a message is for another library")
    if fields[1] == _TO_ROOM:
        sender, plain = _open_room(fields, header, sealed, epochs, roster.epoch)
    elif fields[1] == _TO_MEMBER:
        sender = codec.fixed_bytes(fields[3], 32, "a message's sender")
        if fields[4] != keys.id:
            raise RefusedError("a message is for another device")
        plain = keys.open_sealed(labels.LABEL_HPKE_MESSAGE, sealed, header)
    else:
        raise UnknownFormatError("a message is of a kind that this program doesn't know")
    roster.member(sender)
    signed = codec.array(codec.unpack(plain, max_bytes=MAX_MESSAGE_BYTES), 2, "a message's content")
    inner = codec.bounded_bytes(signed[0], MAX_MESSAGE_BYTES, "a message's content")
    signature = codec.fixed_bytes(signed[1], 64, "a message's signature")
    verify(sender, labels.LABEL_SIGN_MESSAGE, header + inner, signature)
    counter, time_ms, kind, body = codec.array(
        codec.unpack(inner, max_bytes=MAX_MESSAGE_BYTES), 4, "a message's content"
    )[:4]
    return Message(
        sender=DeviceId(sender),
        counter=codec.natural(counter, 1 << 62, "a message's counter"),
        time_ms=codec.natural(time_ms, 1 << 48, "a message's time"),
        kind=codec.bounded_text(kind, 40, "a message's kind"),
        body=body,
        to_room=fields[1] == _TO_ROOM,
    )


def _open_room(
    fields: list[Any], header: bytes, sealed: bytes, epochs: Mapping[int, EpochKeys], newest: int
) -> tuple[bytes, bytes]:
    codec.array(fields, 6, "a message's header")
    number = codec.natural(fields[3], 1 << 31, "an epoch's number")
    sender = codec.fixed_bytes(fields[4], 32, "a message's sender")
    nonce = codec.fixed_bytes(fields[5], labels.NONCE_BYTES, "a message's nonce")
    epoch = epochs.get(number)
    if epoch is None:
        raise UnavailableError("a message is of an epoch that this device doesn't know yet")
    if number != newest:
        raise RefusedError("a message is sealed with an epoch that has ended")
    try:
        return sender, _room_cipher(epoch, sender).decrypt(nonce, sealed, header)
    except InvalidTag as error:
        raise PeerError("a message was altered on its way, or isn't of this room") from error


class ReplayGuard:
    """Refuses a message that was already seen, or is older than one already seen, sender by sender.

    Senders count in microseconds of their clock, at least one up at each message, so a restart goes on upwards.
    """

    def __init__(self) -> None:
        self._last: dict[DeviceId, int] = {}

    def check(self, message: Message) -> None:
        """Raises RefusedError for a replayed or reordered message."""
        if message.counter <= self._last.get(message.sender, -1):
            raise RefusedError("a message was repeated or came out of order")
        self._last[message.sender] = message.counter


def next_counter(last: int, now_us: int) -> int:
    """A sender's counter after `last`, for the time `now_us`."""
    return max(last + 1, now_us)
