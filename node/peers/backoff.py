"""How long to wait before the next try. Pure: chance is given."""

from __future__ import annotations


class Backoff:
    """Waits that double, each at a random time of its length, so that many who wait don't come at once."""

    def __init__(self, *, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def next_s(self, chance: float) -> float:
        """The next wait: half to all of a length that doubles each time. `chance`: from 0 to 1."""
        wait_s = self._next_s * (1 + chance) / 2
        self._next_s = min(self._next_s * 2, self._longest_s)
        return wait_s

    def begin_anew(self) -> None:
        self._next_s = self._first_s
