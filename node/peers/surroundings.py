"""Whether this machine has slept, is in another network, or had its clock set: told soon, and never in a storm.

Pure: clocks and addresses are given with each look.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

JUMP_S: Final = 10.0
"""So much more, or less, than it should have gone on: a clock that was set, or stood while the machine slept."""
FIRST_GAP_S: Final = 5.0
LONGEST_GAP_S: Final = 120.0
CALM_S: Final = 300.0
"""After so long without a change the next one is told at once again."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something is not as it was."""

    slept: bool
    """Or the clock was set: both clocks tell the same of it."""
    lost: bool
    """An address is gone, and with it what was connected from there."""


class Surroundings:
    """Looked at every few seconds. A network that comes and goes is told of ever more rarely."""

    def __init__(self, addresses: Iterable[str], *, monotonic_s: float, wall_s: float) -> None:
        self._addresses = frozenset(addresses)
        self._monotonic_s = monotonic_s
        self._wall_s = wall_s
        self._gap_s = FIRST_GAP_S
        self._told_s = monotonic_s - CALM_S
        self._waiting: Change | None = None

    def look(self, addresses: Iterable[str], *, monotonic_s: float, wall_s: float, expected_s: float) -> Change | None:
        """What has changed and is to be acted upon now; `expected_s` should have passed since the last look."""
        now = frozenset(addresses)
        passed_s, wall_passed_s = monotonic_s - self._monotonic_s, wall_s - self._wall_s
        # Some systems' monotonic clock stands still in sleep, others' goes on.
        slept = abs(wall_passed_s - passed_s) > JUMP_S or passed_s > expected_s + JUMP_S
        change = Change(slept=slept, lost=bool(self._addresses - now)) if slept or now != self._addresses else None
        self._addresses, self._monotonic_s, self._wall_s = now, monotonic_s, wall_s
        if change is not None:
            before = self._waiting or change
            self._waiting = Change(slept=change.slept or before.slept, lost=change.lost or before.lost)
        return self._due(monotonic_s)

    def _due(self, monotonic_s: float) -> Change | None:
        since_s = monotonic_s - self._told_s
        if since_s >= CALM_S:
            self._gap_s = FIRST_GAP_S
        if self._waiting is None or since_s < self._gap_s:
            return None
        if since_s < CALM_S:
            self._gap_s = min(self._gap_s * 2, LONGEST_GAP_S)
        told, self._waiting = self._waiting, None
        self._told_s = monotonic_s
        return told
