"""What was taken out of the library goes after 30 days of the steady clock, and never much at once."""

from __future__ import annotations

from node.placement import SteadyClock, Trash, is_much
from node.placement.facts import DAY_MS
from node.placement.trash import FEW, TRASH_MS
from tests.placement.people import root


def test_it_goes_after_thirty_days_and_not_a_moment_before() -> None:
    trash = Trash()
    assert trash.update({root(1)}, 1_000) == {root(1): 1_000}
    assert trash.update({root(1)}, 2_000) == {}
    assert trash.due(1_000 + TRASH_MS - 1) == []
    assert trash.due(1_000 + TRASH_MS) == [root(1)]


def test_what_comes_back_begins_anew() -> None:
    trash = Trash({root(1): 0, root(2): 5})
    assert trash.update({root(2)}, TRASH_MS) == {root(1): None}
    assert trash.due(TRASH_MS) == []
    assert trash.update({root(1), root(2)}, TRASH_MS) == {root(1): TRASH_MS}
    assert trash.due(TRASH_MS + 5) == [root(2)]


def test_a_clock_that_jumps_a_year_empties_no_trash() -> None:
    clock, trash = SteadyClock(), Trash()
    trash.update({root(1)}, clock.tick(10_000 * DAY_MS))
    assert trash.due(clock.tick(10_400 * DAY_MS)) == []
    assert trash.due(clock.tick(9_000 * DAY_MS)) == []


def test_a_fifth_of_what_is_kept_is_much_but_a_few_are_not() -> None:
    assert not is_much(FEW, FEW)
    assert is_much(FEW + 1, 5 * (FEW + 1))
    assert not is_much(FEW + 1, 5 * (FEW + 1) + 1)
