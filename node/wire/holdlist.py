"""Hold lists: what an owner wants a seed to keep, signed (docs/FORMAT.md, "Hold lists")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.crypto import labels
from node.crypto.keys import MemberKeys, verify
from node.errors import PeerError, RefusedError, UnknownFormatError
from node.ids import DeviceId, LibraryId
from node.wire import codec
from node.wire.roster import Roster
from node.wire.volume import VolumeId

VERSION: Final = 1
MAX_LIST_VOLUMES: Final = 65_536
MAX_LIST_BYTES: Final = MAX_LIST_VOLUMES * 72 + 512
MAX_SERIAL: Final = 1 << 53
SHRINK_FRACTION: Final = 5
"""A list that drops a fifth or more of the bytes needs an owner's word."""


@dataclass(frozen=True, slots=True)
class ListedVolume:
    """A volume of the list, and the tag that makes its info-hash."""

    id: VolumeId
    tag: bytes
    """32 bytes: the info dict's `x-epoch`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldList:
    """Everything that a library's seeds are to keep. It takes the place of every list with a smaller serial."""

    library: LibraryId
    serial: int
    time_ms: int
    signer: DeviceId
    epoch: int
    may_shrink: bool
    """The owner has confirmed that much of what was held is to go."""
    volumes: tuple[ListedVolume, ...]
    record: bytes
    """As it was signed."""


def sign_hold_list(
    keys: MemberKeys,
    library: LibraryId,
    *,
    serial: int,
    time_ms: int,
    epoch: int,
    volumes: Sequence[ListedVolume],
    may_shrink: bool = False,
) -> bytes:
    """The list as a record: about 70 bytes a volume."""
    listed = [[volume.id, volume.tag] for volume in volumes]
    payload = codec.pack([VERSION, library, serial, time_ms, keys.id, epoch, may_shrink, listed])
    return codec.pack([payload, keys.sign(labels.LABEL_SIGN_HOLD_LIST, payload)])


def read_hold_list(record: bytes, roster: Roster) -> HoldList:
    """Check a record: its form, and that an active owner or recovery key of `roster` signed it.

    One that was revoked since counts as far as its revocation says.
    Raises PeerError, RefusedError, UnknownFormatError.
    """
    payload, signature = read_signed(record, MAX_LIST_BYTES, "a hold list")
    fields = codec.array(codec.unpack(payload, max_bytes=MAX_LIST_BYTES), 8, "a hold list")
    if fields[0] != VERSION:
        raise UnknownFormatError("a hold list is of a version that this program doesn't know")
    signer = DeviceId(codec.fixed_bytes(fields[4], 32, "a hold list's signer"))
    verify(signer, labels.LABEL_SIGN_HOLD_LIST, payload, signature)
    if fields[1] != roster.library:
        raise RefusedError("a hold list is for another library")
    serial = codec.natural(fields[2], MAX_SERIAL, "a hold list's serial")
    if serial > roster.last_lists.get(signer, -1) and not roster.member(signer).role.rules:
        raise RefusedError("a hold list is signed by a device that may not change what is held")
    if not isinstance(fields[7], list) or len(fields[7]) > MAX_LIST_VOLUMES:
        raise PeerError("a hold list has too many volumes")
    volumes = []
    for item in fields[7]:
        volume_id, tag = codec.array(item, 2, "a hold list's volume")[:2]
        volumes.append(
            ListedVolume(
                VolumeId(codec.fixed_bytes(volume_id, 32, "a volume's name")),
                codec.fixed_bytes(tag, 32, "a volume's tag"),
            )
        )
    if len({volume.id for volume in volumes}) != len(volumes):
        raise PeerError("a hold list names a volume twice")
    return HoldList(
        library=roster.library,
        serial=serial,
        time_ms=codec.natural(fields[3], 1 << 48, "a hold list's time"),
        signer=signer,
        epoch=codec.natural(fields[5], 1 << 31, "a hold list's epoch"),
        may_shrink=fields[6] is True,
        volumes=tuple(volumes),
        record=record,
    )


def shrinks_much(*, bytes_before: int, bytes_dropped: int) -> bool:
    """Whether a fifth or more of what was held would go."""
    return bytes_dropped > 0 and bytes_dropped * SHRINK_FRACTION >= bytes_before


def check_shrinking(*, bytes_before: int, bytes_dropped: int, may_shrink: bool) -> None:
    """Raises RefusedError if a fifth or more of what was held would go without an owner's word."""
    if not may_shrink and shrinks_much(bytes_before=bytes_before, bytes_dropped=bytes_dropped):
        raise RefusedError("this would drop a fifth or more of what the seed keeps; confirm it if that is meant")


def read_signed(record: bytes, max_bytes: int, what: str) -> tuple[bytes, bytes]:
    """Payload and 64-byte signature of msgpack [payload, signature]. Raises PeerError."""
    outer = codec.array(codec.unpack(record, max_bytes=max_bytes), 2, what)
    return codec.bounded_bytes(outer[0], max_bytes, what), codec.fixed_bytes(outer[1], 64, f"{what}'s signature")
