"""Devices and blobs for tests of placement."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from node.crypto.blob import Purpose
from node.ids import BlobRoot, DeviceId
from node.placement import Blob, Device

SIZE = 1_000


def name(number: int) -> DeviceId:
    return DeviceId(hashlib.sha256(b"device %d" % number).digest())


def root(number: int) -> BlobRoot:
    return BlobRoot(hashlib.sha256(b"blob %d" % number).digest())


def blob(number: int, *, purpose: Purpose = Purpose.MOBILE, weight: int = 0, size: int = SIZE) -> Blob:
    return Blob(root=root(number), sealed_bytes=size, purpose=purpose, weight=weight)


def device(
    number: int,
    *,
    sealed: Iterable[int] = (),
    sources: Iterable[int] = (),
    added: Iterable[int] = (),
    room: int = 1_000,
    present: bool = True,
    absent_ms: int = 0,
    trusted: bool = True,
    operator: bytes = b"",
) -> Device:
    """`room`: how many blobs still find room."""
    held = frozenset(map(root, sealed))
    return Device(
        id=name(number),
        budget_bytes=(len(held) + room) * SIZE if room else 0,
        used_bytes=len(held) * SIZE,
        sealed=held,
        sources=frozenset(map(root, sources)),
        added=frozenset(map(root, added)),
        operator=operator,
        present=present,
        absent_ms=absent_ms,
        trusted=trusted,
    )
