"""What the face remembers while the node runs: who plays what now, when the library last changed."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

NOW_PLAYING_S: Final = 600.0
"""An app that has not said anything for so long plays nothing."""
MAX_PLAYERS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class NowPlaying:
    """What one app said it plays."""

    track: str
    user: str
    app: str
    player: str
    number: int
    at_s: float


class State:
    """Safe to use from several threads: each change is one step of a dict."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._players: OrderedDict[tuple[str, str], NowPlaying] = OrderedDict()
        self._numbers: dict[tuple[str, str], int] = {}
        self.changed_ms = _now_ms()
        """When the library was last seen to change, or this node's start: apps ask what is newer."""
        self.scanning = False
        self.scan: asyncio.Task[None] | None = None

    def library_changed(self) -> None:
        """Something that a person could see is different now. From any thread."""
        self.changed_ms = max(_now_ms(), self.changed_ms + 1)

    def plays(self, track: str, *, user: str, app: str, player: str) -> None:
        """An app began a track."""
        key = (player, app)
        number = self._numbers.setdefault(key, len(self._numbers) + 1)
        self._players[key] = NowPlaying(
            track=track, user=user, app=app, player=player, number=number, at_s=self._now_s()
        )
        self._players.move_to_end(key)
        while len(self._players) > MAX_PLAYERS:
            gone, _ = self._players.popitem(last=False)
            self._numbers.pop(gone, None)

    def now_playing(self) -> list[tuple[NowPlaying, int]]:
        """Who plays what, the latest first, each with the whole minutes since it was said."""
        now_s = self._now_s()
        players = [player for player in list(self._players.values()) if now_s - player.at_s < NOW_PLAYING_S]
        return [(player, int((now_s - player.at_s) // 60)) for player in reversed(players)]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
