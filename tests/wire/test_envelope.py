"""Messages: read by those they are for, refused when altered, replayed or of an ended epoch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.crypto.keys import EpochKeys
from node.errors import RefusedError, SongkeepError
from node.wire.envelope import ReplayGuard, next_counter, open_message, seal_to_member, seal_to_room
from node.wire.roster import revoke
from tests.wire.family import Family, make_family


def to_room(family: Family, counter: int = 1) -> bytes:
    return seal_to_room(
        family.founder, family.epoch, family.roster.library,
        kind="presence", body={"name": "Home PC"}, counter=counter, time_ms=5, nonce_12=b"n" * 12,
    )  # fmt: skip


def test_the_room_reads_a_message_and_a_seed_does_not() -> None:
    family = make_family()
    data = to_room(family)
    message = open_message(data, family.player, family.roster, {1: family.epoch})
    assert (message.sender, message.kind, message.body) == (family.founder.id, "presence", {"name": "Home PC"})
    assert b"Home PC" not in data
    with pytest.raises(SongkeepError):
        open_message(data, family.seed, family.roster, {})


def test_a_message_to_one_member_opens_for_it_alone() -> None:
    family = make_family()
    data = seal_to_member(
        family.player, family.seed.public.sign, family.seed.public.receive, family.roster.library,
        kind="offer", body=b"sdp", counter=1, time_ms=5,
    )  # fmt: skip
    assert open_message(data, family.seed, family.roster, {}).body == b"sdp"
    with pytest.raises(RefusedError):
        open_message(data, family.founder, family.roster, {1: family.epoch})


@given(st.integers(0, 10**6))
def test_an_altered_message_is_refused(bit: int) -> None:
    family = make_family()
    data = bytearray(to_room(family))
    at = bit % (len(data) * 8)
    data[at // 8] ^= 1 << (at % 8)
    with pytest.raises(SongkeepError):
        open_message(bytes(data), family.player, family.roster, {1: family.epoch})


def test_a_message_of_an_ended_epoch_is_refused() -> None:
    family = make_family()
    second = EpochKeys(2, b"\x08" * 32)
    roster = revoke(family.roster, family.founder, [family.seed.id], next_epoch=second, time_ms=4)
    with pytest.raises(RefusedError, match="ended"):
        open_message(to_room(family), family.player, roster, {1: family.epoch, 2: second})


def test_a_revoked_member_is_not_heard() -> None:
    family = make_family()
    second = EpochKeys(2, b"\x08" * 32)
    roster = revoke(family.roster, family.founder, [family.player.id], next_epoch=second, time_ms=4)
    data = seal_to_member(
        family.player, family.founder.public.sign, family.founder.public.receive, roster.library,
        kind="x", body=None, counter=1, time_ms=5,
    )  # fmt: skip
    with pytest.raises(RefusedError, match="revoked"):
        open_message(data, family.founder, roster, {1: family.epoch, 2: second})


def test_a_repeated_message_is_refused() -> None:
    family = make_family()
    guard = ReplayGuard()
    message = open_message(to_room(family, counter=7), family.player, family.roster, {1: family.epoch})
    guard.check(message)
    with pytest.raises(RefusedError, match="repeated"):
        guard.check(message)
    assert next_counter(7, 3) == 8
    assert next_counter(7, 30) == 30
