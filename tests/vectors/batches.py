"""Vectors of batches that a phone signs: its log's bytes must be those of every other device."""

from __future__ import annotations

from typing import Any

from node.catalog import personal
from node.catalog.batch import Batch, Head, Op, make_batch
from node.catalog.hlc import DOUBT_MS, next_stamp
from node.catalog.vector import LogId, log_id
from node.ids import TrackId, to_text
from tests.vectors.common import member
from tests.wire.family import keys_of

NOW_MS = 1_790_000_000_000
TRACK = TrackId(to_text(bytes(range(16))))


def batch_vectors() -> dict[str, Any]:
    own, other = log_id(keys_of(3).id, 7), log_id(keys_of(1).id, 1)
    first = [
        personal.set_star("track", TRACK, NOW_MS),
        personal.set_rating("album", "a" * 26, 5),
        personal.set_plays(TRACK, own, 300, NOW_MS),
        personal.set_playlist("p" * 26, personal.NAME, "Fahrt in die Stadt – späť"),
        personal.set_item("p" * 26, "entry", TRACK, 1 << 20),
        personal.set_item("p" * 26, "gone", None),
        personal.set_queue_tracks([TRACK]),
        personal.set_queue_place(
            personal.Queue(tracks=(TRACK,), index=0, position_ms=61_000, changed_ms=NOW_MS, changed_by="Phone")
        ),
    ]
    begun, vector = signed(
        "the first batch of a log: numbers as small as they go, bytes as bytes, nil for what is taken away",
        Head(), next_stamp(NOW_MS, 0), {other: 70_000}, first,
    )  # fmt: skip
    newest = next_stamp(NOW_MS, 0)
    _, second = signed(
        "a batch chains to the one before, and its clock goes on where that one stood",
        Head(begun.seq, begun.hash), next_stamp(NOW_MS - 5, newest), {other: 70_001},
        [personal.set_star("track", TRACK, None)],
    )  # fmt: skip
    _, doubted = signed(
        "a doubted clock is negative, and takes all of 64 bits",
        Head(begun.seq, begun.hash), next_stamp(NOW_MS + 2 * DOUBT_MS, newest), {},
        [personal.set_rating("artist", "b" * 26, None)],
    )  # fmt: skip
    stamps = [
        ("a clock that nothing was seen of is believed", NOW_MS, 0),
        ("a clock that stands still counts on", NOW_MS, newest),
        ("a clock that goes back counts on", NOW_MS - 86_400_000, newest),
        ("a month ahead is believed", NOW_MS + DOUBT_MS, newest),
        ("a millisecond more is not", NOW_MS + DOUBT_MS + 1, newest),
    ]
    return {
        "signed": [vector, second, doubted],
        "stamps": [
            {"guards": guards, "now_ms": now_ms, "newest": str(seen), "stamp": str(next_stamp(now_ms, seen))}
            for guards, now_ms, seen in stamps
        ],
    }


def signed(guards: str, head: Head, stamp: int, seen: dict[LogId, int], ops: list[Op]) -> tuple[Batch, dict[str, Any]]:
    """Stamps are told as text: they need more than the 53 bits of a JavaScript number."""
    keys = keys_of(3)
    batch = make_batch(keys, incarnation=7, head=head, stamp=stamp, seen=seen, ops=ops)
    return batch, {
        "guards": guards,
        "keys": member(keys),
        "incarnation": 7,
        "head": {"seq": head.seq, "hash": head.hash.hex()},
        "stamp": str(stamp),
        "seen": [[log.hex(), seq] for log, seq in seen.items()],
        "ops": [[*op.key, _shown(op.value)] for op in ops],
        "signed": batch.signed.hex(),
        "hash": batch.hash.hex(),
    }


def _shown(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    return [_shown(each) for each in value] if isinstance(value, list) else value
