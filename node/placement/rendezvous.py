"""Weighted rendezvous hashing (Schindelhauer and Schomaker 2005): each device finds the same order by itself."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable

from node.ids import BlobRoot
from node.placement.facts import Device

_LABEL = b"songkeep/v1/placement\0"


def draw(*parts: bytes) -> float:
    """A number between 0 and 1, both excluded, that looks random and is the same everywhere."""
    digest = hashlib.sha256(_LABEL + b"".join(parts)).digest()
    return (int.from_bytes(digest[:8], "big") + 1) / ((1 << 64) + 2)


def ranked(root: BlobRoot, devices: Iterable[Device]) -> list[Device]:
    """Who should hold a blob, the first before all others; in proportion to budgets.

    A device that comes or goes changes only what it gains or loses.
    """
    return sorted(devices, key=lambda device: (_score(root, device), device.id), reverse=True)


def _score(root: BlobRoot, device: Device) -> float:
    if device.budget_bytes <= 0:
        return 0.0
    return -device.budget_bytes / math.log(draw(device.id, root))
