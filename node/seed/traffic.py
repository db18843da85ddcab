"""What has gone to and fro since the seed was started, library by library."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from node.ids import LibraryId


@dataclass(slots=True)
class Tally:
    """One library's traffic, but for what BitTorrent gave, which nobody counts."""

    sent_bytes: int = 0
    received_bytes: int = 0
    single_reads: int = 0
    """Chunks that were asked for one at a time: audits do, and players seldom. Nobody can tell them apart for sure."""


class Traffic:
    """Tallies of all libraries, and the pace at which all together are served."""

    def __init__(self, *, started_ms: int, rate_bytes_per_s: int = 0) -> None:
        """`rate_bytes_per_s`: what HTTP and WebRTC may send in all; 0: no limit."""
        self.started_ms = started_ms
        self._rate_bytes_per_s = rate_bytes_per_s
        self._free_s = 0.0
        self._tallies: dict[LibraryId, Tally] = {}

    async def pace(self, size_bytes: int) -> None:
        """Wait until so much may be sent; who comes first goes first, part by part, so that all get on."""
        if not self._rate_bytes_per_s:
            return
        now_s = asyncio.get_running_loop().time()
        begin_s = max(now_s, self._free_s)
        self._free_s = begin_s + size_bytes / self._rate_bytes_per_s
        if begin_s > now_s:
            await asyncio.sleep(begin_s - now_s)

    @property
    def limited(self) -> bool:
        """Whether there is a pace to keep to."""
        return self._rate_bytes_per_s > 0

    def of(self, library: LibraryId) -> Tally:
        return self._tallies.setdefault(library, Tally())
