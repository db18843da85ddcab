"""Heads records: a device's newest catalog snapshot and what it holds, sealed for members (docs/FORMAT.md, "Heads").

A seed keeps the newest record of each device, and the sealed snapshot that the record names, and can read neither:
with the recovery phrase they lead to the music again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.crypto import labels
from node.crypto.keys import EpochKeys, MemberKeys, derive, verify
from node.errors import PeerError, RefusedError, UnknownFormatError
from node.ids import BlobRoot, DeviceId, LibraryId
from node.wire import codec
from node.wire.holdlist import MAX_SERIAL, read_signed
from node.wire.roster import Roster
from node.wire.volume import VolumeBlob

VERSION: Final = 1
MAX_HEADS_BYTES: Final = 65_536
MAX_SNAPSHOT_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadsRecord:
    """What anybody may see of a record."""

    library: LibraryId
    device: DeviceId
    serial: int
    """Rises with each record of a device."""
    time_ms: int
    epoch: int
    snapshot: VolumeBlob
    """The sealed snapshot's name and size: all that a seed needs to take it in."""
    sealed: bytes
    record: bytes
    """As it was signed."""


def _cipher(epoch: EpochKeys, device: bytes) -> AESGCM:
    """A key of its own for each device, so that random nonces of different devices can't meet."""
    return AESGCM(derive(epoch.log, labels.LABEL_HEADS, device))


def _header(library: bytes, device: bytes, serial: int, time_ms: int, epoch: int, snapshot: VolumeBlob) -> list[object]:
    return [VERSION, library, device, serial, time_ms, epoch, [snapshot.root, snapshot.sealed_bytes]]


def sign_heads(
    keys: MemberKeys,
    epoch: EpochKeys,
    library: LibraryId,
    *,
    serial: int,
    time_ms: int,
    snapshot: VolumeBlob,
    body: Mapping[str, object],
    nonce_12: bytes,
) -> bytes:
    """A record for `body`, sealed to the epoch and signed by the device. `nonce_12` is fresh randomness."""
    header = _header(library, keys.id, serial, time_ms, epoch.number, snapshot)
    sealed = nonce_12 + _cipher(epoch, keys.id).encrypt(nonce_12, codec.pack(dict(body)), codec.pack(header))
    payload = codec.pack([*header, sealed])
    record = codec.pack([payload, keys.sign(labels.LABEL_SIGN_HEADS, payload)])
    if len(record) > MAX_HEADS_BYTES:
        raise ValueError(f"a heads record of {len(record)} bytes is over the limit of {MAX_HEADS_BYTES}")
    return record


def read_heads(record: bytes, roster: Roster) -> HeadsRecord:
    """Check a record: its form, and that an active member that reads signed it.

    Raises PeerError, RefusedError, UnknownFormatError.
    """
    payload, signature = read_signed(record, MAX_HEADS_BYTES, "a heads record")
    fields = codec.array(codec.unpack(payload, max_bytes=MAX_HEADS_BYTES), 8, "a heads record")
    if fields[0] != VERSION:
        raise UnknownFormatError("a heads record is of a version that this program doesn't know")
    device = DeviceId(codec.fixed_bytes(fields[2], 32, "a heads record's device"))
    verify(device, labels.LABEL_SIGN_HEADS, payload, signature)
    if fields[1] != roster.library:
        raise RefusedError("a heads record is of another library")
    if not roster.member(device).role.reads:
        raise RefusedError("a heads record is signed by a member that can't read the catalog")
    root, sealed_bytes = codec.array(fields[6], 2, "a heads record's snapshot")[:2]
    return HeadsRecord(
        library=roster.library,
        device=device,
        serial=codec.natural(fields[3], MAX_SERIAL, "a heads record's serial"),
        time_ms=codec.natural(fields[4], 1 << 48, "a heads record's time"),
        epoch=codec.natural(fields[5], 1 << 31, "a heads record's epoch"),
        snapshot=VolumeBlob(
            BlobRoot(codec.fixed_bytes(root, 32, "a snapshot's root")),
            codec.natural(sealed_bytes, MAX_SNAPSHOT_BYTES, "a snapshot's size"),
        ),
        sealed=codec.bounded_bytes(fields[7], MAX_HEADS_BYTES, "a heads record's content"),
        record=record,
    )


def open_heads(heads: HeadsRecord, epochs: Mapping[int, EpochKeys]) -> dict[str, Any]:
    """What the device said. Raises RefusedError (no such epoch here), PeerError (altered)."""
    epoch = epochs.get(heads.epoch)
    if epoch is None:
        raise RefusedError("a heads record is sealed with an epoch that this device was not given")
    nonce, sealed = heads.sealed[: labels.NONCE_BYTES], heads.sealed[labels.NONCE_BYTES :]
    header = codec.pack(_header(heads.library, heads.device, heads.serial, heads.time_ms, heads.epoch, heads.snapshot))
    try:
        plain = _cipher(epoch, heads.device).decrypt(nonce, sealed, header)
    except (InvalidTag, ValueError) as error:
        raise PeerError("a heads record does not open with the epoch that it names") from error
    body = codec.unpack(plain, max_bytes=MAX_HEADS_BYTES)
    if not isinstance(body, dict):
        raise PeerError("a heads record's content is not a map")
    return body
