"""A clock for deletions: it never goes back, and a jump of the machine's clock by over a day moves it not at all."""

from __future__ import annotations

from dataclasses import dataclass

from node.placement.facts import DAY_MS


@dataclass(slots=True)
class SteadyClock:
    """Milliseconds that surely passed. Keep both numbers over restarts; a machine switched off for days loses them."""

    steady_ms: int = 0
    wall_ms: int = 0
    """The machine's clock when it was last asked; 0 before the first time."""

    def tick(self, wall_ms: int) -> int:
        """The time now, given what the machine's clock says."""
        passed_ms = wall_ms - self.wall_ms
        if self.wall_ms and 0 < passed_ms <= DAY_MS:
            self.steady_ms += passed_ms
        self.wall_ms = wall_ms
        return self.steady_ms
