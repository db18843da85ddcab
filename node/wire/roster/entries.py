"""The roster's entries as bytes: written, and read with every field bounded (docs/FORMAT.md, "Roster").

An entry is msgpack [payload, signature]; its payload is msgpack [version, previous hash, sequence, time, signer,
kind, body]. Everything in it is public: keys, roles, sealed secrets. Names of devices are in the catalog.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

from node.crypto import labels
from node.crypto.keys import EpochKeys, MemberKeys, MemberPublic, seal_to, verify
from node.errors import PeerError, RefusedError, UnknownFormatError
from node.ids import DeviceId
from node.wire import codec
from node.wire.roster.members import Role, Sealed

VERSION: Final = 1
MAX_ENTRIES: Final = 11_000
KEPT_FOR_PHRASE: Final = 1_000
"""Of these: places for the first recovery key alone, so that a thief who fills the roster can be put out."""
MAX_ENTRY_BYTES: Final = 262_144
MAX_MEMBERS: Final = 1_000
MAX_EPOCHS: Final = 10_000
MAX_EPOCH_NUMBER: Final = 1 << 31
MAX_LOGS: Final = 1_024
LOG_ID_BYTES: Final = 36
"""A device's key and the number of its log."""
MAX_ADDRESSES: Final = 16
MAX_ADDRESS_CHARS: Final = 300
MAX_TIME_MS: Final = 1 << 48
MAX_SEQ: Final = 1 << 53
_SEALED_SECRET_BYTES: Final = 32 + labels.KEY_BYTES + labels.TAG_BYTES


class Kind(StrEnum):
    """What an entry does."""

    FOUND = "found"
    ADMIT = "admit"
    REVOKE = "revoke"
    RECOVERY_ADD = "recovery_add"
    RECOVERY_REMOVE = "recovery_remove"
    SETTLE = "settle"
    """Begins an epoch without those whom another branch of the roster revoked."""

    @property
    def revokes(self) -> bool:
        return self in (Kind.REVOKE, Kind.RECOVERY_REMOVE)

    @property
    def admits(self) -> bool:
        return self in (Kind.ADMIT, Kind.RECOVERY_ADD)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A member that an entry lets in."""

    public: MemberPublic
    role: Role
    sealed: tuple[Sealed, ...] = field(repr=False)
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Departure:
    """Members that an entry puts out, and the epoch that begins without them."""

    gone: tuple[DeviceId, ...]
    epoch: int
    secrets: Mapping[DeviceId, Sealed] = field(repr=False)
    heads: Mapping[bytes, int]
    """Logs of those gone, and their last batch that counts."""
    lists: Mapping[DeviceId, int]
    """The last serial of a hold list, by each of those gone, that counts."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry whose form and signature were checked; whether its signer may, the chain tells."""

    data: bytes = field(repr=False)
    """As it was signed."""
    hash: bytes
    """32 bytes: SHA-256 of the payload."""
    previous: bytes
    seq: int
    time_ms: int
    """As the signer's clock said."""
    signer: DeviceId
    kind: Kind
    newcomers: tuple[Newcomer, ...] = ()
    departure: Departure | None = None

    @property
    def puts_out_signer(self) -> bool:
        """Whether it is a recovery key that takes itself away."""
        return self.departure is not None and self.signer in self.departure.gone


def seal_secrets(epochs: Iterable[EpochKeys], receive: bytes) -> list[list[object]]:
    """Epoch secrets for one member, oldest first."""
    return [
        [epoch.number, seal_to(receive, labels.LABEL_HPKE_EPOCH, epoch.secret, epoch.number.to_bytes(4, "big"))]
        for epoch in sorted(epochs, key=lambda each: each.number)
    ]


def sign_entry(
    keys: MemberKeys, *, previous: bytes, seq: int, time_ms: int, kind: Kind, body: Mapping[str, Any]
) -> bytes:
    payload = codec.pack([VERSION, previous, seq, time_ms, keys.id, str(kind), dict(body)])
    return codec.pack([payload, keys.sign(labels.LABEL_SIGN_ROSTER, payload)])


def read_entry(data: bytes) -> Entry:
    """Check an entry by itself: form, bounds, signature. Raises PeerError, RefusedError, UnknownFormatError."""
    outer = codec.array(codec.unpack(data, max_bytes=MAX_ENTRY_BYTES), 2, "a roster entry")
    payload = codec.bounded_bytes(outer[0], MAX_ENTRY_BYTES, "a roster entry's payload")
    signature = codec.fixed_bytes(outer[1], 64, "a roster entry's signature")
    fields = codec.array(codec.unpack(payload, max_bytes=MAX_ENTRY_BYTES), 7, "a roster entry's payload")
    version, previous, seq, time_ms, signer, kind, body = fields[:7]
    if version != VERSION:
        raise UnknownFormatError(f"a roster entry has version {version!r:.20}; this program knows {VERSION}")
    signer_id = DeviceId(codec.fixed_bytes(signer, 32, "a roster entry's signer"))
    if not isinstance(body, dict):
        raise PeerError("a roster entry's body is not a map")
    verify(signer_id, labels.LABEL_SIGN_ROSTER, payload, signature)
    kind = _kind(kind)
    newcomers, departure = _read_body(kind, body)
    return Entry(
        data=data,
        hash=hashlib.sha256(payload).digest(),
        previous=b"" if previous == b"" else codec.fixed_bytes(previous, 32, "a roster entry's previous one"),
        seq=codec.natural(seq, MAX_ENTRIES, "a roster entry's number"),
        time_ms=codec.natural(time_ms, MAX_TIME_MS, "a roster entry's time"),
        signer=signer_id,
        kind=kind,
        newcomers=newcomers,
        departure=departure,
    )


def _kind(value: object) -> Kind:
    try:
        return Kind(value)  # type: ignore[arg-type]  # anything but a known text raises
    except ValueError as error:
        raise UnknownFormatError(
            f"a roster entry is of a kind that this program doesn't know: {value!r:.40}"
        ) from error


def _read_body(kind: Kind, body: Mapping[Any, Any]) -> tuple[tuple[Newcomer, ...], Departure | None]:
    match kind:
        case Kind.FOUND:
            codec.fixed_bytes(body.get("nonce"), 16, "a founding's nonce")
            founder = _newcomer(body.get("founder"), Role.OWNER)
            return (founder, _newcomer(body.get("recovery"), Role.RECOVERY)), None
        case Kind.ADMIT:
            return (_newcomer(body.get("member"), _device_role(body.get("role")), _addresses(body)),), None
        case Kind.RECOVERY_ADD:
            return (_newcomer(body.get("member"), Role.RECOVERY),), None
        case _:
            return (), _departure(body)


def _device_role(value: object) -> Role:
    try:
        role = Role(str(value))
    except ValueError as error:
        raise UnknownFormatError("a roster entry gives a role that this program doesn't know") from error
    if role is Role.RECOVERY:
        raise PeerError("a recovery key is not admitted as a device")
    return role


def _addresses(body: Mapping[Any, Any]) -> tuple[str, ...]:
    addresses = body.get("addresses", [])
    if not isinstance(addresses, list) or len(addresses) > MAX_ADDRESSES:
        raise PeerError("a member's addresses are not a short list")
    return tuple(codec.bounded_text(each, MAX_ADDRESS_CHARS, "an address") for each in addresses)


def _newcomer(value: object, role: Role, addresses: tuple[str, ...] = ()) -> Newcomer:
    fields = codec.array(value, 3, "a roster member")
    public = MemberPublic(
        codec.fixed_bytes(fields[0], 32, "a member's signing key"),
        codec.fixed_bytes(fields[1], 32, "a member's receiving key"),
    )
    sealed = _sealed_secrets(fields[2])
    if not role.reads and sealed:
        raise RefusedError("a roster entry gives secrets to a seed")
    numbers = [number for number, _ in sealed]
    if role.reads and (numbers[:1] != [1] or any(low >= high for low, high in pairwise(numbers))):
        raise PeerError("a roster entry does not seal the epochs to its newcomer, in their order")
    return Newcomer(public, role, sealed, addresses)


def _sealed_secrets(value: object) -> tuple[Sealed, ...]:
    if not isinstance(value, list) or len(value) > MAX_EPOCHS:
        raise PeerError("a roster entry's sealed secrets are not a list")
    sealed: list[Sealed] = []
    for item in value:
        number, secret = codec.array(item, 2, "a sealed secret")[:2]
        epoch = codec.natural(number, MAX_EPOCH_NUMBER, "an epoch's number")
        sealed.append((epoch, codec.fixed_bytes(secret, _SEALED_SECRET_BYTES, "a sealed secret")))
    return tuple(sealed)


def _departure(body: Mapping[Any, Any]) -> Departure:
    gone = body.get("gone")
    if not isinstance(gone, list) or not gone or len(gone) > MAX_MEMBERS:
        raise PeerError("a revocation names nobody")
    leaving = tuple(DeviceId(codec.fixed_bytes(each, 32, "a revoked member")) for each in gone)
    if len(set(leaving)) != len(leaving):
        raise PeerError("a revocation names somebody twice")
    epoch = codec.natural(body.get("epoch"), MAX_EPOCH_NUMBER, "an epoch's number")
    return Departure(
        gone=leaving,
        epoch=epoch,
        secrets=_departure_secrets(body.get("secrets"), epoch),
        heads=_last_heads(body.get("heads", {}), leaving),
        lists=_last_lists(body.get("lists", {}), leaving),
    )


def _departure_secrets(value: object, epoch: int) -> dict[DeviceId, Sealed]:
    if not isinstance(value, list) or len(value) > MAX_MEMBERS:
        raise PeerError("a revocation's secrets are not a list")
    secrets: dict[DeviceId, Sealed] = {}
    for item in value:
        member, sealed = codec.array(item, 2, "a revocation's secret")[:2]
        member_id = DeviceId(codec.fixed_bytes(member, 32, "a member"))
        pairs = _sealed_secrets(sealed)
        if [number for number, _ in pairs] != [epoch] or member_id in secrets:
            raise PeerError("a revocation seals another epoch than its own, or twice to one member")
        secrets[member_id] = pairs[0]
    return secrets


def _last_heads(heads: object, gone: tuple[DeviceId, ...]) -> dict[bytes, int]:
    if not isinstance(heads, dict) or len(heads) > MAX_LOGS:
        raise PeerError("a revocation's heads are not a short map")
    for log in heads:
        if codec.fixed_bytes(log, LOG_ID_BYTES, "a log's name")[: labels.KEY_BYTES] not in gone:
            raise RefusedError("a revocation voids what a device wrote that it does not revoke")
    return {log: codec.natural(seq, MAX_SEQ, "a log's head") for log, seq in heads.items()}


def _last_lists(lists: object, gone: tuple[DeviceId, ...]) -> dict[DeviceId, int]:
    if not isinstance(lists, dict) or len(lists) > MAX_MEMBERS:
        raise PeerError("a revocation's lists are not a short map")
    if any(member not in gone for member in lists):
        raise RefusedError("a revocation voids lists of a device that it does not revoke")
    return {
        DeviceId(member): codec.natural(serial, MAX_SEQ, "a hold list's serial") for member, serial in lists.items()
    }
