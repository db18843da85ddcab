"""When each device was last here, and what it said then of its room: kept over restarts, on this device alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any, Final

from node.doors.index.settings import Settings
from node.ids import DeviceId, to_text
from node.peers.directory import Directory

SIGHTINGS: Final = "sightings"
"""Setting of the index: {identifier: [seen in ms, budget, held, asleep, kind]}."""
WRITE_EVERY_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is known of a device that may be away."""

    seen_ms: int | None = None
    budget_bytes: int | None = None
    held_bytes: int | None = None
    asleep: bool = False
    """The last that it said is that it falls asleep."""
    kind: str = ""
    """node | phone; empty if it never said."""


class Sightings:
    """`run` must be running."""

    def __init__(self, directory: Directory, settings: Settings) -> None:
        self._directory = directory
        self._settings = settings
        self._kept = {
            name: sighting for name, raw in dict(settings.get(SIGHTINGS, {})).items() if (sighting := _read(raw))
        }
        self._changed = asyncio.Event()
        directory.on_change.append(self._note)

    def of(self, device: DeviceId) -> Sighting:
        return self._kept.get(to_text(device), Sighting())

    async def run(self) -> None:
        """Keeps what is seen, at most once a minute, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._keep()
            await asyncio.sleep(WRITE_EVERY_S)

    async def _keep(self) -> None:
        value = {
            name: [each.seen_ms, each.budget_bytes, each.held_bytes, each.asleep, each.kind]
            for name, each in self._kept.items()
        }
        await asyncio.to_thread(self._settings.set, SIGHTINGS, value)

    def _note(self, device: DeviceId) -> None:
        seen = self._directory.get(device)
        known = self.of(device)
        if seen.presence is not None:
            known = replace(
                known,
                budget_bytes=seen.presence.budget_bytes,
                held_bytes=seen.presence.held_bytes,
                asleep=seen.presence.asleep,
                kind=seen.presence.role,
            )
        self._kept[to_text(device)] = replace(known, seen_ms=seen.seen_ms or known.seen_ms)
        self._changed.set()


def _read(raw: Any) -> Sighting | None:
    return Sighting(*raw) if isinstance(raw, list) and len(raw) in (3, 5) else None
