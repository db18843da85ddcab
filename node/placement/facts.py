"""What placement is told, what it answers, and its numbers in one table."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Final

from node.crypto.blob import Purpose
from node.ids import BlobRoot, DeviceId

COPIES: Final = 2
"""How many devices are to hold a blob, if the person says nothing else."""
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
PATIENCE_MS: Final = HOUR_MS
"""A device away for longer isn't waited for when a copy is missing."""
FORGOTTEN_MS: Final = 30 * DAY_MS
"""A device away for longer counts as no copy. Nothing is deleted for that: another copy is made."""
FRESH_MS: Final = 10 * 60_000
"""How long after it was asked for a receipt may be relied on."""
LOCK_MS: Final = 96 * HOUR_MS
"""How long a holder keeps what it gave a receipt for: the 72 h that clocks may err in any deletion, and a day."""
RESERVE_PART: Final = 10
"""A tenth of a budget is left for copies that the library lacks; the rest may be filled with what is likely played."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """One sealed blob that the catalog names."""

    root: BlobRoot
    sealed_bytes: int
    purpose: Purpose
    weight: int = 0
    """How dear it is: 0 for a song never played, more for played and starred ones, less for one that was removed."""

    @property
    def removed(self) -> bool:
        """Taken out of the library: not copied any more, evicted before all else, and in the end from the trash."""
        return self.weight < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One member that may hold blobs, as far as it is known."""

    id: DeviceId
    budget_bytes: int = 0
    used_bytes: int = 0
    sealed: Set[BlobRoot] = frozenset()
    """Sealed bytes in its store that it keeps until it evicts them."""
    sources: Set[BlobRoot] = frozenset()
    """Blobs that it can make again from an unchanged file, which its owner may change at any time."""
    added: Set[BlobRoot] = frozenset()
    """Originals that came into the library by this device: it never evicts those."""
    operator: bytes = b""
    """Who runs it, if it is a seed: seeds of one operator are one copy. Empty for a device of one's own."""
    present: bool = True
    absent_ms: int = 0
    """For how long it has not been seen."""
    trusted: bool = True
    """False once it did not have what it said it had."""

    def has(self, root: BlobRoot) -> bool:
        """Whether the blob can be had from it."""
        return root in self.sealed or root in self.sources

    @property
    def room_bytes(self) -> int:
        return max(0, self.budget_bytes - self.used_bytes)

    @property
    def place(self) -> tuple[str, bytes]:
        """What fails together with it: devices of one place are one copy."""
        return ("operator", self.operator) if self.operator else ("device", self.id)


@dataclass(frozen=True, slots=True)
class Copy:
    """Fetch a blob from one device to another."""

    blob: Blob
    source: DeviceId
    target: DeviceId


@dataclass(frozen=True, slots=True)
class Audit:
    """Ask a holder for one leaf of a blob."""

    holder: DeviceId
    blob: Blob
    leaf: int


@dataclass(frozen=True, slots=True)
class Drop:
    """Evict a blob here, once `ask` have given receipts for it."""

    blob: Blob
    ask: tuple[DeviceId, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A checked receipt: `holder` had sealed bytes of the blob when it was asked, and keeps them for a time."""

    holder: DeviceId
    root: BlobRoot
    asked_ms: int
    """By the steady clock of the one who asked."""
    lock_ms: int
    """How long the holder keeps it from then on."""
