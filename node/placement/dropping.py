"""What may be evicted: only what others have proved, just now, to hold sealed and locked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from node.crypto.blob import Purpose
from node.errors import RefusedError
from node.ids import BlobRoot, DeviceId
from node.placement.copying import fill_order
from node.placement.facts import COPIES, FRESH_MS, Blob, Device, Drop, Proven


def plan_drops(
    me: DeviceId,
    devices: Sequence[Device],
    blobs: Iterable[Blob],
    *,
    free_bytes: int,
    copies: int = COPIES,
    wished: Set[BlobRoot] = frozenset(),
) -> list[Drop]:
    """What to try to evict so that `free_bytes` come free: what is missed least first, each with whom to ask.

    Only what enough present devices say they hold sealed is in it; `check_drop` judges what they then prove.
    """
    mine = next(device for device in devices if device.id == me)
    drops: list[Drop] = []
    for blob in sorted(blobs, key=fill_order, reverse=True):
        if free_bytes <= 0:
            break
        if blob.root not in mine.sealed or blob.root in wished or is_at_home(blob, mine):
            continue
        ask = holders_to_ask(me, blob.root, devices)
        if len({device.place for device in ask}) >= copies:
            drops.append(Drop(blob, tuple(device.id for device in ask)))
            free_bytes -= blob.sealed_bytes
    return drops


def is_at_home(blob: Blob, device: Device) -> bool:
    """Originals are never dropped where they were added."""
    return blob.purpose is Purpose.ORIGINAL and blob.root in device.added


def holders_to_ask(me: DeviceId, root: BlobRoot, devices: Iterable[Device]) -> list[Device]:
    """Others that could give a receipt now. Who has only a source could seal it, and is asked too, but last."""
    able = [device for device in devices if device.id != me and device.present and device.trusted and device.has(root)]
    return sorted(able, key=lambda device: (root not in device.sealed, device.id))


def check_drop(
    me: DeviceId,
    blob: Blob,
    receipts: Iterable[Proven],
    members: Mapping[DeviceId, Device],
    *,
    now_ms: int,
    copies: int = COPIES,
) -> None:
    """Raises RefusedError unless `copies` other holders have proved the blob. `now_ms` is of the steady clock.

    `members` are those that belong to the library now: who was revoked since it gave a receipt doesn't count.
    """
    if me in members and is_at_home(blob, members[me]):
        raise RefusedError("an original is never dropped where it was added")
    places = set()
    for receipt in receipts:
        holder = members.get(receipt.holder)
        age_ms = now_ms - receipt.asked_ms
        fresh = 0 <= age_ms <= min(FRESH_MS, receipt.lock_ms - FRESH_MS)
        if receipt.root == blob.root and receipt.holder != me and holder is not None and holder.trusted and fresh:
            places.add(holder.place)
    if len(places) < copies:
        raise RefusedError(f"only {len(places)} of {copies} other devices have proved to hold it sealed")
