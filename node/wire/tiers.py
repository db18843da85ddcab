"""Which blobs stand in which volumes, as music comes and goes: few volumes, of which few change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from node.ids import BlobRoot
from node.wire.volume import Volume, VolumeBlob, pack_tightly

MOST_BLOBS: Final = 512
MOST_BYTES: Final = 512 << 20
MERGE_AT: Final = 8
"""So many volumes of one tier become one of the next: each blob moves a few times in its life, not each time."""


def plan_volumes(before: Iterable[Volume], wanted: Mapping[BlobRoot, tuple[VolumeBlob, int]]) -> list[Volume]:
    """Volumes that hold exactly the `wanted` blobs (each with its kind), changing as little of `before` as may be.

    Kinds never mix: who wants a mobile rendition seldom wants originals.
    """
    kept: defaultdict[int, list[Volume]] = defaultdict(list)
    loose = dict(wanted)
    for volume in sorted(before, key=lambda each: each.id):
        kinds = {wanted[blob.root][1] for blob in volume.blobs if loose.get(blob.root, (None,))[0] == blob}
        # Whole, of one kind, and nothing of it in a volume that was kept already.
        if len(kinds) == 1 and all(loose.get(blob.root, (None,))[0] == blob for blob in volume.blobs):
            kept[kinds.pop()].append(volume)
            for blob in volume.blobs:
                del loose[blob.root]
    fresh: defaultdict[int, list[VolumeBlob]] = defaultdict(list)
    for blob, kind in loose.values():
        fresh[kind].append(blob)
    planned: list[Volume] = []
    for kind in sorted({*kept, *fresh}):
        new = pack_tightly(fresh[kind], most_blobs=MOST_BLOBS, most_bytes=MOST_BYTES)
        planned += _merged([*kept[kind], *new])
    return planned


def _merged(volumes: Sequence[Volume]) -> list[Volume]:
    """Tier by tier, `MERGE_AT` small volumes made into one, until no tier has so many."""
    tiers: defaultdict[int, list[Volume]] = defaultdict(list)
    for volume in volumes:
        tiers[_tier(volume)].append(volume)
    full = _full_tier()
    for tier in range(full):
        while len(tiers[tier]) >= MERGE_AT:
            batch, tiers[tier] = tiers[tier][:MERGE_AT], tiers[tier][MERGE_AT:]
            blobs = [blob for volume in batch for blob in volume.blobs]
            for merged in pack_tightly(blobs, most_blobs=MOST_BLOBS, most_bytes=MOST_BYTES):
                # Never back into its own tier: that would go on for ever.
                tiers[max(_tier(merged), tier + 1)].append(merged)
    return [volume for tier in sorted(tiers) for volume in tiers[tier]]


def _tier(volume: Volume) -> int:
    """0 for 1 to 7 blobs, 1 for up to 63, 2 below 512; the last for a full one."""
    if volume.sealed_bytes * 2 > MOST_BYTES:
        return _full_tier()
    return (len(volume.blobs).bit_length() - 1) // (MERGE_AT.bit_length() - 1)


def _full_tier() -> int:
    return (MOST_BLOBS.bit_length() - 1) // (MERGE_AT.bit_length() - 1)
