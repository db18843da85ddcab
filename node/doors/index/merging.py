"""Merging batches and snapshots into the registers on disk, many at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from node.catalog.batch import Batch, Head, check_same_heads, decode_batch
from node.catalog.personal import PERSONAL
from node.catalog.register import EMPTY, Dot, Key, Register, merge, write
from node.catalog.rights import MayWrite
from node.catalog.snapshot import SnapshotReader
from node.catalog.vector import LogId, beyond
from node.catalog.vocabulary import COVER, COVER_BLOB, DEVICE, TRACK, read_cover
from node.crypto.blob import Purpose
from node.doors.index.database import Step
from node.doors.index.personal import touch_personal
from node.doors.index.projection import touch_all
from node.doors.index.registers import MAX_STORED_VALUE_BYTES, Logs, keys_between, load, packed, store
from node.wire.codec import unpack

_MERGED_AT_ONCE: Final = 32_768
_MERGED_AT_ONCE_BYTES: Final = 16 << 20
"""Registers that several batches write are then read and written once, and it fits in any computer's memory."""
_JOINED_AT_ONCE: Final = 4_096
_REPLAYED_AT_ONCE: Final = 64
_BASE_PART_BYTES: Final = 1 << 20
_FIRST: Final = Key("", "", "")


class Merger:
    """Takes batches in the order of their logs and merges their writes in large steps. `flush` ends it."""

    def __init__(self, step: Step, logs: Logs, may_write: MayWrite) -> None:
        self.logs = logs
        self._may_write = may_write
        self.heads: dict[LogId, Head] = {
            LogId(log): Head(seq, digest)
            for log, seq, digest in step.sql.execute("SELECT id, seq, hash FROM log WHERE seq > 0")
        }
        self._step = step
        self._vector = {log: head.seq for log, head in self.heads.items()}
        self._pending: list[Batch] = []
        self._writes = 0
        self._bytes = 0

    def take(self, batch: Batch) -> None:
        """Merge the next batch of a log; its place was checked."""
        self.heads[batch.log] = Head(batch.seq, batch.hash)
        self._pending.append(batch)
        self._writes += len(batch.ops)
        self._bytes += len(batch.signed)
        if self._writes >= _MERGED_AT_ONCE or self._bytes >= _MERGED_AT_ONCE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write down what was taken."""
        if not self._pending:
            return
        sql = self._step.sql
        before = load(sql, {op.key for batch in self._pending for op in batch.ops}, self.logs)
        after = dict(before)
        for batch in self._pending:
            news = beyond(batch.seen, self._vector)
            for key, value in batch.ops:
                if key.table == DEVICE and not self._may_write(key, batch.log):
                    continue
                dot = Dot(batch.log, batch.seq, batch.stamp, packed(value))
                after[key] = write(after.get(key, EMPTY), dot, seen=batch.seen, news=news)
            self._vector[batch.log] = batch.seq
        store(sql, {key: (before.get(key, EMPTY), register) for key, register in after.items()}, self.logs)
        for log in {batch.log for batch in self._pending}:
            set_head(sql, self.logs.number(log), self.heads[log])
        newest = max(batch.stamp for batch in self._pending)
        sql.execute("UPDATE state SET newest = max(newest, ?)", (newest,))
        note_changes(self._step, after)
        self._pending, self._writes, self._bytes = [], 0, 0


def note_changes(step: Step, keys: Collection[Key]) -> None:
    """Have what these registers decide made again."""
    step.tracks.update(key.id for key in keys if key.table == TRACK)
    step.personal.update(key for key in keys if key.table in PERSONAL)
    covers = {key.id for key in keys if key.table == COVER and key.field == COVER_BLOB}
    for cover in covers:
        step.sql.execute("DELETE FROM named_blob WHERE row = ?", (cover,))
        row = step.sql.execute(
            """SELECT r.value FROM register r JOIN log l ON l.n = r.log WHERE r.tbl = ? AND r.id = ? AND r.field = ?
               ORDER BY r.stamp DESC, l.id DESC LIMIT 1""",
            (COVER, cover, COVER_BLOB),
        ).fetchone()
        found = None if row is None else read_cover(unpack(row[0], max_bytes=MAX_STORED_VALUE_BYTES))
        if found is not None:
            step.sql.execute("INSERT OR IGNORE INTO named_blob VALUES (?, ?, ?)", (found[0].root, cover, Purpose.COVER))
    step.changed = True


def set_head(sql: sqlite3.Connection, n: int, head: Head) -> None:
    """A log now stands at `head`; what registers had seen of it beforehand is no longer ahead."""
    sql.execute("UPDATE log SET seq = ?, hash = ? WHERE n = ?", (head.seq, head.hash, n))
    sql.execute("DELETE FROM ahead WHERE log = ? AND seq <= ?", (n, head.seq))


def merge_snapshot(step: Step, logs: Logs, parts: Iterable[bytes], may_write: MayWrite) -> None:
    """Join the registers with a snapshot's. Raises PeerError, ForkError.

    What is void here is left out of it; a register into which somebody wrote who may not stays as it is here.
    """
    reader = SnapshotReader(parts)
    mine = Merger(step, logs, may_write).heads
    theirs = reader.header.heads
    check_same_heads(mine, theirs)
    left_state = {log: head.seq for log, head in mine.items()}
    right_state = {log: head.seq for log, head in theirs.items()}
    limits = {
        LogId(log): seq for log, seq in step.sql.execute("SELECT id, last_valid FROM log WHERE last_valid NOT NULL")
    }
    incoming = reader.registers()
    after = _FIRST
    while True:
        chunk = {key: _valid(register, limits) for key, register in islice(incoming, _JOINED_AT_ONCE)}
        refused = {
            key
            for key, register in chunk.items()
            if key.table == DEVICE and not all(may_write(key, dot.log) for dot in register.dots)
        }
        upto = max(chunk) if len(chunk) == _JOINED_AT_ONCE else None
        keys = (keys_between(step.sql, after, upto) | chunk.keys()) - refused
        before = load(step.sql, keys, logs)
        changes = {
            key: (
                before.get(key, EMPTY),
                merge(before.get(key, EMPTY), chunk.get(key, EMPTY), left_state=left_state, right_state=right_state),
            )
            for key in keys
        }
        store(step.sql, changes, logs)
        note_changes(step, {key for key, (old, new) in changes.items() if old != new})
        if upto is None:
            break
        after = upto
    for log, head in theirs.items():
        if head.seq > left_state.get(log, 0):
            set_head(step.sql, logs.number(log), head)
    step.sql.execute("UPDATE state SET newest = max(newest, ?)", (reader.header.newest,))


def _valid(register: Register, limits: dict[LogId, int]) -> Register:
    """The register without what is void, values packed."""
    dots = tuple(
        Dot(dot.log, dot.seq, dot.stamp, packed(dot.value))
        for dot in register.dots
        if dot.log not in limits or dot.seq <= limits[dot.log]
    )
    return Register(dots, register.ahead)


def rebuild(step: Step, may_write: MayWrite) -> None:
    """Make the registers again from the base snapshot and the batches kept, without what is void or not allowed."""
    sql = step.sql
    touch_all(step)
    touch_personal(step)
    for statement in (
        "DELETE FROM register", "DELETE FROM ahead", "DELETE FROM named_blob",
        "UPDATE log SET seq = 0, hash = zeroblob(32)", "UPDATE state SET newest = 0",
    ):  # fmt: skip
        sql.execute(statement)
    logs = Logs(sql)
    parts = base_parts(sql)
    if parts:
        merge_snapshot(step, logs, parts, may_write)
    merger = Merger(step, logs, may_write)
    after = 0
    while rows := sql.execute(
        "SELECT rowid, signed FROM batch WHERE rowid > ? ORDER BY rowid LIMIT ?", (after, _REPLAYED_AT_ONCE)
    ).fetchall():
        for after, signed in rows:  # noqa: B007 - the last one is where the next page begins
            batch = decode_batch(signed)
            if batch.seq > merger.heads.get(batch.log, Head()).seq:
                merger.take(batch)
    merger.flush()
    touch_all(step)
    touch_personal(step)


def base_parts(sql: sqlite3.Connection) -> list[bytes]:
    """The snapshot that the kept batches continue, or [] if they begin at the beginning."""
    return [row[0] for row in sql.execute("SELECT document FROM base ORDER BY part")]


def keep_base(sql: sqlite3.Connection, parts: Sequence[bytes]) -> None:
    """Make a snapshot document the base."""
    sql.execute("DELETE FROM base")
    sql.executemany("INSERT INTO base (document) VALUES (?)", [(part,) for part in _evenly(parts)])


def _evenly(parts: Sequence[bytes]) -> Iterator[bytes]:
    whole = memoryview(b"".join(parts))
    for at in range(0, len(whole), _BASE_PART_BYTES):
        yield bytes(whole[at : at + _BASE_PART_BYTES])
