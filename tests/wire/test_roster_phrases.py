"""Recovery phrases on the roster: what each opens, whom it outranks, and what a thief gains by one."""

from __future__ import annotations

import pytest

from node.errors import RefusedError
from tests.wire.family import keys_of
from tests.wire.forks import (
    LAPTOP,
    OTHER_PHRASE,
    PC,
    PHRASE,
    TABLET,
    THIEF,
    extend_if_news,
    household,
    is_in,
    let_in,
    put_out,
    with_phrase,
    without_phrase,
)


def test_every_epoch_is_sealed_to_every_phrase() -> None:
    roster = put_out(with_phrase(household(), PC), PC, TABLET)
    for phrase in (PHRASE, OTHER_PHRASE):
        assert roster.epochs_for(phrase).keys() == {1, 2}


def test_a_new_phrase_opens_everything_and_can_let_a_device_in() -> None:
    roster = with_phrase(put_out(household(), PC, TABLET), PC)
    assert roster.epochs_for(OTHER_PHRASE).keys() == {1, 2}
    assert is_in(let_in(roster, OTHER_PHRASE, keys_of(14)), keys_of(14))
    assert not is_in(put_out(roster, OTHER_PHRASE, PC), PC), "made on the oldest device it outranks all of them"


def test_a_thief_of_a_device_gains_no_rank_by_a_phrase_of_its_own() -> None:
    roster = with_phrase(household(), LAPTOP, THIEF)
    with pytest.raises(RefusedError, match="admitted after"):
        put_out(roster, THIEF, PC)
    with pytest.raises(RefusedError, match="more senior recovery key"):
        without_phrase(roster, THIEF, PHRASE)
    rid = without_phrase(put_out(roster, PC, LAPTOP), PC, THIEF)
    assert not is_in(rid, LAPTOP)
    assert not is_in(rid, THIEF)
    assert rid.epoch not in rid.epochs_for(THIEF)


def test_a_thief_of_the_oldest_device_can_not_take_the_phrase_away() -> None:
    roster = with_phrase(with_phrase(household(), PC), PC, THIEF)
    for phrase in (PHRASE, OTHER_PHRASE):
        for by in (PC, THIEF):
            with pytest.raises(RefusedError, match="senior recovery key"):
                without_phrase(roster, by, phrase)
    rid = put_out(without_phrase(roster, OTHER_PHRASE, THIEF), OTHER_PHRASE, PC)
    assert not is_in(rid, PC)
    assert not is_in(rid, THIEF)
    assert is_in(rid, PHRASE)


def test_a_phrase_can_take_itself_away_but_not_as_the_last() -> None:
    roster = household()
    with pytest.raises(RefusedError, match="last recovery key"):
        without_phrase(roster, PHRASE, PHRASE)
    changed = without_phrase(with_phrase(roster, PHRASE), PHRASE, PHRASE)
    assert is_in(changed, OTHER_PHRASE)
    assert changed.epoch == 2
    assert changed.epochs_for(PHRASE).keys() == {1}, "what it opened before it still opens"
    assert not is_in(put_out(changed, OTHER_PHRASE, PC), PC), "the new one has the old one's rank"
    with pytest.raises(RefusedError, match="revoked"):
        let_in(changed, PHRASE, THIEF)


def test_a_thief_of_the_old_phrase_can_not_backdate_after_it_was_taken_away() -> None:
    before = household()
    changed = without_phrase(with_phrase(before, PHRASE), PHRASE, PHRASE)
    stolen = without_phrase(with_phrase(put_out(before, PHRASE, PC), PHRASE, THIEF), PHRASE, PHRASE)
    for backdated in (stolen, let_in(stolen, THIEF, keys_of(30))):
        after = extend_if_news(changed, backdated)
        assert is_in(after, PC)
        assert not is_in(after, THIEF)
        assert after.head == changed.head
