"""A holder's word: what it gave receipts for stays, and what it is about to evict it gives no receipt for.

So of two devices that each want to rely on the other at most one can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from node.errors import RefusedError
from node.ids import BlobRoot
from node.placement.facts import LOCK_MS


class Locks:
    """All times are of the holder's steady clock. Who uses it keeps `until_ms` on its disk before it gives its word."""

    def __init__(self, until_ms: Mapping[BlobRoot, int] | None = None) -> None:
        self._until_ms = dict(until_ms or {})
        self._leaving: set[BlobRoot] = set()

    def until_ms(self, root: BlobRoot) -> int:
        """When the lock ends; 0 if there is none."""
        return self._until_ms.get(root, 0)

    def lock(self, roots: Iterable[BlobRoot], now_ms: int) -> dict[BlobRoot, int]:
        """Lock what can be; gives what was locked, and until when. What is being evicted is left out."""
        locked = {root: now_ms + LOCK_MS for root in roots if root not in self._leaving}
        self._until_ms.update(locked)
        return locked

    def begin_drop(self, root: BlobRoot, now_ms: int) -> None:
        """From now on no receipt is given for it. Raises RefusedError while somebody relies on it, or it is leaving."""
        if self.until_ms(root) > now_ms:
            raise RefusedError("another device has let go of it because this one keeps it")
        if root in self._leaving:
            raise RefusedError("it is being let go of already")
        self._leaving.add(root)

    def end_drop(self, root: BlobRoot) -> None:
        """It is gone, or stays after all."""
        self._leaving.discard(root)

    def ended(self, now_ms: int) -> list[BlobRoot]:
        """Forget locks that have run out; which those were."""
        gone = [root for root, until_ms in self._until_ms.items() if until_ms <= now_ms]
        for root in gone:
            del self._until_ms[root]
        return gone
