"""Rosters that fork, for tests and vectors: a household of devices, and what each does as far as it knows."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from functools import cache

from node.crypto.keys import EpochKeys, MemberKeys
from node.crypto.phrase import recovery_keys
from node.errors import RefusedError, UnavailableError
from node.ids import DeviceId
from node.wire.roster import (
    Role,
    Roster,
    add_recovery,
    admit,
    extend,
    found_library,
    read_roster,
    remove_recovery,
    revoke,
    settle,
)
from tests.wire.family import keys_of

EPOCH = EpochKeys(1, b"\x07" * 32)
PC, LAPTOP, TABLET, PHONE, THIEF = (keys_of(number) for number in range(1, 6))
PHRASE = recovery_keys(b"\x09" * 32)
OTHER_PHRASE = recovery_keys(b"\x0a" * 32)


def secret(number: int, by: MemberKeys) -> EpochKeys:
    return EpochKeys(number, bytes([number]) * 16 + by.id[:16])


def found() -> Roster:
    return found_library(PC, PHRASE.public, EPOCH, time_ms=1, random_16=b"\x05" * 16)


def let_in(roster: Roster, by: MemberKeys, newcomer: MemberKeys, role: Role = Role.OWNER) -> Roster:
    epochs = roster.epochs_for(by).values()
    return admit(roster, by, newcomer.public, role=role, epochs=epochs, time_ms=2)


def put_out(roster: Roster, by: MemberKeys, *gone: MemberKeys, heads: dict[bytes, int] | None = None) -> Roster:
    next_epoch = secret(roster.next_epoch, by)
    return revoke(roster, by, [each.id for each in gone], next_epoch=next_epoch, time_ms=3, heads=heads)


@cache
def household() -> Roster:
    """The PC founded it; laptop, tablet and phone came in that order, all of them owners."""
    roster = let_in(found(), PC, LAPTOP)
    roster = let_in(roster, PC, TABLET)
    return let_in(roster, PC, PHONE)


def joined(*rosters: Roster) -> Roster:
    """What they come to together; in every order the same."""
    ends = []
    for order in (rosters, rosters[::-1]):
        end = order[0]
        for each in order[1:]:
            with_news = extend_if_news(end, each)
            end = with_news
        ends.append(end)
    assert state(ends[0]) == state(ends[1]) == state(read_roster(ends[0].entries))
    return ends[0]


def extend_if_news(roster: Roster, other: Roster) -> Roster:
    try:
        return extend(roster, other.entries)
    except RefusedError as error:
        if "older" not in str(error):
            raise
        return roster


def state(roster: Roster) -> object:
    """All but the order in which the entries came."""
    return replace(roster, entries=tuple(sorted(roster.entries)))


def is_in(roster: Roster, keys: MemberKeys) -> bool:
    member = roster.members.get(keys.id)
    return member is not None and member.active


def with_phrase(roster: Roster, by: MemberKeys, phrase: MemberKeys = OTHER_PHRASE) -> Roster:
    return add_recovery(roster, by, phrase.public, epochs=roster.epochs_for(by).values(), time_ms=6)


def without_phrase(roster: Roster, by: MemberKeys, phrase: MemberKeys) -> Roster:
    return remove_recovery(roster, by, phrase.id, next_epoch=secret(roster.next_epoch, by), time_ms=7)


@dataclass
class World:
    """Devices that change the roster, each as far as it knows it, and hear of each other now and then."""

    rosters: dict[DeviceId, Roster]
    keys: dict[DeviceId, MemberKeys]
    made: int = 50
    seen: list[Roster] = field(default_factory=list)

    def act(self, who: int, what: str, whom: int) -> None:
        signer = list(self.keys.values())[who % len(self.keys)]
        other = list(self.keys.values())[whom % len(self.keys)]
        known = self.rosters[signer.id]
        try:
            match what:
                case "admit":
                    self.made += 1
                    newcomer = keys_of(self.made)
                    after = let_in(known, signer, newcomer)
                    self.keys[newcomer.id] = newcomer
                    self.rosters[newcomer.id] = after
                case "revoke":
                    after = put_out(known, signer, other)
                case "phrase":
                    self.made += 1
                    phrase = recovery_keys(bytes([self.made]) * 32)
                    after = with_phrase(known, signer, phrase)
                    self.keys[phrase.id] = phrase
                    self.rosters[phrase.id] = after
                case "unphrase":
                    after = without_phrase(known, signer, other)
                case "settle":
                    if not known.unsettled:
                        return
                    after = settle(known, signer, next_epoch=secret(known.next_epoch, signer), time_ms=9)
                case _:
                    after = extend_if_news(known, self.rosters[other.id])
        except (RefusedError, UnavailableError):
            return  # a right that the device hasn't got
        self.rosters[signer.id] = after
        self.seen.append(after)


def in_any_order(roster: Roster, chance: random.Random) -> list[bytes]:
    """The entries, each somewhere behind the one it follows."""
    left = list(roster.known.values())
    chance.shuffle(left)
    placed: dict[bytes, bytes] = {}
    while left:
        ready = next(entry for entry in left if entry.previous in placed or not entry.previous)
        left.remove(ready)
        placed[ready.hash] = ready.data
    return list(placed.values())
