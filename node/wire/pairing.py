"""Pairing: how a newcomer and an owner come to trust each other with one short code (docs/PROTOCOL.md, "Pairing").

Pure: what each step sends and checks. The order of the steps is told by node/flows/pair.py.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.crypto import labels
from node.crypto.keys import derive
from node.errors import PeerError, RefusedError, UserError
from node.ids import from_text, to_text
from node.wire import codec

CODE_BYTES: Final = 10
CODE_CHARS: Final = 16
CHECK_DIGITS: Final = 6
SALT_BYTES: Final = 32
MAX_FRAME_BYTES: Final = 1 << 20
QR_LIFETIME_S: Final = 60.0
TYPED_LIFETIME_S: Final = 600.0

_MISREAD: Final = str.maketrans({"0": "o", "1": "l", "8": "b"})
"""Characters that base32 doesn't have, and what the eye took for them."""


class Side(StrEnum):
    """Who is speaking: part of every hash, so that nothing can be sent back to its writer."""

    NEW = "N"
    OLD = "O"

    @property
    def other(self) -> Side:
        return Side.OLD if self is Side.NEW else Side.NEW

    @property
    def byte(self) -> bytes:
        return self.value.encode()


def pair_room(code: bytes) -> str:
    """52 characters: the name of the pairing room; whoever sees it does not learn the code."""
    return to_text(derive(code, labels.LABEL_PAIR_ROOM))


def code_to_text(code: bytes) -> str:
    """A code as a person reads it: four groups of four."""
    text = to_text(code)
    return "-".join(text[at : at + 4] for at in range(0, CODE_CHARS, 4))


def code_from_text(text: str) -> bytes:
    """The code that a person typed; case, spaces and dashes don't matter. Raises UserError."""
    plain = re.sub(r"[\s-]", "", text).lower().translate(_MISREAD)
    if len(plain) != CODE_CHARS:
        raise UserError(f"a pairing code has {CODE_CHARS} letters and digits, this one has {len(plain)}")
    try:
        return from_text(plain)
    except UserError as error:
        raise UserError("a pairing code has only the letters a to z and the digits 2 to 7") from error


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a link or a typed code says: the secret, and where its room is."""

    code: bytes = field(repr=False)
    tracker: str | None = None
    """WebSocket address of the tracker, seed or node that has the pairing room."""


def invitation_link(app_url: str, invitation: Invitation) -> str:
    """The link of the QR code. All of it that is secret stands in the fragment, which browsers never send."""
    place = f"@{quote(invitation.tracker, safe='')}" if invitation.tracker else ""
    return f"{app_url.split('#')[0]}#pair={to_text(invitation.code)}{place}"


def read_invitation(text: str) -> Invitation:
    """What `invitation_link` made, or a typed code. Raises UserError."""
    text = text.strip()
    if len(text) > 2_000:
        raise UserError("that is too long for a pairing code or link")
    _, marker, fragment = text.partition("#pair=")
    code, _, place = (fragment if marker else text).partition("@")
    tracker = unquote(place) if place else None
    if tracker is not None and urlsplit(tracker).scheme not in ("ws", "wss"):
        raise UserError("the pairing link names a tracker in a form that this program doesn't know")
    return Invitation(code_from_text(code), tracker)


@dataclass(frozen=True)
class Ephemeral:
    """One side's share of the exchange, made for one try: 64 fresh random bytes."""

    side: Side
    secret: bytes = field(repr=False)
    salt: bytes

    @cached_property
    def _private(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(self.secret)

    @cached_property
    def public(self) -> bytes:
        return self._private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    def commit_frame(self) -> bytes:
        return codec.pack(["commit", _commitment(self.side, self.public, self.salt)])

    def reveal_frame(self) -> bytes:
        return codec.pack(["reveal", self.public, self.salt])

    def agree(self, code: bytes, their_commit: bytes, their_reveal: bytes) -> Secured:
        """The sealed channel that follows from both sides' first two frames. Raises PeerError, RefusedError."""
        their_commitment = read_commit(their_commit)
        fields = codec.array(_frame(their_reveal, "reveal"), 3, "a reveal")
        public = codec.fixed_bytes(fields[1], 32, "an ephemeral key")
        salt = codec.fixed_bytes(fields[2], SALT_BYTES, "a salt")
        if not hmac.compare_digest(_commitment(self.side.other, public, salt), their_commitment):
            raise RefusedError("the other device did not keep to what it had committed to: somebody may be in between")
        try:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError as error:
            raise PeerError("the other device sent an ephemeral key that is not one") from error
        mine = _commitment(self.side, self.public, self.salt), self.public + self.salt
        theirs = their_commitment, public + salt
        new, old = (mine, theirs) if self.side is Side.NEW else (theirs, mine)
        transcript = hashlib.sha256(new[0] + old[0] + new[1] + old[1]).digest()
        return Secured(
            transcript,
            send_key=derive(shared, labels.LABEL_PAIR_KEY, code + transcript + self.side.byte),
            receive_key=derive(shared, labels.LABEL_PAIR_KEY, code + transcript + self.side.other.byte),
        )


def _commitment(side: Side, public: bytes, salt: bytes) -> bytes:
    return hashlib.sha256(labels.LABEL_PAIR_COMMIT + b"\0" + side.byte + public + salt).digest()


def read_commit(frame: bytes) -> bytes:
    """The 32 bytes that a side binds itself to. Raises PeerError."""
    return codec.fixed_bytes(codec.array(_frame(frame, "commit"), 2, "a commitment")[1], 32, "a commitment")


def _frame(data: bytes, word: str) -> list[Any]:
    fields = codec.array(codec.unpack(data, max_bytes=MAX_FRAME_BYTES), 1, "a pairing message")
    if fields[0] != word:
        raise PeerError(f"the other device spoke out of turn while pairing ({word!r} was expected)")
    return fields


class Secured:
    """The sealed channel between two sides that hold the same code."""

    def __init__(self, transcript: bytes, *, send_key: bytes, receive_key: bytes) -> None:
        self.transcript = transcript
        """32 bytes that name this one exchange."""
        self._send = AESGCM(send_key)
        self._receive = AESGCM(receive_key)
        self._sent = 0
        self._received = 0

    def seal(self, values: Sequence[object]) -> bytes:
        nonce = self._sent.to_bytes(labels.NONCE_BYTES, "big")
        self._sent += 1
        return codec.pack(["sealed", self._send.encrypt(nonce, codec.pack(list(values)), None)])

    def open(self, frame: bytes, word: str, length: int) -> list[Any]:
        """The fields of the message `word`. Raises RefusedError (another code, altered), PeerError (out of turn).

        A `no` of the other side is raised as RefusedError with its text.
        """
        sealed = codec.array(_frame(frame, "sealed"), 2, "a sealed pairing message")[1]
        nonce = self._received.to_bytes(labels.NONCE_BYTES, "big")
        try:
            plain = self._receive.decrypt(
                nonce, codec.bounded_bytes(sealed, MAX_FRAME_BYTES, "a pairing message"), None
            )
        except InvalidTag as error:
            raise RefusedError("the other device doesn't have this pairing code, or somebody is in between") from error
        self._received += 1
        fields = codec.array(codec.unpack(plain, max_bytes=MAX_FRAME_BYTES), 1, "a pairing message")
        if fields[0] == "no":
            reason = codec.bounded_text(codec.array(fields, 2, "a refusal")[1], 300, "a refusal")
            raise RefusedError(f"the other device ended the pairing: {reason}")
        if fields[0] != word:
            raise PeerError(f"the other device spoke out of turn while pairing ({word!r} was expected)")
        return codec.array(fields, length, f"the pairing message {word!r}")


class CheckCode:
    """Six digits that both sides show each other to know, one digit at a time.

    Each side commits to all six before either opens one, and opens a digit only to somebody who has just opened the
    same one: whoever sits in between and doesn't know them gets past each digit with one chance in ten, and learns
    none that it did not guess. (Bluetooth's passkey entry works like this, bit by bit.)
    """

    def __init__(self, side: Side, digits: str, *, salts: Sequence[bytes], bound_to: bytes) -> None:
        """`salts`: six times 32 fresh random bytes. `bound_to`: the transcript and the newcomer's two public keys."""
        if not re.fullmatch(rf"[0-9]{{{CHECK_DIGITS}}}", digits) or len(salts) != CHECK_DIGITS:
            raise UserError(f"a check code has {CHECK_DIGITS} digits")
        self._side = side
        self._digits = digits
        self._salts = tuple(salts)
        self._bound_to = bound_to

    def commitments(self) -> list[bytes]:
        return [self._commitment(self._side, place, *self.opening(place)) for place in range(CHECK_DIGITS)]

    def opening(self, place: int) -> tuple[str, bytes]:
        """The digit at `place` (0 to 5) and its salt."""
        return self._digits[place], self._salts[place]

    def check(self, place: int, digit: object, salt: object, commitments: Sequence[bytes]) -> None:
        """Check what the other side opened. Raises RefusedError if it is another digit, or not what it committed to."""
        opened = self._commitment(
            self._side.other,
            place,
            codec.bounded_text(digit, 1, "a digit"),
            codec.fixed_bytes(salt, SALT_BYTES, "a salt"),
        )
        if digit != self._digits[place] or not hmac.compare_digest(opened, commitments[place]):
            raise RefusedError("the check code is not the same on both devices; pair again with a new code")

    def _commitment(self, side: Side, place: int, digit: str, salt: bytes) -> bytes:
        content = side.byte + bytes([place]) + digit.encode() + salt + self._bound_to
        return hashlib.sha256(labels.LABEL_PAIR_CHECK + b"\0" + content).digest()


def read_commitments(value: object) -> list[bytes]:
    """Six commitments of 32 bytes. Raises PeerError."""
    fields = codec.array(value, CHECK_DIGITS, "the check code's commitments")[:CHECK_DIGITS]
    return [codec.fixed_bytes(each, 32, "a commitment") for each in fields]
