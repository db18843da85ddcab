"""A token bucket: how a rate is bounded without a clock of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_s` for long, `burst` at once."""

    per_s: float
    burst: float


class Bucket:
    """What is left of a rate at a given time."""

    __slots__ = ("_at_s", "_left", "_rate")

    def __init__(self, rate: Rate, now_s: float) -> None:
        self._rate = rate
        self._left = rate.burst
        self._at_s = now_s

    def take(self, cost: float, now_s: float) -> bool:
        """Whether `cost` is still within the rate; if so it is taken. A clock that goes back gives nothing."""
        rate = self._rate
        self._left = min(rate.burst, self._left + max(0.0, now_s - self._at_s) * rate.per_s)
        self._at_s = max(self._at_s, now_s)
        if cost > self._left:
            return False
        self._left -= cost
        return True

    def is_full(self, now_s: float) -> bool:
        """Whether nothing was taken for so long that a new bucket would be the same."""
        return self._left + max(0.0, now_s - self._at_s) * self._rate.per_s >= self._rate.burst


class Buckets:
    """One bucket for each address that was heard lately."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._each: dict[str, Bucket] = {}

    def __len__(self) -> int:
        return len(self._each)

    def __contains__(self, address: str) -> bool:
        return address in self._each

    def take(self, address: str, now_s: float) -> bool:
        """Whether one more of that address is still within the rate; if so it is taken."""
        return self._each.setdefault(address, Bucket(self._rate, now_s)).take(1, now_s)

    def forget_full(self, now_s: float) -> None:
        """Let go of addresses that said nothing for so long that it makes no difference."""
        self._each = {address: each for address, each in self._each.items() if not each.is_full(now_s)}
