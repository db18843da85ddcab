"""The roster: who is in, who is out, and what nobody can slip in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.crypto import labels
from node.crypto.keys import EpochKeys
from node.errors import PeerError, RefusedError, SongkeepError
from node.wire import codec
from node.wire.roster import Role, admit, extend, found_library, read_roster, revoke
from tests.wire.family import keys_of, make_family


def test_every_member_that_reads_opens_every_epoch() -> None:
    family = make_family()
    second = EpochKeys(2, b"\x08" * 32)
    newcomer = keys_of(4)
    roster = revoke(family.roster, family.founder, [family.player.id], next_epoch=second, time_ms=4)
    roster = admit(roster, family.founder, newcomer.public, role=Role.OWNER, epochs=[family.epoch, second], time_ms=5)
    for keys in (family.founder, family.recovery, newcomer):
        opened = read_roster(roster.entries).epochs_for(keys)
        assert {number: epoch.secret for number, epoch in opened.items()} == {1: b"\x07" * 32, 2: b"\x08" * 32}
    assert 2 not in roster.epochs_for(family.player)
    assert roster.epochs_for(family.seed) == {}


def test_a_revoked_device_is_refused() -> None:
    family = make_family()
    roster = revoke(family.roster, family.founder, [family.player.id], next_epoch=EpochKeys(2, b"\x08" * 32), time_ms=4)
    with pytest.raises(RefusedError, match="revoked"):
        roster.member(family.player.id)


def test_a_player_cannot_change_the_roster() -> None:
    family = make_family()
    with pytest.raises(RefusedError, match="may not change"):
        admit(family.roster, family.player, keys_of(5).public, role=Role.PLAYER, epochs=[family.epoch], time_ms=4)


def test_a_device_cannot_revoke_its_senior_but_the_phrase_can() -> None:
    family = make_family()
    junior = keys_of(6)
    roster = admit(family.roster, family.founder, junior.public, role=Role.OWNER, epochs=[family.epoch], time_ms=4)
    second = EpochKeys(2, b"\x08" * 32)
    with pytest.raises(RefusedError, match="admitted after"):
        revoke(roster, junior, [family.founder.id], next_epoch=second, time_ms=5)
    assert (
        not revoke(roster, family.recovery, [family.founder.id], next_epoch=second, time_ms=5)
        .members[family.founder.id]
        .active
    )


def test_an_older_roster_is_refused_with_a_sentence() -> None:
    family = make_family()
    with pytest.raises(RefusedError, match="older roster than the known one"):
        extend(family.roster, family.roster.entries[:-1])
    assert extend(family.roster, family.roster.entries) is family.roster


def test_another_librarys_roster_is_refused() -> None:
    family = make_family()
    founder, recovery = keys_of(20), keys_of(21)
    other = found_library(founder, recovery.public, family.epoch, time_ms=1, random_16=b"\x06" * 16)
    with pytest.raises(RefusedError, match="another library"):
        extend(family.roster, other.entries)


@settings(deadline=None)
@given(st.integers(0, 2), st.integers(0, 10**6))
def test_an_altered_entry_is_refused(which: int, bit: int) -> None:
    family = make_family()
    entries = list(family.roster.entries)
    broken = bytearray(entries[which])
    at = bit % (len(broken) * 8)
    broken[at // 8] ^= 1 << (at % 8)
    entries[which] = bytes(broken)
    with pytest.raises(SongkeepError):
        read_roster(entries)


@given(st.binary(max_size=400))
def test_noise_is_refused_with_one_of_our_errors(noise: bytes) -> None:
    with pytest.raises(SongkeepError):
        read_roster([noise])


def test_a_seed_is_never_given_a_secret() -> None:
    family = make_family()
    sealed = family.roster.sealed[family.player.id]
    body = {
        "role": "seed",
        "member": [keys_of(9).public.sign, keys_of(9).public.receive, [list(each) for each in sealed]],
        "addresses": [],
    }
    payload = codec.pack([1, family.roster.head, 3, 4, family.founder.id, "admit", body])
    entry = codec.pack([payload, family.founder.sign(labels.LABEL_SIGN_ROSTER, payload)])
    with pytest.raises(RefusedError, match="secrets to a seed"):
        read_roster([*family.roster.entries, entry])


def test_a_chain_that_skips_an_entry_is_refused() -> None:
    entries = make_family().roster.entries
    with pytest.raises(PeerError, match="follow"):
        read_roster([entries[0], entries[2]])
