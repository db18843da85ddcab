"""What other devices last said they hold, kept over restarts: who is away now is no reason to copy everything anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from node.flows.root_times import RootTimes
from node.ids import BlobRoot, DeviceId, from_text, to_text
from node.library import Library
from node.wire.holdings import Holding

SETTING: Final = "hearsay"
_SEALED, _SOURCE = 1, 2


class Hearsay:
    """On the disk. Every method blocks."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._kept: dict[DeviceId, Holding] = {}

    def load(self, members: Iterable[DeviceId]) -> dict[DeviceId, Holding]:
        """What `members` said; of others nothing is kept any longer."""
        rooms: dict[str, list[int]] = self._library.index.settings.get(SETTING, {})
        wanted = set(members)
        for name, (budget_bytes, used_bytes) in rooms.items():
            member = DeviceId(from_text(name))
            held = self._times(member).load()
            if member not in wanted:
                self._times(member).save(dict.fromkeys(held))
                continue
            self._kept[member] = Holding(
                budget_bytes=budget_bytes,
                used_bytes=used_bytes,
                sealed=frozenset(root for root, kind in held.items() if kind & _SEALED),
                sources=frozenset(root for root, kind in held.items() if kind & _SOURCE),
            )
        return dict(self._kept)

    def save(self, said: Mapping[DeviceId, Holding]) -> None:
        """Keep what is other than before."""
        changed = {member: holding for member, holding in said.items() if self._kept.get(member) is not holding}
        if not changed:
            return
        rooms = {to_text(member): [each.budget_bytes, each.used_bytes] for member, each in said.items()}
        with self._library.index.transaction():
            self._library.index.settings.set(SETTING, rooms)
            for member, holding in changed.items():
                before, after = _kinds(self._kept.get(member, Holding())), _kinds(holding)
                changes: dict[BlobRoot, int | None] = {
                    root: kind for root, kind in after.items() if before.get(root) != kind
                }
                self._times(member).save({**changes, **{root: None for root in before if root not in after}})
        self._kept.update(changed)

    def _times(self, member: DeviceId) -> RootTimes:
        return RootTimes(self._library, f"{SETTING}/{to_text(member)}")


def _kinds(holding: Holding) -> dict[BlobRoot, int]:
    kinds: dict[BlobRoot, int] = dict.fromkeys(holding.sealed, _SEALED)
    for root in holding.sources:
        kinds[root] = kinds.get(root, 0) | _SOURCE
    return kinds


def shared(holding: Holding, roots: Mapping[BlobRoot, BlobRoot]) -> Holding:
    """The same with one object for each name, as in `roots`; what isn't in it is left out."""
    return replace(
        holding,
        sealed=frozenset(roots[root] for root in holding.sealed if root in roots),
        sources=frozenset(roots[root] for root in holding.sources if root in roots),
    )
