"""What moves now, for showing: what comes from each device and goes to it, each song on its way, and how fast."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

from node.crypto.blob import Purpose, Shape
from node.flows.bring import Transfer
from node.flows.copies import Copies
from node.flows.pace import left_s
from node.flows.uploads import Upload
from node.ids import DeviceId
from node.library import Library

MAX_UPLOADS_SHOWN: Final = 20


def moving(copies: Copies, library: Library, name_of: Callable[[DeviceId], str]) -> dict[str, Any]:
    """The parts of GET /api/v1/copies about what moves, both ways. Blocks: it looks up titles."""
    queue, transfers = list(copies.queue), list(copies.bringing.transfers)
    down, up = copies.download, copies.upload
    done_bytes = sum(each.meter.total_bytes for each in transfers)
    left_bytes = max(0, sum(copy.blob.sealed_bytes for copy in queue) - done_bytes)
    return {
        "queue": {
            "blobs": len(queue),
            "bytes": left_bytes,
            "left_s": left_s(left_bytes, down.rate_bytes_per_s),
            "from": _from_each(copies, name_of),
        },
        "transfers": [_transfer(each, library, name_of) for each in transfers],
        "download": {
            "rate_bytes_per_s": round(down.rate_bytes_per_s),
            "limit_bytes_per_s": copies.limits.download_bytes_per_s,
        },
        "upload": {
            "rate_bytes_per_s": round(up.rate_bytes_per_s),
            "limit_bytes_per_s": copies.limits.upload_bytes_per_s,
            "total_bytes": up.total_bytes,
            "to": _to_each(copies, name_of),
        },
        "uploads": [_upload(each, library, name_of) for each in copies.uploads.going()[:MAX_UPLOADS_SHOWN]],
    }


def _from_each(copies: Copies, name_of: Callable[[DeviceId], str]) -> list[dict[str, Any]]:
    """What is still to come from each device, the most first."""
    blobs: defaultdict[DeviceId, int] = defaultdict(int)
    to_come: defaultdict[DeviceId, int] = defaultdict(int)
    for copy in list(copies.queue):
        blobs[copy.source] += 1
        to_come[copy.source] += copy.blob.sealed_bytes
    for transfer in list(copies.bringing.transfers):
        if transfer.holder is not None and transfer.holder in to_come:
            to_come[transfer.holder] = max(0, to_come[transfer.holder] - transfer.meter.total_bytes)
    shown = []
    for holder, left_bytes in sorted(to_come.items(), key=lambda each: (-each[1], each[0])):
        meter = copies.bringing.meters.get(holder)
        rate = meter.rate_bytes_per_s if meter is not None else 0.0
        shown.append(
            {
                "from": name_of(holder),
                "blobs": blobs[holder],
                "bytes": left_bytes,
                "rate_bytes_per_s": round(rate),
                "left_s": left_s(left_bytes, rate),
            }
        )
    return shown


def _transfer(each: Transfer, library: Library, name_of: Callable[[DeviceId], str]) -> dict[str, Any]:
    done_bytes, rate = each.meter.total_bytes, each.meter.rate_bytes_per_s
    return {
        "from": name_of(each.holder) if each.holder else "",
        "kind": each.purpose.name.lower(),
        "title": library.index.tracks.title_of(each.blob.root),
        "done_bytes": done_bytes,
        "total_bytes": each.total_bytes,
        "rate_bytes_per_s": round(rate),
        "left_s": left_s(each.total_bytes - done_bytes, rate),
    }


def _to_each(copies: Copies, name_of: Callable[[DeviceId], str]) -> list[dict[str, Any]]:
    """What has gone to each device and seed since the start, the most first."""
    went = sorted(copies.uploads.meters.items(), key=lambda each: (-each[1].total_bytes, each[0]))
    return [
        {"to": name_of(taker), "rate_bytes_per_s": round(meter.rate_bytes_per_s), "total_bytes": meter.total_bytes}
        for taker, meter in went
    ]


def _upload(each: Upload, library: Library, name_of: Callable[[DeviceId], str]) -> dict[str, Any]:
    ref = library.blob_ref(each.root)
    named = library.index.tracks.named_by(each.root)
    return {
        "to": name_of(each.taker),
        "kind": (Purpose(named[0][1]) if named else Purpose.SNAPSHOT).name.lower(),
        "title": library.index.tracks.title_of(each.root),
        "sent_bytes": each.meter.total_bytes,
        "total_bytes": None if ref is None else Shape(ref.size_bytes).sealed_bytes,
        "rate_bytes_per_s": round(each.meter.rate_bytes_per_s),
    }
