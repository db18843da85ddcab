"""Grants: a tracker's signed, expiring leave for a library to store so many bytes on one seed (docs/PROTOCOL.md).

A seed checks a grant offline, by the key of a tracker that it trusts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from node.crypto import labels
from node.crypto.keys import MemberKeys, verify
from node.errors import PeerError, RefusedError, UnknownFormatError
from node.ids import DeviceId, LibraryId
from node.wire import codec

VERSION: Final = 1
MAX_GRANT_BYTES: Final = 512
MAX_GRANTED_BYTES: Final = 1 << 53
_MAX_TIME_MS: Final = 1 << 48
_MAX_SERIAL: Final = 1 << 53


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a tracker grants. Of two for one library and seed the one with the higher serial counts."""

    tracker: bytes
    """32 bytes: the tracker's Ed25519 key."""
    library: LibraryId
    seed: DeviceId
    granted_bytes: int
    """0 takes back what was granted before."""
    serial: int
    issued_ms: int
    expires_ms: int


def sign_grant(keys: MemberKeys, grant: Grant) -> bytes:
    """`grant` as bytes that prove it; `keys` are the tracker's."""
    if grant.tracker != keys.id:
        raise ValueError("a grant is signed by the tracker that it names")
    payload = codec.pack([
        VERSION, grant.tracker, grant.library, grant.seed,
        grant.granted_bytes, grant.serial, grant.issued_ms, grant.expires_ms,
    ])  # fmt: skip
    return codec.pack([payload, keys.sign(labels.LABEL_SIGN_GRANT, payload)])


def read_grant(data: bytes) -> Grant:
    """What `sign_grant` made, its signature checked; whom it is for and when is the caller's to check.

    Raises PeerError, UnknownFormatError.
    """
    outer = codec.array(codec.unpack(data, max_bytes=MAX_GRANT_BYTES), 2, "a grant")
    payload = codec.bounded_bytes(outer[0], MAX_GRANT_BYTES, "a grant")
    signature = codec.fixed_bytes(outer[1], 64, "a grant's signature")
    fields = codec.array(codec.unpack(payload, max_bytes=MAX_GRANT_BYTES), 8, "a grant")
    if fields[0] != VERSION:
        raise UnknownFormatError("a grant is of a version that this program doesn't know")
    tracker = codec.fixed_bytes(fields[1], 32, "a tracker's key")
    verify(tracker, labels.LABEL_SIGN_GRANT, payload, signature)
    return Grant(
        tracker=tracker,
        library=LibraryId(codec.fixed_bytes(fields[2], 32, "a library")),
        seed=DeviceId(codec.fixed_bytes(fields[3], 32, "a seed")),
        granted_bytes=codec.natural(fields[4], MAX_GRANTED_BYTES, "a grant's size"),
        serial=codec.natural(fields[5], _MAX_SERIAL, "a grant's serial"),
        issued_ms=codec.natural(fields[6], _MAX_TIME_MS, "a grant's time"),
        expires_ms=codec.natural(fields[7], _MAX_TIME_MS, "a grant's end"),
    )


def check_grant(grant: Grant, *, tracker: bytes, library: LibraryId, seed: DeviceId, now_ms: int) -> None:
    """Whether `grant` is by that tracker, for that library on that seed, and has not run out. Raises RefusedError."""
    if grant.tracker != tracker:
        raise RefusedError("the grant is by a tracker that this seed does not trust")
    if (grant.library, grant.seed) != (library, seed):
        raise RefusedError("the grant is for another library or another seed")
    if now_ms >= grant.expires_ms:
        raise RefusedError("the grant has run out; ask the tracker for a new one")


def read_granted(value: object) -> bytes:
    """A grant as it came in a frame, unchecked. Raises PeerError."""
    if not isinstance(value, bytes) or len(value) > MAX_GRANT_BYTES:
        raise PeerError("a grant is not one")
    return value
