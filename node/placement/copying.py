"""Which copies are to be made: first what the library lacks, then what this device is likely to play."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Final

from node.crypto.blob import Purpose
from node.ids import BlobRoot, DeviceId
from node.placement.facts import COPIES, FORGOTTEN_MS, PATIENCE_MS, RESERVE_PART, Blob, Copy, Device
from node.placement.rendezvous import draw, ranked

_FIRST: Final = (Purpose.SNAPSHOT, Purpose.MOBILE, Purpose.COVER, Purpose.ORIGINAL)
"""With the mobile renditions alone the whole library plays."""


def fill_order(blob: Blob) -> tuple[int, int, bytes]:
    """A sort key: what a device that fills itself takes first."""
    if blob.removed:
        return len(_FIRST), 0, blob.root
    return _FIRST.index(blob.purpose), -blob.weight, blob.root


def copies_of(root: BlobRoot, devices: Iterable[Device], *, sealed_only: bool = False) -> int:
    """In how many places a blob is: devices that lie or have long been away don't count, an operator counts once."""
    return len({
        device.place
        for device in devices
        if _counts(device) and (root in device.sealed if sealed_only else device.has(root))
    })  # fmt: skip


def _counts(device: Device) -> bool:
    return device.trusted and (device.present or device.absent_ms < FORGOTTEN_MS)


def plan_copies(
    me: DeviceId,
    devices: Sequence[Device],
    blobs: Iterable[Blob],
    *,
    copies: int = COPIES,
    wished: Set[BlobRoot] = frozenset(),
    unwished: Set[BlobRoot] = frozenset(),
) -> list[Copy]:
    """What this device should fetch, in order: what the person wishes to have here (`wished`, beyond any budget), what
    has too few copies and falls to this device, and then what fills its budget.

    Each device runs this for itself with what it knows; if two know different things, a copy too many is made.
    """
    mine = next(device for device in devices if device.id == me)
    ordered = sorted((blob for blob in blobs if not blob.removed), key=fill_order)
    chosen: dict[BlobRoot, Copy] = {}
    room = mine.room_bytes

    def take(blob: Blob) -> bool:
        giver = _giver(me, blob.root, devices)
        if giver is not None:
            chosen[blob.root] = Copy(blob, giver, me)
        return giver is not None

    for blob in ordered:
        if blob.root in wished and not mine.has(blob.root) and take(blob):
            room -= blob.sealed_bytes
    for blob in ordered:
        fits = blob.root not in chosen and blob.sealed_bytes <= room and not mine.has(blob.root)
        if fits and _falls_to(me, blob, devices, copies) and take(blob):
            room -= blob.sealed_bytes
    room -= mine.budget_bytes // RESERVE_PART
    for blob in ordered:
        likely = blob.root not in unwished and (blob.purpose is not Purpose.ORIGINAL or blob.weight > 0)
        fits = blob.root not in chosen and blob.sealed_bytes <= room and not mine.has(blob.root)
        if likely and fits and take(blob):
            room -= blob.sealed_bytes
    return list(chosen.values())


def _falls_to(me: DeviceId, blob: Blob, devices: Sequence[Device], copies: int) -> bool:
    """Whether the blob lacks copies and this device is among those next in line."""
    missing = copies - copies_of(blob.root, devices)
    if missing <= 0:
        return False
    held = {device.place for device in devices if _counts(device) and device.has(blob.root)}
    able = (
        device
        for device in devices
        if device.trusted
        and (device.present or device.absent_ms < PATIENCE_MS)
        and device.place not in held
        and device.room_bytes >= blob.sealed_bytes
    )
    return any(device.id == me for device in ranked(blob.root, able)[:missing])


def _giver(me: DeviceId, root: BlobRoot, devices: Iterable[Device]) -> DeviceId | None:
    """Whom to ask: another one for each blob, so that all give alike."""
    able = [each for each in devices if each.id != me and each.present and each.trusted and each.has(root)]
    own = [each.id for each in able if not each.operator]  # a seed's line is dear, and the person's own is not
    return max(own or [each.id for each in able], key=lambda holder: draw(me, holder, root), default=None)
