"""A clock that only counts time which has certainly passed: what is deleted by it is never deleted too early."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DAY_MS: Final = 86_400_000
MAX_STEP_MS: Final = DAY_MS


@dataclass(frozen=True, slots=True)
class Patience:
    """Where the clock stands."""

    seen_ms: int
    """What the machine's clock said last."""
    patient_ms: int
    """Time that has passed for certain."""

    def after(self, now_ms: int) -> Patience:
        """The clock at `now_ms`. A step of a day or more, or backwards, counts for nothing: who knows what it was.

        Looked at every hour, it falls behind only while the seed is off for a day or longer.
        """
        step_ms = now_ms - self.seen_ms
        return Patience(now_ms, self.patient_ms + (step_ms if 0 < step_ms < MAX_STEP_MS else 0))
