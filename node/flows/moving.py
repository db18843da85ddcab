"""What moves now, for showing: what comes from each device, each song on its way, how fast, and how long it takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from node.flows.bring import Transfer
from node.flows.copies import Copies
from node.flows.pace import left_s
from node.ids import DeviceId
from node.library import Library


def moving(copies: Copies, library: Library, name_of: Callable[[DeviceId], str]) -> dict[str, Any]:
    """The parts `queue`, `transfers`, `download` and `upload` of GET /api/v1/copies. Blocks: it looks up titles."""
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
        },
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
