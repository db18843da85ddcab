"""A small library for tests: made from fixed bytes, the same in each run."""

from __future__ import annotations

from dataclasses import dataclass

from node.crypto.keys import EpochKeys, MemberKeys, member_keys_from_random
from node.crypto.phrase import recovery_keys
from node.wire.roster import Role, Roster, admit, found_library


def keys_of(number: int) -> MemberKeys:
    return member_keys_from_random(bytes([number]) * 32 + bytes([number + 100]) * 32)


@dataclass
class Family:
    founder: MemberKeys
    recovery: MemberKeys
    player: MemberKeys
    seed: MemberKeys
    epoch: EpochKeys
    roster: Roster


def make_family(first: int = 1) -> Family:
    """`first`: whose keys; families of other numbers are other people."""
    founder, player, seed = keys_of(first), keys_of(first + 1), keys_of(first + 2)
    recovery = recovery_keys(b"\x09" * 32)
    epoch = EpochKeys(1, b"\x07" * 32)
    roster = found_library(founder, recovery.public, epoch, time_ms=1, random_16=b"\x05" * 16)
    roster = admit(roster, founder, player.public, role=Role.PLAYER, epochs=[epoch], time_ms=2)
    roster = admit(
        roster, founder, seed.public, role=Role.SEED, epochs=[epoch], time_ms=3, addresses=["https://seed.example"]
    )
    return Family(founder, recovery, player, seed, epoch, roster)
