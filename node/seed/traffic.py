"""What has gone to and fro since the seed was started, library by library."""

from __future__ import annotations

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
    """Tallies of all libraries."""

    def __init__(self, *, started_ms: int) -> None:
        self.started_ms = started_ms
        self._tallies: dict[LibraryId, Tally] = {}

    def of(self, library: LibraryId) -> Tally:
        return self._tallies.setdefault(library, Tally())
