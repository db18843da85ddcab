"""The catalog: merging what other devices wrote, and a whole catalog as one document."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.invented import keys, name
from benchmarks.measure import Row, median
from node.app import tune_interpreter
from node.catalog.batch import Batch, Head, Op, decode_batch, make_batch
from node.catalog.hlc import next_stamp
from node.catalog.register import Key
from node.catalog.state import State
from node.catalog.vector import LogId, log_id
from node.doors.index import Index
from node.library import Library

_WRITES_A_BATCH = 250
_TRACKS = 20_000


def catalog(work: Path, *, writes: int, rounds: int) -> list[Row]:
    """Merge writes of three devices that saw each other now and then; begin a new device with the result."""
    tune_interpreter()
    arriving = _written(writes)
    batches = [decode_batch(signed) for signed in arriving]

    def in_memory() -> None:
        state = State()
        for batch in batches:
            state.apply(batch)

    checked_s = median([_took(lambda: [decode_batch(signed) for signed in arriving]) for _ in range(rounds)])
    memory_s = checked_s + median([_took(in_memory) for _ in range(rounds)])
    document = b""
    merged, loaded = [], []
    for _ in range(rounds):
        with _empty(work) as first:
            merged.append(checked_s + _took(partial(first.apply, batches)))
            document = first.snapshot()
        with _empty(work) as second:
            loaded.append(_took(partial(second.load_snapshot, document)))
    merged_s = median(merged)
    return [
        Row(f"check {writes:,} writes (signatures, limits)", f"{checked_s:.2f} s"),
        Row("check and merge them in memory", f"{memory_s:.2f} s", "2 s", memory_s < 2),
        Row("check and merge them into the index, lists included", f"{merged_s:.2f} s", "2 s", merged_s < 2),
        Row(f"begin a new device with the snapshot of {len(document) / 1e6:.1f} MB", f"{median(loaded):.2f} s"),
    ]


@contextlib.contextmanager
def _empty(work: Path) -> Iterator[Library]:
    """A library with nothing in it, on the disk."""
    for left in work.glob("merged.sqlite*"):
        left.unlink()
    with Index.open(work / "merged.sqlite") as index:
        yield Library.open(index, keys(9), bytes(32))


def _took(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _written(writes: int) -> list[bytes]:
    """Signed batches, log by log."""
    chance = random.Random(2)
    logs: list[list[Batch]] = [[], [], []]
    seen: dict[LogId, int] = {}
    newest = 0
    for number in range(writes // _WRITES_A_BATCH):
        device = number % 3
        member = keys(device)
        head = Head(logs[device][-1].seq, logs[device][-1].hash) if logs[device] else Head()
        newest = next_stamp(1_700_000_000_000 + number, newest)
        ops = [
            Op(
                Key("track", f"{chance.randrange(_TRACKS):026d}", chance.choice(("tag:title", "tag:album"))),
                name(chance, 3),
            )
            for _ in range(_WRITES_A_BATCH)
        ]
        batch = make_batch(
            member, incarnation=1, head=head, stamp=newest, seen=dict(seen) if number % 2 else {}, ops=ops
        )
        logs[device].append(batch)
        seen[log_id(member.id, 1)] = batch.seq
    return [batch.signed for log in logs for batch in log]
