"""What was taken out of the library lately: removals that can be undone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from node.catalog.hlc import stamp_ms
from node.ids import TrackId

UNDO_MS: Final = 30 * 86_400_000
"""As long as seeds keep what their lists drop."""
TOGETHER_MS: Final = 10_000
"""Tracks that were removed within so short a time of each other were removed in one go."""


@dataclass(frozen=True, slots=True)
class Removal:
    """Tracks that went together, the last first."""

    removed_ms: int
    tracks: tuple[TrackId, ...]


def removals(removed: Iterable[tuple[TrackId, int | None]], *, now_ms: int) -> list[Removal]:
    """`removed`: tracks, the last first, each with its stamp, None for one whose removal is not in the catalog yet."""
    groups: list[tuple[int, list[TrackId]]] = []
    before_ms: int | None = None
    for track, stamp in removed:
        at_ms = now_ms if stamp is None else stamp_ms(stamp)
        if now_ms - at_ms > UNDO_MS:
            break
        if before_ms is None or before_ms - at_ms > TOGETHER_MS:
            groups.append((at_ms, []))
        groups[-1][1].append(track)
        before_ms = at_ms
    return [Removal(at_ms, tuple(tracks)) for at_ms, tracks in groups]
