"""Which random leaves to ask which holder for: a few a day find who doesn't have what it says."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Final

from node.crypto.labels import CHUNK_BYTES
from node.ids import DeviceId
from node.placement.facts import Audit, Blob, Device

LEAVES: Final = 300
"""A holder and day: finds a loss of one in a hundred with a probability of 95 in a hundred."""


def plan_audits(
    me: DeviceId,
    devices: Sequence[Device],
    blobs: Iterable[Blob],
    *,
    random_below: Callable[[int], int],
    leaves: int = LEAVES,
) -> list[Audit]:
    """Random leaves of what each other present device says it keeps sealed, each byte as likely as another."""
    known = list(blobs)
    audits: list[Audit] = []
    for device in devices:
        held = [blob for blob in known if blob.root in device.sealed]
        if device.id == me or not device.present or not held:
            continue
        ends = list(accumulate(-(-blob.sealed_bytes // CHUNK_BYTES) for blob in held))
        for _ in range(min(leaves, ends[-1])):
            at = random_below(ends[-1])
            place = bisect.bisect_right(ends, at)
            audits.append(Audit(device.id, held[place], at - (ends[place - 1] if place else 0)))
    return audits
