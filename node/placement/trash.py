"""What the person took out of the library is kept for another 30 days; a removal of much is asked about."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Final

from node.ids import BlobRoot
from node.placement.facts import DAY_MS

TRASH_MS: Final = 30 * DAY_MS
MUCH_PART: Final = 5
"""A fifth of what a device keeps is not dropped without another word: somebody may have made a mistake."""
FEW: Final = 20
"""So few may always go."""


class Trash:
    """Which blobs are leaving, and since when by the steady clock. Nothing of it is a reason to drop another's copy."""

    def __init__(self, since_ms: Mapping[BlobRoot, int] | None = None) -> None:
        self.since_ms = dict(since_ms or {})

    def update(self, leaving: Set[BlobRoot], now_ms: int) -> dict[BlobRoot, int | None]:
        """What changed: blobs that are leaving from now on with the time, and with None those that came back."""
        changes: dict[BlobRoot, int | None] = {root: now_ms for root in leaving if root not in self.since_ms}
        changes |= {root: None for root in self.since_ms if root not in leaving}
        for root, since_ms in changes.items():
            if since_ms is None:
                del self.since_ms[root]
            else:
                self.since_ms[root] = since_ms
        return changes

    def due(self, now_ms: int) -> list[BlobRoot]:
        """What has been leaving for 30 days, the longest first."""
        old = [(since_ms, root) for root, since_ms in self.since_ms.items() if now_ms - since_ms >= TRASH_MS]
        return [root for _, root in sorted(old)]


def is_much(due: int, kept: int) -> bool:
    """Whether dropping `due` of `kept` blobs needs the person's word."""
    return due > FEW and due * MUCH_PART >= kept
