"""What a room server did that an honest one doesn't: nothing came of it, and the person is told. Pure."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Final

SILENT_S: Final = 120.0
"""So long a server may name a device that is gone before it notices by itself."""


class Misdeed(StrEnum):
    """Kinds of them; the value is how it is said."""

    ALTERED = "messages that came through it had been altered, or were not by whom it said"
    REPEATED = "messages came through it again, or out of order"
    OLD_ROSTER = "times it offered an older list of the library's devices than it had shown before"
    BROKEN_ROSTER = "times it offered a list of devices that nobody in the library had signed"


class Suspicions:
    """Of one server, since it was first visited."""

    def __init__(self) -> None:
        self._counts: Counter[Misdeed] = Counter()
        self._silent_since_s: dict[int, float] = {}

    def note(self, misdeed: Misdeed) -> bool:
        """Count it; whether it is the first of its kind."""
        self._counts[misdeed] += 1
        return self._counts[misdeed] == 1

    def named(self, connection: int, now_s: float) -> None:
        """The server says that somebody is there, by that connection."""
        self._silent_since_s[connection] = now_s

    def heard(self, connection: int) -> None:
        """Somebody is there indeed, or has left."""
        self._silent_since_s.pop(connection, None)

    def entered(self) -> None:
        """Connections are counted anew."""
        self._silent_since_s.clear()

    def silent(self, now_s: float) -> int:
        """How many it has named for long of whom nothing came."""
        return sum(now_s - since_s > SILENT_S for since_s in self._silent_since_s.values())

    def sentences(self) -> list[str]:
        """Each kind that was seen, and how often."""
        return [f"{count} {misdeed.value}" for misdeed, count in sorted(self._counts.items())]
