"""Writes tests/vectors/catalog.json, from the Python code: `python -m tests.catalog.vectors`. Bytes are in hex.

Each vector names the failure it guards against. The file of a released format is never written again.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

from node.catalog.batch import Batch
from node.catalog.snapshot import snapshot_of
from node.catalog.state import State
from node.catalog.vector import LogId
from node.crypto.labels import LABEL_SIGN_BATCH
from node.wire.codec import pack
from tests.catalog.devices import NOW_MS, Device, member

FILE = Path(__file__).parent.parent / "vectors" / "catalog.json"
YEAR_2099_MS = 4_070_908_800_000


def vectors() -> dict[str, Any]:
    """Everything in the file."""
    return {"merges": [*merges()], "refused": refused()}


def merges() -> list[dict[str, Any]]:
    one, two = Device("one"), Device("two", clock_ms=NOW_MS + 60_000)
    first = one.write(("title", "a"), ("album", "x"))
    two.take(first)
    second, removal = one.write(("title", "b")), two.write(("album", None), ("title", "c"))
    far = Device("far", clock_ms=NOW_MS)
    far.take(first)
    far.clock_ms = YEAR_2099_MS
    doubted = far.write(("title", "2099"))
    two.take(second)
    last = two.write(("year", 1999), ("title", "d"))
    return [
        merge("a write that saw another does not replace it", [first, second]),
        merge("concurrent writes are ranked by who came last, not by their stamps", [first, second, removal]),
        merge("a removal does not remove what its writer had seen", [removal, first]),
        merge("a batch that comes before one it had seen is undone by it", [last, second, removal, first]),
        merge("a clock in 2099 wins", [first, second, doubted]),
    ]


def merge(guards: str, batches: list[Batch]) -> dict[str, Any]:
    state = State()
    for batch in _by_log(batches):
        state.apply(batch)
    shown = {key.field: register.shown for key, register in state.settled()}
    others = {key.field: register.others for key, register in state.settled() if register.others}
    return {
        "guards_against": guards,
        "batches": [batch.signed.hex() for batch in batches],
        "shown": shown,
        "others": others,
        "snapshot_inflated": zlib.decompress(snapshot_of(state)[1:]).hex(),
    }


def _by_log(batches: list[Batch]) -> list[Batch]:
    """In their order, but each log's from its beginning."""
    left: dict[LogId, list[Batch]] = {}
    for batch in sorted(batches, key=lambda batch: batch.seq):
        left.setdefault(batch.log, []).append(batch)
    return [left[batch.log].pop(0) for batch in batches]


def refused() -> list[dict[str, str]]:
    keys = member("one")

    def signed(*fields: object) -> str:
        body = pack(list(fields))
        return (keys.sign(LABEL_SIGN_BATCH, body) + body).hex()

    op = ["track", "t", "title", "x"]
    good = bytes.fromhex(signed(1, keys.id, 1, 1, bytes(32), 5, [], [op]))
    return [
        {"guards_against": "a batch changed on the way is taken", "batch": (good[:-1] + b"y").hex()},
        {
            "guards_against": "a device writes for another",
            "batch": signed(1, member("two").id, 1, 1, bytes(32), 5, [], [op]),
        },
        {"guards_against": "a log begins at 0", "batch": signed(1, keys.id, 1, 0, bytes(32), 5, [], [op])},
        {"guards_against": "a batch without writes", "batch": signed(1, keys.id, 1, 1, bytes(32), 5, [], [])},
        {
            "guards_against": "a version not known is guessed at",
            "batch": signed(2, keys.id, 1, 1, bytes(32), 5, [], [op]),
        },
    ]


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
