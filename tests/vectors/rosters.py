"""Vectors of the roster: chains, branches, and what must not be believed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from node.crypto import labels
from node.crypto.keys import EpochKeys, MemberKeys
from node.wire import codec, roster
from tests.vectors.common import error_name, hex_entries, member
from tests.wire import forks
from tests.wire.family import Family, keys_of, make_family


def state_of(known: roster.Roster) -> dict[str, Any]:
    """All that every implementation must agree on."""
    return {
        "library": known.library.hex(),
        "head": known.head.hex(),
        "seq": known.seq,
        "epoch": known.epoch,
        "next_epoch": known.next_epoch,
        "digest": known.digest.hex(),
        "members": [
            {"id": id_.hex(), "role": str(each.role), "active": each.active, "addresses": list(each.addresses)}
            for id_, each in known.members.items()
        ],
        "seniority": [each.public.id.hex() for each in known.active()],
        "lost": [entry.hash.hex() for entry in known.lost],
        "unsettled": [each.hex() for each in known.unsettled],
        "void": sorted(each.hex() for each in known.void),
    }


def _resigned(entry: bytes, signer: MemberKeys, change: Callable[[list[Any]], None]) -> bytes:
    """`entry` with its payload changed and signed by `signer`: broken in one way only."""
    payload = codec.unpack(codec.unpack(entry, max_bytes=1 << 20)[0], max_bytes=1 << 20)
    change(payload)
    packed = codec.pack(payload)
    return codec.pack([packed, signer.sign(labels.LABEL_SIGN_ROSTER, packed)])


def _set(place: int, value: object) -> Callable[[list[Any]], None]:
    def change(payload: list[Any]) -> None:
        payload[place] = value

    return change


def roster_vectors() -> dict[str, Any]:
    family = make_family()
    second = EpochKeys(2, b"\x08" * 32)
    phone = keys_of(4)
    with_phone = roster.admit(
        family.roster, family.founder, phone.public, role=roster.Role.PLAYER, epochs=[family.epoch], time_ms=4
    )
    revoked = roster.revoke(with_phone, family.founder, [family.player.id], next_epoch=second, time_ms=5)
    good = [
        ("a library just founded", list(family.roster.entries[:1])),
        ("a player and a seed admitted; a seed is given no secret", list(family.roster.entries)),
        ("a player revoked: a new epoch for all who stay", list(revoked.entries)),
    ]
    entries = list(family.roster.entries)
    flipped = bytearray(entries[1])
    flipped[-1] ^= 1
    bad = [
        ("nothing at all", []),
        ("the first entry is missing", entries[1:]),
        ("an entry is missing in the middle", [entries[0], entries[2]]),
        ("two entries in another order", [entries[0], entries[2], entries[1]]),
        ("a signature of which one bit differs", [entries[0], bytes(flipped)]),
        ("signed by a key that is no member", [entries[0], _resigned(entries[1], keys_of(9), _set(4, keys_of(9).id))]),
        (
            "admitted by a player, who may not",
            [*entries, _resigned(with_phone.entries[3], family.player, _set(4, family.player.id))],
        ),
        ("a version of the future", [entries[0], _resigned(entries[1], family.founder, _set(0, 2))]),
        ("a kind nobody knows", [entries[0], _resigned(entries[1], family.founder, _set(5, "promote"))]),
        (
            "a revocation that leaves a member without the new epoch",
            [
                *revoked.entries[:4],
                _resigned(revoked.entries[4], family.founder, lambda payload: payload[6].update(secrets=[])),
            ],
        ),
        ("the same key admitted twice", [*entries[:2], _twice(family)]),
    ]
    return {
        "keys": {
            name: member(keys)
            for name, keys in {
                "founder": family.founder,
                "recovery": family.recovery,
                "player": family.player,
                "seed": family.seed,
                "phone": phone,
            }.items()
        },
        "good": [
            {
                "guards": guards,
                "entries": hex_entries(chain),
                "state": state_of(roster.read_roster(chain)),
                "epochs_of_phone": {
                    str(number): epoch.secret.hex()
                    for number, epoch in roster.read_roster(chain).epochs_for(phone).items()
                },
                "epochs_of_founder": {
                    str(number): epoch.secret.hex()
                    for number, epoch in roster.read_roster(chain).epochs_for(family.founder).items()
                },
            }
            for guards, chain in good
        ],
        "bad": [
            {
                "guards": guards,
                "entries": hex_entries(chain),
                "error": error_name(lambda chain=chain: roster.read_roster(chain)),
            }
            for guards, chain in bad
        ],
        "extend": [
            {
                "guards": guards,
                "known": hex_entries(known.entries),
                "offered": hex_entries(offered),
                "error": error_name(lambda known=known, offered=offered: roster.extend(known, offered)),
            }
            for guards, known, offered in (
                ("an old roster offered again: a rollback", with_phone, family.roster.entries),
                ("another library's roster", with_phone, _another_library().entries),
            )
        ],
        "forks": fork_vectors(),
    }


def _another_library() -> roster.Roster:
    founder, recovery = keys_of(20), keys_of(21)
    return roster.found_library(founder, recovery.public, EpochKeys(1, b"\x01" * 32), time_ms=1, random_16=b"\x06" * 16)


def fork_vectors() -> list[dict[str, Any]]:
    """Branches that are given one after the other, and what they come to: in any order the same."""
    home = forks.household()
    stolen = forks.let_in(home, forks.TABLET, forks.THIEF)
    two_out = [forks.put_out(home, forks.PC, forks.TABLET), forks.put_out(home, forks.LAPTOP, forks.PHONE)]
    both = forks.joined(*two_out)
    settled = roster.settle(both, forks.PC, next_epoch=forks.secret(3, forks.PC), time_ms=5)
    changed = forks.without_phrase(forks.with_phrase(home, forks.PHRASE), forks.PHRASE, forks.PHRASE)
    cases = [
        (
            "the senior signer's branch stands; the other's addition is to be signed again",
            [forks.let_in(home, forks.TABLET, keys_of(11)), forks.let_in(home, forks.LAPTOP, keys_of(10))],
        ),
        (
            "a phrase outranks every device",
            [forks.let_in(home, forks.PC, keys_of(10)), forks.let_in(home, forks.PHRASE, keys_of(11))],
        ),
        (
            "of one device's own branches the longer one stands",
            [
                forks.let_in(home, forks.PC, keys_of(12)),
                forks.let_in(forks.let_in(home, forks.PC, keys_of(10)), forks.LAPTOP, keys_of(11)),
            ],
        ),
        ("valid revocations of either branch stand; an epoch without both is wanted", two_out),
        ("settled: the new epoch is sealed to neither", [*two_out, settled]),
        (
            "what a revoked device backdates is void, and what those sign whom it let in",
            [forks.let_in(stolen, forks.THIEF, keys_of(31)), forks.put_out(home, forks.PC, forks.TABLET)],
        ),
        (
            "an addition on top of a void one waits to be signed again, a revocation stands",
            [
                forks.put_out(home, forks.LAPTOP, forks.TABLET),
                forks.put_out(forks.let_in(stolen, forks.PC, keys_of(13)), forks.PC, forks.PHONE),
            ],
        ),
        ("a settling of what nobody did is void", [_false_settling(home)]),
        ("a phrase that took itself away", [changed]),
        (
            "whoever has an old phrase can't write a past without its end",
            [changed, forks.let_in(forks.put_out(home, forks.PHRASE, forks.PC), forks.PHRASE, forks.THIEF)],
        ),
        ("a phrase added by a junior device ranks with it", [forks.with_phrase(home, forks.LAPTOP)]),
    ]
    cases += [(f"tangle {number}", _tangle(number)) for number in range(12)]
    return [
        {
            "guards": guards,
            "known": hex_entries(branches[0].entries),
            "offered": [hex_entries(branch.entries) for branch in branches[1:]],
            "state": state_of(_together(branches)),
        }
        for guards, branches in cases
    ]


def _together(branches: list[roster.Roster]) -> roster.Roster:
    end = branches[0]
    for each in branches[1:]:
        end = forks.extend_if_news(end, each)
    return end


def _false_settling(home: roster.Roster) -> roster.Roster:
    stay = [each for each in home.active() if each.role.reads and each.public.id != forks.PC.id]
    body = {"gone": [forks.PC.id], "epoch": 2, "secrets": [[each.public.id, [[2, b"\0" * 80]]] for each in stay]}
    payload = codec.pack([1, home.head, home.seq + 1, 4, forks.TABLET.id, "settle", body])
    entry = codec.pack([payload, forks.TABLET.sign(labels.LABEL_SIGN_ROSTER, payload)])
    return roster.extend(home, [*home.entries, entry])


def _tangle(number: int) -> list[roster.Roster]:
    """What a household does that hears of each other now and then."""
    chance = random.Random(number)
    home = forks.household()
    keys = {each.id: each for each in (forks.PC, forks.LAPTOP, forks.TABLET, forks.PHONE, forks.PHRASE)}
    world = forks.World(dict.fromkeys(keys, home), keys)
    while len(world.seen) < 9:
        what = chance.choice(["admit", "revoke", "revoke", "hear", "phrase", "unphrase", "settle"])
        world.act(chance.randrange(10), what, chance.randrange(10))
    return list({each.digest: each for each in world.rosters.values()}.values())


def _twice(family: Family) -> bytes:
    """An entry that follows the second one and admits the same key again."""
    start = roster.read_roster(family.roster.entries[:2])

    def again(payload: list[Any]) -> None:
        payload[1], payload[2] = start.head, 2

    return _resigned(start.entries[1], family.founder, again)
