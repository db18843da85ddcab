"""Numbers by blob, kept on this device: until when it is locked, since when it is trash, how another device has it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from node.ids import BlobRoot
from node.library import Library


class RootTimes:
    """They are kept in 256 parts by the first byte of the root, so that a change rewrites little. Methods block."""

    def __init__(self, library: Library, name: str) -> None:
        self._index = library.index
        self._name = name

    def load(self) -> dict[BlobRoot, int]:
        parts = (self._index.settings.get(self._key(first), {}) for first in range(256))
        return {BlobRoot(root): number for part in parts for root, number in part.items()}

    def save(self, changes: Mapping[BlobRoot, int | None]) -> None:
        """On the disk when it returns. None takes one out."""
        by_part: dict[int, dict[BlobRoot, int | None]] = defaultdict(dict)
        for root, number in changes.items():
            by_part[root[0]][root] = number
        with self._index.transaction():
            for first, changed in by_part.items():
                part = {**self._index.settings.get(self._key(first), {}), **changed}
                self._index.settings.set(self._key(first), {root: at for root, at in part.items() if at is not None})

    def _key(self, first: int) -> str:
        return f"{self._name}/{first:02x}"
