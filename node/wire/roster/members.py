"""Who can be on a roster, and with what right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from node.crypto.keys import MemberPublic

Rank = tuple[int, int, int]
"""Order of seniority, the smaller the more senior; docs/FORMAT.md, "Seniority"."""
Sealed = tuple[int, bytes]
"""An epoch's number and its secret, sealed to one member (80 bytes)."""

FIRST_RECOVERY_RANK: Rank = (-1, 0, 0)


class Role(StrEnum):
    """What a member may do."""

    OWNER = "owner"
    """Reads, writes, admits and revokes."""
    PLAYER = "player"
    """Reads and writes the catalog; may not change the roster."""
    RECOVERY = "recovery"
    """A phrase: reads, admits and revokes, and outranks the device that added it."""
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
    """Sequence number of the entry that let it in."""
    rank: Rank
    admission: bytes
    """32 bytes: the hash of that entry."""
    addresses: tuple[str, ...] = ()
    """Of a seed: where it answers, as URLs."""
    revoked_seq: int | None = None

    @property
    def active(self) -> bool:
        return self.revoked_seq is None


def device_rank(seq: int) -> Rank:
    """Of a device or seed that entry `seq` lets in."""
    return (seq, 1, 0)


def recovery_rank(adder: Rank, seq: int) -> Rank:
    """Of a recovery key that a member of rank `adder` adds by entry `seq`.

    Just above the device that added it, below what that device may not touch: a thief of one device can't make
    itself a phrase that outranks the others. One that a recovery key adds stands just below that key.
    """
    return (adder[0], 0, seq)
