"""How a seed is doing: for the person who runs it, libraries by number only."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from typing import Any

from node.errors import StorageError
from node.seed.ledger import Ledger
from node.seed.options import SeedOptions
from node.seed.schema import State
from node.seed.traffic import Tally, Traffic


async def free_bytes(options: SeedOptions, ledger: Ledger) -> int:
    """What may still be promised and would find room on the disk too. Raises StorageError."""
    promised_bytes, held_bytes = await ledger.promised_bytes(), 0
    for facts in await ledger.libraries():
        usage = (await ledger.usage(facts.library)).bytes_by_state
        held_bytes += usage.get(State.HELD, 0) + usage.get(State.TRASH, 0)
    on_disk = await asyncio.to_thread(_disk_free_bytes, options) - max(0, promised_bytes - held_bytes)
    return max(0, min(await ledger.unpromised_bytes(options.capacity_bytes), on_disk))


async def look(
    options: SeedOptions, ledger: Ledger, traffic: Traffic | None = None, pools: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Everything that the status page shows, as JSON. Without `traffic` the seed isn't running. Raises StorageError.

    `pools`: the trackers in whose pools it stands.
    """
    libraries: list[dict[str, Any]] = []
    for facts in await ledger.libraries():
        usage = await ledger.usage(facts.library)
        bytes_by, blobs_by = usage.bytes_by_state, usage.blobs_by_state
        libraries.append(
            {
                "number": facts.number,
                "quota_bytes": facts.quota_bytes,
                "held_bytes": bytes_by.get(State.HELD, 0),
                "held_blobs": blobs_by.get(State.HELD, 0),
                "waiting_bytes": bytes_by.get(State.WANTED, 0),
                "damaged_blobs": blobs_by.get(State.DAMAGED, 0),
                "trash_bytes": bytes_by.get(State.TRASH, 0),
                "traffic": _tally(traffic.of(facts.library)) if traffic else None,
            }
        )
    held_bytes = sum(each["held_bytes"] + each["trash_bytes"] for each in libraries)
    promised_bytes = await ledger.promised_bytes()
    disk_free_bytes = await asyncio.to_thread(_disk_free_bytes, options)
    return {
        "url": options.url,
        "started_ms": traffic.started_ms if traffic else None,
        "capacity_bytes": options.capacity_bytes,
        "promised_bytes": promised_bytes,
        "held_bytes": held_bytes,
        "disk": {
            "free_bytes": disk_free_bytes,
            # What has been promised and has not come yet must still find room.
            "short_bytes": max(0, promised_bytes - held_bytes - disk_free_bytes),
            "oldest_check_ms": await ledger.oldest_check_ms(),
            "damaged_blobs": sum(each["damaged_blobs"] for each in libraries),
        },
        "pools": list(pools),
        "libraries": libraries,
    }


def _tally(tally: Tally) -> dict[str, int]:
    return {
        "sent_bytes": tally.sent_bytes,
        "received_bytes": tally.received_bytes,
        "single_reads": tally.single_reads,
    }


def _disk_free_bytes(options: SeedOptions) -> int:
    try:
        return shutil.disk_usage(options.home).free
    except OSError as error:
        raise StorageError(f"the seed's disk can't be looked at: {error.strerror}") from error
