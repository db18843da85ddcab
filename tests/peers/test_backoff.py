"""Waits between tries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from node.peers.backoff import Backoff


@given(st.lists(st.floats(0, 1), min_size=20, max_size=60))
def test_waits_double_up_to_the_longest_and_are_spread_over_half_of_it(chances: list[float]) -> None:
    backoff = Backoff(first_s=1, longest_s=60)
    waits = [backoff.next_s(chance) for chance in chances]
    for number, (wait_s, chance) in enumerate(zip(waits, chances, strict=True)):
        length_s = min(2**number, 60)
        assert length_s / 2 <= wait_s <= length_s
        assert wait_s == length_s * (1 + chance) / 2
    backoff.begin_anew()
    assert backoff.next_s(1) == 1
