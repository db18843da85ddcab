"""Changes to the roster: each is one signed entry more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from node.crypto.keys import EpochKeys, MemberKeys, MemberPublic
from node.errors import RefusedError, UnavailableError
from node.ids import DeviceId
from node.wire.roster.chain import Roster, extend, read_roster
from node.wire.roster.entries import Kind, seal_secrets, sign_entry
from node.wire.roster.members import Role


def found_library(
    founder: MemberKeys, recovery: MemberPublic, first_epoch: EpochKeys, *, time_ms: int, random_16: bytes
) -> Roster:
    """A new library's roster: its first owner device, its recovery key and epoch 1."""
    body = {
        "nonce": random_16,
        "founder": _member(founder.public, [first_epoch]),
        "recovery": _member(recovery, [first_epoch]),
    }
    return read_roster([sign_entry(founder, previous=b"", seq=0, time_ms=time_ms, kind=Kind.FOUND, body=body)])


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
    body = {
        "role": str(role),
        "member": _member(newcomer, epochs if role.reads else ()),
        "addresses": list(addresses),
    }
    return _append(roster, signer, Kind.ADMIT, body, time_ms)


def revoke(
    roster: Roster,
    signer: MemberKeys,
    gone: Sequence[DeviceId],
    *,
    next_epoch: EpochKeys,
    time_ms: int,
    heads: Mapping[bytes, int] | None = None,
    lists: Mapping[DeviceId, int] | None = None,
) -> Roster:
    """The roster without the members `gone`, and with a new epoch that is sealed to all who stay and may read.

    `heads`: where the logs of the members `gone` stood, `lists`: the last serials of their hold lists that count;
    what they wrote or listed beyond is void everywhere.
    """
    body = {
        **_departure(roster, gone, next_epoch),
        "heads": dict(sorted((heads or {}).items())),
        "lists": dict(sorted((lists or {}).items())),
    }
    return _append(roster, signer, Kind.REVOKE, body, time_ms)


def add_recovery(
    roster: Roster, signer: MemberKeys, recovery: MemberPublic, *, epochs: Iterable[EpochKeys], time_ms: int
) -> Roster:
    """The roster with one more recovery key, just above `signer` if that is a device, else just below it."""
    return _append(roster, signer, Kind.RECOVERY_ADD, {"member": _member(recovery, epochs)}, time_ms)


def remove_recovery(
    roster: Roster, signer: MemberKeys, gone: DeviceId, *, next_epoch: EpochKeys, time_ms: int
) -> Roster:
    """The roster without a recovery key, and with a new epoch that it can't open."""
    return _append(roster, signer, Kind.RECOVERY_REMOVE, _departure(roster, [gone], next_epoch), time_ms)


def settle(roster: Roster, signer: MemberKeys, *, next_epoch: EpochKeys, time_ms: int) -> Roster:
    """The roster with a new epoch, without those whom another branch revoked (`roster.unsettled`)."""
    return _append(roster, signer, Kind.SETTLE, _departure(roster, roster.unsettled, next_epoch), time_ms)


def _member(public: MemberPublic, epochs: Iterable[EpochKeys]) -> list[object]:
    return [public.sign, public.receive, seal_secrets(epochs, public.receive)]


def _departure(roster: Roster, gone: Sequence[DeviceId], next_epoch: EpochKeys) -> dict[str, Any]:
    if not set(roster.unsettled) <= set(gone):
        # Along its own line those that another branch revoked are still in: the new epoch would be sealed to them.
        raise UnavailableError("two devices changed the list of devices at once; it is being settled, try again")
    stay = [each for each in roster.active() if each.role.reads and each.public.id not in gone]
    return {
        "gone": list(gone),
        "epoch": next_epoch.number,
        "secrets": [[each.public.id, seal_secrets([next_epoch], each.public.receive)] for each in stay],
    }


def _append(roster: Roster, signer: MemberKeys, kind: Kind, body: Mapping[str, Any], time_ms: int) -> Roster:
    if not roster.member(signer.id).role.rules:
        raise RefusedError("a member that may not change the roster tried to")
    entry = sign_entry(signer, previous=roster.head, seq=roster.seq + 1, time_ms=time_ms, kind=kind, body=body)
    return extend(roster, [*roster.entries, entry])
