"""What a seed keeps by a tracker's grant, signed by the seed (docs/FORMAT.md, "Usage").

A report and a release in one: once a tracker knows that a smaller grant is in force there, the rest is free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from node.crypto import labels
from node.crypto.keys import MemberKeys, verify
from node.errors import UnknownFormatError
from node.ids import DeviceId, LibraryId
from node.wire import codec
from node.wire.holdlist import read_signed

VERSION: Final = 1
MAX_USAGE_BYTES: Final = 512
_MAX_BYTES: Final = 1 << 53


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one seed says of one library and tracker."""

    seed: DeviceId
    library: LibraryId
    tracker: bytes
    """32 bytes: the tracker's Ed25519 key."""
    serial: int
    """Of the tracker's newest grant that the seed took; older ones it refuses. 0: none."""
    kept_bytes: int
    """What counts against the tracker's grants: the newest one, and what is still held beyond it."""
    used_bytes: int
    """What the library has there in all."""
    time_ms: int


class Kept(NamedTuple):
    """What a seed keeps of one library by one tracker's grants."""

    serial: int
    """Of the grant in force; 0: none."""
    kept_bytes: int
    """What counts against it."""
    used_bytes: int
    """What the library has there in all."""


def sign_kept(keys: MemberKeys, library: LibraryId, tracker: bytes, kept: Kept, *, time_ms: int) -> bytes:
    """What the seed of `keys` says of one library and tracker, as bytes that prove it."""
    usage = Usage(
        seed=keys.id,
        library=library,
        tracker=tracker,
        serial=kept.serial,
        kept_bytes=kept.kept_bytes,
        used_bytes=kept.used_bytes,
        time_ms=time_ms,
    )
    return sign_usage(keys, usage)


def sign_usage(keys: MemberKeys, usage: Usage) -> bytes:
    """`usage` as bytes that prove it; `keys` are the seed's."""
    if usage.seed != keys.id:
        raise ValueError("a usage is signed by the seed that it names")
    payload = codec.pack([
        VERSION, usage.seed, usage.library, usage.tracker, usage.serial, usage.kept_bytes, usage.used_bytes,
        usage.time_ms,
    ])  # fmt: skip
    return codec.pack([payload, keys.sign(labels.LABEL_SIGN_USAGE, payload)])


def read_usage(data: bytes) -> Usage:
    """What `sign_usage` made, its signature checked. Raises PeerError, UnknownFormatError."""
    payload, signature = read_signed(data, MAX_USAGE_BYTES, "a usage")
    fields = codec.array(codec.unpack(payload, max_bytes=MAX_USAGE_BYTES), 8, "a usage")
    if fields[0] != VERSION:
        raise UnknownFormatError("a usage is of a version that this program doesn't know")
    seed = DeviceId(codec.fixed_bytes(fields[1], 32, "a seed"))
    verify(seed, labels.LABEL_SIGN_USAGE, payload, signature)
    return Usage(
        seed=seed,
        library=LibraryId(codec.fixed_bytes(fields[2], 32, "a library")),
        tracker=codec.fixed_bytes(fields[3], 32, "a tracker's key"),
        serial=codec.natural(fields[4], _MAX_BYTES, "a grant's serial"),
        kept_bytes=codec.natural(fields[5], _MAX_BYTES, "an amount"),
        used_bytes=codec.natural(fields[6], _MAX_BYTES, "an amount"),
        time_ms=codec.natural(fields[7], 1 << 48, "a usage's time"),
    )
