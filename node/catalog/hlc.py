"""Hybrid logical clock: one integer a batch that orders writes which had not seen each other.

A stamp is 47 bits of milliseconds since 1970 (to the year 6429) and a 16-bit counter. It only ever decides between
*concurrent* writes; what a write had seen, it beats whatever the clocks say.

A clock that stands more than `DOUBT_MS` past everything its device has ever seen is not believed: its stamps are
negative, and so lose to every believed one, while among themselves they keep their order. The writer decides this
from what it had seen, and the decision is in the stamp: all devices rank alike, whatever they know.
"""

from __future__ import annotations

from typing import Final

COUNTER_BITS: Final = 16
MAX_MS: Final = (1 << 47) - 1
DOUBT_MS: Final = 31 * 24 * 3600 * 1000
"""31 days: a library in use sees some write of some device more often."""
MIN_STAMP: Final = -(1 << 63)
MAX_STAMP: Final = (1 << 63) - 1


def next_stamp(now_ms: int, newest: int) -> int:
    """The stamp of a batch written at `now_ms`; `newest` is the newest stamp that the device has seen, or 0."""
    now_ms = min(max(now_ms, 0), MAX_MS)
    if is_doubted(now_ms, newest):
        return (now_ms << COUNTER_BITS) + MIN_STAMP
    return min(max(now_ms << COUNTER_BITS, newest + 1), MAX_STAMP)


def is_doubted(now_ms: int, newest: int) -> bool:
    """Whether a clock that says `now_ms` is too far past `newest` to be believed."""
    return newest > 0 and now_ms > stamp_ms(newest) + DOUBT_MS


def stamp_ms(stamp: int) -> int:
    """Milliseconds since 1970 that a stamp states, believed or not."""
    return (stamp if stamp >= 0 else stamp - MIN_STAMP) >> COUNTER_BITS
