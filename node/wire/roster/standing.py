"""What one line of entries adds up to, entry by entry: members, their rights, the epoch. Other branches don't count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from node.errors import PeerError, RefusedError
from node.ids import DeviceId
from node.wire.roster.entries import MAX_MEMBERS, Departure, Entry, Kind, Newcomer
from node.wire.roster.members import FIRST_RECOVERY_RANK, Member, Rank, Role, Sealed, device_rank, recovery_rank

MAX_EPOCH_STEP: Final = 1_000
"""How far a new epoch's number may lie above the last: numbers that another branch has used are passed over."""


@dataclass(frozen=True, slots=True)
class Standing:
    """After one entry, along its own line."""

    epoch: int = 0
    members: Mapping[DeviceId, Member] = field(default_factory=dict)
    """In the order of their admission."""
    sealed: Mapping[DeviceId, tuple[Sealed, ...]] = field(default_factory=dict, repr=False)
    last_valid: Mapping[bytes, int] = field(default_factory=dict)
    last_lists: Mapping[DeviceId, int] = field(default_factory=dict)

    def member(self, member_id: DeviceId) -> Member:
        """Raises RefusedError for anyone but an active member."""
        found = self.members.get(member_id)
        if found is None:
            raise RefusedError("this device is not a member of the library")
        if not found.active:
            raise RefusedError("this device was revoked")
        return found

    def readers(self) -> set[DeviceId]:
        return {name for name, each in self.members.items() if each.active and each.role.reads}

    def follow(self, entry: Entry) -> Standing:
        """Where things stand after `entry`. Raises PeerError, RefusedError (its signer may not)."""
        if entry.kind is Kind.FOUND:
            if self.members:
                raise PeerError("a roster is founded twice")
            return _founded(entry)
        if not self.members:
            raise PeerError("a roster does not begin with its founding")
        signing = self.member(entry.signer)
        if not signing.role.rules:
            raise RefusedError(f"roster entry {entry.seq} is by a member that may not change the roster")
        if entry.departure is not None:
            for gone in entry.departure.gone:
                _check_may_put_out(entry.kind, signing, self.member(gone), self)
            return self._without(entry.departure, entry.seq)
        newcomer = entry.newcomers[0]
        recovery = entry.kind is Kind.RECOVERY_ADD
        rank = recovery_rank(signing.rank, entry.seq) if recovery else device_rank(entry.seq)
        return self._with(newcomer, entry, rank)

    def _with(self, newcomer: Newcomer, entry: Entry, rank: Rank) -> Standing:
        name = newcomer.public.id
        if name in self.members:
            raise PeerError("a roster entry admits a key that was already admitted")
        if len(self.members) >= MAX_MEMBERS:
            raise PeerError("a roster has too many members")
        if newcomer.role.reads and self.epoch not in {number for number, _ in newcomer.sealed}:
            raise PeerError("a roster entry does not seal the present epoch to its newcomer")
        member = Member(newcomer.public, newcomer.role, entry.seq, rank, entry.hash, newcomer.addresses)
        return replace(self, members={**self.members, name: member}, sealed={**self.sealed, name: newcomer.sealed})

    def _without(self, departure: Departure, seq: int) -> Standing:
        if not self.epoch < departure.epoch <= self.epoch + MAX_EPOCH_STEP:
            raise PeerError("a revocation does not begin the next epoch")
        members = dict(self.members)
        for gone in departure.gone:
            members[gone] = replace(members[gone], revoked_seq=seq)
        after = replace(
            self,
            epoch=departure.epoch,
            members=members,
            last_valid={**self.last_valid, **departure.heads},
            last_lists={**self.last_lists, **departure.lists},
        )
        if departure.secrets.keys() != after.readers():
            raise PeerError("a revocation seals its epoch to somebody else, or leaves a member without it")
        sealed = {**self.sealed}
        for name, secret in departure.secrets.items():
            sealed[name] = (*sealed.get(name, ()), secret)
        return replace(after, sealed=sealed)


def _founded(entry: Entry) -> Standing:
    founder, recovery = entry.newcomers
    if founder.public.id != entry.signer or founder.public.id == recovery.public.id:
        raise PeerError("a founding is signed by another key than its founder's")
    if len(founder.sealed) != 1 or len(recovery.sealed) != 1:
        raise PeerError("a founding begins with another epoch than the first")
    empty = Standing(epoch=1)
    return empty._with(founder, entry, device_rank(0))._with(recovery, entry, FIRST_RECOVERY_RANK)


def _check_may_put_out(kind: Kind, signing: Member, target: Member, standing: Standing) -> None:
    if kind is Kind.SETTLE:
        return  # that another branch revoked them is checked where all branches are known
    if (kind is Kind.RECOVERY_REMOVE) != (target.role is Role.RECOVERY):
        raise RefusedError("a recovery key is not revoked like a device, nor a device like a recovery key")
    if kind is Kind.RECOVERY_REMOVE and signing == target:
        if sum(each.active and each.role is Role.RECOVERY for each in standing.members.values()) < 2:
            raise RefusedError("the last recovery key can't be removed")
    elif target.rank <= signing.rank:
        raise RefusedError(
            "a device may revoke only devices that were admitted after it"
            if target.role is not Role.RECOVERY
            else "only a more senior recovery key, or a device senior to the one that added it, removes a recovery key"
        )
