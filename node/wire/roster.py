"""The roster: the signed chain that says who belongs to a library (docs/FORMAT.md, "Roster").

An entry is msgpack [payload, signature]; its payload is msgpack [version, previous hash, sequence, time, signer,
kind, body]. Everything in it is public: keys, roles, sealed secrets. Names of devices are in the catalog.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from node.crypto import labels
from node.crypto.keys import EpochKeys, MemberKeys, MemberPublic, seal_to, verify
from node.errors import PeerError, RefusedError, UnknownFormatError
from node.ids import DeviceId, LibraryId
from node.wire import codec

VERSION = 1
MAX_ENTRIES = 10_000
MAX_ENTRY_BYTES = 262_144
MAX_MEMBERS = 1_000
MAX_EPOCHS = 10_000
MAX_LOGS = 1_024
LOG_ID_BYTES = 36
"""A device's key and the number of its log."""
MAX_ADDRESSES = 16
MAX_ADDRESS_CHARS = 300
_SEALED_SECRET_BYTES = 32 + labels.KEY_BYTES + labels.TAG_BYTES


class Role(StrEnum):
    """What a member may do."""

    OWNER = "owner"
    """Reads, writes, admits and revokes."""
    PLAYER = "player"
    """Reads and writes the catalog; may not change the roster."""
    RECOVERY = "recovery"
    """The phrase: reads, admits and revokes, and outranks every device."""
    SEED = "seed"
    """Holds ciphertext; is given no secret."""

    @property
    def reads(self) -> bool:
        return self is not Role.SEED

    @property
    def rules(self) -> bool:
        return self in (Role.OWNER, Role.RECOVERY)


@dataclass(frozen=True, slots=True)
class Member:
    """One key that the roster knows."""

    public: MemberPublic
    role: Role
    admitted_seq: int
    """Sequence number of the entry that let it in: the smaller, the more senior."""
    addresses: tuple[str, ...] = ()
    """Of a seed: where it answers, as URLs."""
    revoked_seq: int | None = None

    @property
    def active(self) -> bool:
        return self.revoked_seq is None


Sealed = tuple[int, bytes]
"""An epoch's number and its secret, sealed to one member (80 bytes)."""


@dataclass(frozen=True, slots=True)
class Roster:
    """Where a chain of entries stands after its last one."""

    library: LibraryId
    entries: tuple[bytes, ...]
    head: bytes
    """32 bytes: SHA-256 of the last entry's payload."""
    epoch: int
    members: Mapping[DeviceId, Member]
    sealed: Mapping[DeviceId, tuple[Sealed, ...]] = field(repr=False)
    last_valid: Mapping[bytes, int] = field(default_factory=dict)
    """Logs of revoked devices, and their last batch that counts; their logs not named here count from no batch on."""

    @property
    def seq(self) -> int:
        return len(self.entries) - 1

    def member(self, member_id: bytes) -> Member:
        """The active member with that key. Raises RefusedError for anyone else, revoked ones included."""
        found = self.members.get(DeviceId(member_id))
        if found is None:
            raise RefusedError("this device is not a member of the library")
        if not found.active:
            raise RefusedError("this device was revoked")
        return found

    def active(self, *roles: Role) -> list[Member]:
        """Active members, most senior first; of the given roles only, if any are given."""
        chosen = (each for each in self.members.values() if each.active and (not roles or each.role in roles))
        return sorted(chosen, key=lambda each: each.admitted_seq)

    def epochs_for(self, keys: MemberKeys) -> dict[int, EpochKeys]:
        """Every epoch secret that was sealed to `keys`. Raises RefusedError if one doesn't open."""
        opened: dict[int, EpochKeys] = {}
        for number, sealed in self.sealed.get(keys.id, ()):
            secret = keys.open_sealed(labels.LABEL_HPKE_EPOCH, sealed, number.to_bytes(4, "big"))
            opened[number] = EpochKeys(number, secret)
        return opened


def _seal_secrets(epochs: Iterable[EpochKeys], receive: bytes) -> list[list[object]]:
    return [
        [epoch.number, seal_to(receive, labels.LABEL_HPKE_EPOCH, epoch.secret, epoch.number.to_bytes(4, "big"))]
        for epoch in sorted(epochs, key=lambda each: each.number)
    ]


def _entry(keys: MemberKeys, *, previous: bytes, seq: int, time_ms: int, kind: str, body: dict[str, Any]) -> bytes:
    payload = codec.pack([VERSION, previous, seq, time_ms, keys.id, kind, body])
    return codec.pack([payload, keys.sign(labels.LABEL_SIGN_ROSTER, payload)])


def _append(roster: Roster, signer: MemberKeys, *, time_ms: int, kind: str, body: dict[str, Any]) -> Roster:
    entry = _entry(signer, previous=roster.head, seq=roster.seq + 1, time_ms=time_ms, kind=kind, body=body)
    return read_roster([*roster.entries, entry])


def found_library(
    founder: MemberKeys, recovery: MemberPublic, first_epoch: EpochKeys, *, time_ms: int, random_16: bytes
) -> Roster:
    """A new library's roster: its first owner device, its recovery key and epoch 1."""
    body = {
        "nonce": random_16,
        "founder": [founder.public.sign, founder.public.receive, _seal_secrets([first_epoch], founder.public.receive)],
        "recovery": [recovery.sign, recovery.receive, _seal_secrets([first_epoch], recovery.receive)],
    }
    return read_roster([_entry(founder, previous=b"", seq=0, time_ms=time_ms, kind="found", body=body)])


def admit(
    roster: Roster,
    signer: MemberKeys,
    newcomer: MemberPublic,
    *,
    role: Role,
    epochs: Iterable[EpochKeys],
    time_ms: int,
    addresses: Sequence[str] = (),
) -> Roster:
    """The roster with `newcomer` on it; every epoch secret is sealed to it unless it is a seed."""
    secrets = _seal_secrets(epochs, newcomer.receive) if role.reads else []
    body = {
        "role": str(role),
        "member": [newcomer.sign, newcomer.receive, secrets],
        "addresses": list(addresses),
    }
    return _append(roster, signer, time_ms=time_ms, kind="admit", body=body)


def revoke(
    roster: Roster,
    signer: MemberKeys,
    gone: Sequence[DeviceId],
    *,
    next_epoch: EpochKeys,
    time_ms: int,
    heads: Mapping[bytes, int] | None = None,
) -> Roster:
    """The roster without the members `gone`, and with a new epoch that is sealed to all who stay and may read.

    `heads`: where the logs of the members `gone` stood; what they wrote beyond is void everywhere.
    """
    stay = [each for each in roster.active() if each.public.id not in gone and each.role.reads]
    body = {
        "gone": list(gone),
        "epoch": next_epoch.number,
        "secrets": [[each.public.id, _seal_secrets([next_epoch], each.public.receive)] for each in stay],
        "heads": dict(sorted((heads or {}).items())),
    }
    return _append(roster, signer, time_ms=time_ms, kind="revoke", body=body)


def extend(roster: Roster, entries: Sequence[bytes]) -> Roster:
    """`roster` after `entries`, a whole chain that a peer sent.

    Raises RefusedError if that chain is older than, or forks from, what is known; PeerError if it is broken.
    """
    known = roster.entries
    if len(entries) < len(known):
        raise RefusedError("an older roster than the known one was offered")
    if tuple(entries[: len(known)]) != known:
        raise RefusedError("a roster that forks from the known one was offered")
    return roster if len(entries) == len(known) else read_roster(entries)


def read_roster(entries: Sequence[bytes]) -> Roster:
    """Check a whole chain: form, links, signatures and rights. Raises PeerError, RefusedError, UnknownFormatError."""
    if not 1 <= len(entries) <= MAX_ENTRIES:
        raise PeerError("a roster has between 1 and 10,000 entries")
    roster: Roster | None = None
    for seq, entry in enumerate(entries):
        roster = _step(roster, seq, entry)
    assert roster is not None
    return replace(roster, entries=tuple(entries))


def _step(roster: Roster | None, seq: int, entry: bytes) -> Roster:
    outer = codec.array(codec.unpack(entry, max_bytes=MAX_ENTRY_BYTES), 2, "a roster entry")
    payload = codec.bounded_bytes(outer[0], MAX_ENTRY_BYTES, "a roster entry's payload")
    signature = codec.fixed_bytes(outer[1], 64, "a roster entry's signature")
    fields = codec.array(codec.unpack(payload, max_bytes=MAX_ENTRY_BYTES), 7, "a roster entry's payload")
    version, previous, its_seq, time_ms, signer, kind, body = fields[:7]
    if version != VERSION:
        raise UnknownFormatError(f"a roster entry has version {version!r}; this program knows {VERSION}")
    codec.natural(time_ms, 1 << 48, "a roster entry's time")
    signer_id = DeviceId(codec.fixed_bytes(signer, 32, "a roster entry's signer"))
    if its_seq != seq or previous != (roster.head if roster else b""):
        raise PeerError(f"roster entry {seq} does not follow from the one before")
    if not isinstance(body, dict):
        raise PeerError("a roster entry's body is not a map")
    verify(signer_id, labels.LABEL_SIGN_ROSTER, payload, signature)
    head = hashlib.sha256(payload).digest()
    if roster is None:
        if kind != "found":
            raise PeerError("a roster does not begin with its founding")
        return _founded(body, signer_id, head, entry)
    signing = roster.member(signer_id)
    if not signing.role.rules:
        raise RefusedError(f"roster entry {seq} is by a member that may not change the roster")
    stepped = replace(roster, head=head, entries=(*roster.entries, entry))
    if kind == "admit":
        return _admitted(stepped, body, seq)
    if kind == "revoke":
        return _revoked(stepped, body, seq, signing)
    raise UnknownFormatError(f"roster entry {seq} is of the kind {kind!r:.40}, which this program doesn't know")


def _member_fields(value: object, role: Role, epoch: int) -> tuple[MemberPublic, tuple[Sealed, ...]]:
    fields = codec.array(value, 3, "a roster member")
    public = MemberPublic(
        codec.fixed_bytes(fields[0], 32, "a member's signing key"),
        codec.fixed_bytes(fields[1], 32, "a member's receiving key"),
    )
    sealed = _sealed_secrets(fields[2])
    if role.reads and [number for number, _ in sealed] != list(range(1, epoch + 1)):
        raise PeerError("a roster entry does not seal every epoch to its newcomer")
    if not role.reads and sealed:
        raise RefusedError("a roster entry gives secrets to a seed")
    return public, sealed


def _sealed_secrets(value: object) -> tuple[Sealed, ...]:
    sealed: list[Sealed] = []
    if not isinstance(value, list) or len(value) > MAX_EPOCHS:
        raise PeerError("a roster entry's sealed secrets are not a list")
    for item in value:
        number, secret = codec.array(item, 2, "a sealed secret")[:2]
        sealed.append((
            codec.natural(number, MAX_EPOCHS, "an epoch's number"),
            codec.fixed_bytes(secret, _SEALED_SECRET_BYTES, "a sealed secret"),
        ))  # fmt: skip
    return tuple(sealed)


def _founded(body: dict[str, Any], signer: DeviceId, head: bytes, entry: bytes) -> Roster:
    codec.fixed_bytes(body.get("nonce"), 16, "a founding's nonce")
    founder, founder_sealed = _member_fields(body.get("founder"), Role.OWNER, 1)
    recovery, recovery_sealed = _member_fields(body.get("recovery"), Role.RECOVERY, 1)
    if founder.id != signer or founder.id == recovery.id:
        raise PeerError("a founding is signed by another key than its founder's")
    return Roster(
        library=LibraryId(head),
        entries=(entry,),
        head=head,
        epoch=1,
        members={founder.id: Member(founder, Role.OWNER, 0), recovery.id: Member(recovery, Role.RECOVERY, 0)},
        sealed={founder.id: founder_sealed, recovery.id: recovery_sealed},
    )


def _admitted(roster: Roster, body: dict[str, Any], seq: int) -> Roster:
    try:
        role = Role(str(body.get("role")))
    except ValueError as error:
        raise UnknownFormatError(f"roster entry {seq} gives a role that this program doesn't know") from error
    if role is Role.RECOVERY:
        raise PeerError("a recovery key is not admitted as a device")
    public, sealed = _member_fields(body.get("member"), role, roster.epoch)
    addresses = body.get("addresses", [])
    if not isinstance(addresses, list) or len(addresses) > MAX_ADDRESSES:
        raise PeerError("a member's addresses are not a short list")
    if public.id in roster.members:
        raise PeerError("a roster entry admits a key that was already admitted")
    if len(roster.members) >= MAX_MEMBERS:
        raise PeerError("a roster has too many members")
    checked = tuple(codec.bounded_text(each, MAX_ADDRESS_CHARS, "an address") for each in addresses)
    return replace(
        roster,
        members={**roster.members, public.id: Member(public, role, seq, checked)},
        sealed={**roster.sealed, public.id: sealed},
    )


def _revoked(roster: Roster, body: dict[str, Any], seq: int, signing: Member) -> Roster:
    gone = body.get("gone")
    if not isinstance(gone, list) or not gone or len(gone) > MAX_MEMBERS:
        raise PeerError("a revocation names nobody")
    members = dict(roster.members)
    for member_id in gone:
        target = roster.member(codec.fixed_bytes(member_id, 32, "a revoked member"))
        if target.role is Role.RECOVERY:
            raise RefusedError("a recovery key is not revoked like a device")
        if signing.role is not Role.RECOVERY and target.admitted_seq <= signing.admitted_seq:
            raise RefusedError("a device may revoke only devices that were admitted after it")
        members[target.public.id] = replace(target, revoked_seq=seq)
    epoch = codec.natural(body.get("epoch"), MAX_EPOCHS, "an epoch's number")
    if epoch != roster.epoch + 1:
        raise PeerError("a revocation does not begin the next epoch")
    sealed = dict(roster.sealed)
    expected = {each.public.id for each in members.values() if each.active and each.role.reads}
    given = body.get("secrets")
    if not isinstance(given, list) or len(given) > MAX_MEMBERS:
        raise PeerError("a revocation's secrets are not a list")
    for item in given:
        member_id, secrets = codec.array(item, 2, "a revocation's secret")[:2]
        pairs = _sealed_secrets(secrets)
        if member_id not in expected or [number for number, _ in pairs] != [epoch]:
            raise PeerError("a revocation seals its epoch to somebody else, or twice")
        expected.discard(member_id)
        sealed[member_id] = (*sealed.get(member_id, ()), *pairs)
    if expected:
        raise PeerError("a revocation leaves a member without the new epoch")
    last_valid = {**roster.last_valid, **_last_valid(body.get("heads", {}), gone)}
    return replace(roster, epoch=epoch, members=members, sealed=sealed, last_valid=last_valid)


def _last_valid(heads: object, gone: Sequence[bytes]) -> dict[bytes, int]:
    if not isinstance(heads, dict) or len(heads) > MAX_LOGS:
        raise PeerError("a revocation's heads are not a short map")
    for log in heads:
        if codec.fixed_bytes(log, LOG_ID_BYTES, "a log's name")[: labels.KEY_BYTES] not in gone:
            raise RefusedError("a revocation voids what a device wrote that it does not revoke")
    return {log: codec.natural(seq, 1 << 53, "a log's head") for log, seq in heads.items()}
