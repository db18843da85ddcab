"""How fast bulk goes out and comes in: one bound for all that shares it, counted for showing."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final

from node.crypto.labels import CHUNK_BYTES
from node.doors.channel import Serve
from node.ids import BlobRoot

MEASURED_S: Final = 5
"""A rate is shown as the mean of the last seconds."""


class Meter:
    """How many bytes have passed, and how many a second lately."""

    def __init__(self, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self.total_bytes = 0
        self._began_s: float | None = None
        self._lately: deque[tuple[int, int]] = deque(maxlen=MEASURED_S + 1)
        """Seconds of the clock in which anything passed, each with its bytes."""

    def count(self, size_bytes: int) -> None:
        self.total_bytes += size_bytes
        now_s = self._now_s()
        second = int(now_s)
        if self._began_s is None:
            self._began_s = now_s
        if self._lately and self._lately[-1][0] == second:
            size_bytes += self._lately.pop()[1]
        self._lately.append((second, size_bytes))

    @property
    def rate_bytes_per_s(self) -> float:
        """Of the last seconds that are over; of all of them if there are fewer. 0 in the first."""
        if self._began_s is None:
            return 0.0
        now_s = int(self._now_s())
        over_s = min(MEASURED_S, now_s - self._began_s)
        if over_s <= 0:
            return 0.0
        return sum(count for second, count in self._lately if now_s - MEASURED_S <= second < now_s) / max(over_s, 1.0)


def left_s(size_bytes: int, rate_bytes_per_s: float) -> int | None:
    """How long that much takes at that rate, in whole seconds; None if nothing passes or nothing is left."""
    return round(size_bytes / rate_bytes_per_s) if rate_bytes_per_s >= 1 and size_bytes else None


class Pace:
    """Bytes a second that may pass; 0: as fast as it goes."""

    def __init__(self, limit_bytes_per_s: int = 0) -> None:
        self._limit_bytes_per_s = limit_bytes_per_s
        self.on_limit: list[Callable[[int], None]] = []
        """Hear of another limit: those who move bytes by themselves and keep to it in their own way."""
        self._free_at_s = 0.0
        self._meter = Meter()

    @property
    def limit_bytes_per_s(self) -> int:
        return self._limit_bytes_per_s

    def set_limit(self, bytes_per_s: int) -> None:
        """Keep to another limit from now on; 0 is none."""
        self._limit_bytes_per_s = bytes_per_s
        for tell in self.on_limit:
            tell(bytes_per_s)

    async def take(self, count: int) -> None:
        """Wait until `count` more bytes may pass."""
        self._meter.count(count)
        if self.limit_bytes_per_s:
            now_s = time.monotonic()
            self._free_at_s = max(self._free_at_s, now_s) + count / self.limit_bytes_per_s
            await asyncio.sleep(self._free_at_s - now_s)

    def count(self, count: int) -> None:
        """So many bytes have passed in another way, which keeps to the limit by itself."""
        self._meter.count(count)

    @property
    def total_bytes(self) -> int:
        return self._meter.total_bytes

    @property
    def rate_bytes_per_s(self) -> float:
        """Of the last seconds."""
        return self._meter.rate_bytes_per_s


def paced(serve: Serve, pace: Pace) -> Serve:
    """`serve`, no faster than `pace` allows."""

    async def slower(root: BlobRoot, first: int, count: int) -> AsyncIterator[bytes]:
        async for part in serve(root, first, count):
            step_bytes = CHUNK_BYTES if pace.limit_bytes_per_s else max(len(part), 1)
            for at in range(0, len(part), step_bytes):
                step = part[at : at + step_bytes]
                await pace.take(len(step))
                yield step

    return slower
