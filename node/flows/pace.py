"""How fast bulk goes out and comes in: one bound for all that shares it, counted for showing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from node.crypto.labels import CHUNK_BYTES
from node.doors.channel import Serve
from node.ids import BlobRoot

MEASURED_S: Final = 5.0
"""A rate is shown as the mean of the last seconds."""


class Pace:
    """Bytes a second that may pass; 0: as fast as it goes."""

    def __init__(self, limit_bytes_per_s: int = 0) -> None:
        self._limit_bytes_per_s = limit_bytes_per_s
        self.on_limit: list[Callable[[int], None]] = []
        """Hear of another limit: those who move bytes by themselves and keep to it in their own way."""
        self.total_bytes = 0
        self._free_at_s = 0.0
        self._since_s = time.monotonic()
        self._counted = 0
        self._rate = 0.0

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
        self._count(count)
        if self.limit_bytes_per_s:
            now_s = time.monotonic()
            self._free_at_s = max(self._free_at_s, now_s) + count / self.limit_bytes_per_s
            await asyncio.sleep(self._free_at_s - now_s)

    @property
    def rate_bytes_per_s(self) -> float:
        """Of the last seconds."""
        self._count(0)
        return self._rate

    def _count(self, count: int) -> None:
        self.total_bytes += count
        self._counted += count
        passed_s = time.monotonic() - self._since_s
        if passed_s >= MEASURED_S:
            self._rate = self._counted / passed_s
            self._counted, self._since_s = 0, time.monotonic()


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
