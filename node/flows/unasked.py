"""Trash that can't go: none of the devices that must be asked first was seen for a month. The person is told of them.

Nothing goes by itself then: one of them may know that the music was brought back. Revoking those that are lost, or the
person's word, lets it go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from node.flows.discard import Discards
from node.ids import DeviceId
from node.peers.directory import Directory
from node.placement.facts import FORGOTTEN_MS


@dataclass(frozen=True, slots=True)
class Unseen:
    """A device that would have to be asked. `seen_ms`: when it was last here; None if it never was."""

    id: DeviceId
    name: str
    seen_ms: int | None


class Unasked:
    """Asked by those who show it; changes nothing."""

    def __init__(
        self,
        discards: Discards,
        directory: Directory,
        *,
        to_ask: Callable[[], Collection[DeviceId]],
        last_seen_ms: Callable[[DeviceId], int | None],
        name_of: Callable[[DeviceId], str],
        wall_ms: Callable[[], int],
    ) -> None:
        """`to_ask` gives the devices of which one must be here before any trash goes (node/flows/exchange.py)."""
        self._discards = discards
        self._directory = directory
        self._to_ask = to_ask
        self._last_seen_ms = last_seen_ms
        self._name_of = name_of
        self._wall_ms = wall_ms

    @property
    def blobs(self) -> int:
        """Sealed files of music that was taken out of the library over 30 days ago, and that are still here."""
        return self._discards.due

    def unseen(self) -> list[Unseen]:
        """Whom the trash waits for, if it has waited for its 30 days and each of them was away for as many."""
        others = self._to_ask() if self._discards.due else ()
        found = [Unseen(each, self._name_of(each), self._last_seen_ms(each)) for each in sorted(others)]
        here = {member for member, _ in self._directory.present()}
        since_ms = self._wall_ms() - FORGOTTEN_MS
        if any(each.id in here or (each.seen_ms is not None and each.seen_ms > since_ms) for each in found):
            return []
        return found
