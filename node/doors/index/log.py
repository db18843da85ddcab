"""The logs of all devices and the registers they add up to."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from node.catalog.batch import Batch, ForkError, Head, check_follows, check_same
from node.catalog.register import Dot, Key, Register, is_gone, settled
from node.catalog.rights import MayWrite, everything_counts
from node.catalog.snapshot import SnapshotHeader, SnapshotReader, write_snapshot
from node.catalog.vector import LogId, log_device
from node.catalog.vocabulary import LOG, LOG_BRANCH, read_branch
from node.doors.index.database import Database
from node.doors.index.merging import Merger, base_parts, keep_base, merge_snapshot, rebuild
from node.doors.index.registers import MAX_STORED_VALUE_BYTES, Logs, everything
from node.wire.codec import pack, unpack


@dataclass(slots=True)
class Applied:
    """What became of batches that were given to `apply`."""

    new: int = 0
    known: int = 0
    void: int = 0
    """From beyond the last valid one of their log."""
    gaps: dict[LogId, int] = field(default_factory=dict)
    """Logs with a batch missing, and the last one known."""
    forks: list[ForkError] = field(default_factory=list)
    """Logs found to have two histories; nothing more is taken from them until one of these is chosen."""
    set_back: bool = False
    """Whether they tell that this device was set back to an older state."""


class Log:
    """Part of the index: batches in, registers out."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.may_write: MayWrite = everything_counts
        """What doesn't count by it is passed over wherever logs and snapshots are merged."""

    def heads(self) -> dict[LogId, Head]:
        """Where every log stands."""
        return {
            LogId(log): Head(seq, digest)
            for log, seq, digest in self._database.all("SELECT id, seq, hash FROM log WHERE seq > 0")
        }

    def newest(self) -> int:
        """The newest believed stamp in the catalog, 0 for none."""
        row = self._database.one("SELECT newest FROM state")
        return 0 if row is None else int(row[0])

    def batches(self, log: LogId, after: int, limit: int) -> list[bytes]:
        """Signed batches of one log after number `after`, in order: what another device asks for."""
        rows = self._database.all(
            """SELECT b.signed FROM batch b JOIN log l ON l.n = b.log WHERE l.id = ? AND b.seq > ?
               ORDER BY b.seq LIMIT ?""",
            log, after, limit,
        )  # fmt: skip
        return [row[0] for row in rows]

    def first_kept(self, log: LogId) -> int | None:
        """The number of the oldest batch still kept of a log: what is older has to come by snapshot."""
        row = self._database.one("SELECT min(b.seq) FROM batch b JOIN log l ON l.n = b.log WHERE l.id = ?", log)
        return None if row is None else row[0]

    def forks(self) -> dict[LogId, tuple[bytes, bytes]]:
        """Logs with two histories, and the two things signed that prove it."""
        rows = self._database.all("SELECT id, fork FROM log WHERE fork NOT NULL")
        return {LogId(log): tuple(unpack(raw, max_bytes=MAX_STORED_VALUE_BYTES * 2)) for log, raw in rows}

    def batch_hash(self, log: LogId, seq: int) -> bytes | None:
        """Of one batch, if it is still kept."""
        row = self._database.one(
            "SELECT b.hash FROM batch b JOIN log l ON l.n = b.log WHERE l.id = ? AND b.seq = ?", log, seq
        )
        return None if row is None else row[0]

    def digest(self) -> bytes:
        """8 bytes: the same on devices whose logs end with the same batches."""
        heads = sorted((log, head.seq, head.hash) for log, head in self.heads().items())
        return hashlib.sha256(b"".join(log + seq.to_bytes(8, "big") + name for log, seq, name in heads)).digest()[:8]

    def branches(self) -> dict[LogId, tuple[int, bytes]]:
        """Of logs with two histories the batch that counts, (number, hash), by the word of the log's own device."""
        rows = self._database.all(
            """SELECT r.id, r.value, l.id FROM register r JOIN log l ON l.n = r.log WHERE r.tbl = ? AND r.field = ?
               ORDER BY r.stamp, l.id""",
            LOG, LOG_BRANCH,
        )  # fmt: skip
        said = ((read_branch(row, unpack(value, max_bytes=MAX_STORED_VALUE_BYTES)), log) for row, value, log in rows)
        return {found[0]: found[1:] for found, by in said if found and log_device(found[0]) == log_device(LogId(by))}

    def cut(self, log: LogId, seq: int) -> bool:
        """Forget what a log has beyond `seq`, and that it has two histories; False if it is too old to be undone."""
        with self._database.write() as step:
            parts = base_parts(step.sql)
            if parts and SnapshotReader(parts).header.heads.get(log, Head()).seq > seq:
                return False
            n = Logs(step.sql).number(log)
            step.sql.execute("UPDATE log SET fork = NULL WHERE n = ?", (n,))
            step.sql.execute("DELETE FROM batch WHERE log = ? AND seq > ?", (n, seq))
            rebuild(step, self.may_write)
        return True

    def settle_fork(self, log: LogId) -> None:
        """Take more of a log again: what is known of it is the history that counts."""
        with self._database.write() as step:
            step.sql.execute("UPDATE log SET fork = NULL WHERE id = ?", (log,))

    def value(self, key: Key) -> Any:
        """The shown value of one register, or None."""
        row = self._database.one(
            """SELECT r.value FROM register r JOIN log l ON l.n = r.log WHERE r.tbl = ? AND r.id = ? AND r.field = ?
               ORDER BY r.stamp DESC, l.id DESC LIMIT 1""",
            *key,
        )
        return None if row is None else unpack(row[0], max_bytes=MAX_STORED_VALUE_BYTES)

    def values(self, key: Key) -> list[Any]:
        """All values of one register, the shown one first: the others were written without having seen it."""
        rows = self._database.all(
            """SELECT r.value FROM register r JOIN log l ON l.n = r.log WHERE r.tbl = ? AND r.id = ? AND r.field = ?
               ORDER BY r.stamp DESC, l.id DESC""",
            *key,
        )
        return [unpack(row[0], max_bytes=MAX_STORED_VALUE_BYTES) for row in rows]

    def fields(self, table: str, row_id: str) -> dict[str, Any]:
        """The shown values of one row of the catalog, by field."""
        rows = self._database.all(
            """SELECT r.field, r.value FROM register r JOIN log l ON l.n = r.log WHERE r.tbl = ? AND r.id = ?
               ORDER BY r.stamp, l.id""",
            table, row_id,
        )  # fmt: skip
        return {name: unpack(value, max_bytes=MAX_STORED_VALUE_BYTES) for name, value in rows}

    def rows(self, table: str, after: str, limit: int) -> list[str]:
        """Row identifiers of one table of the catalog, in order, those above `after`."""
        found = self._database.all(
            "SELECT DISTINCT id FROM register WHERE tbl = ? AND id > ? ORDER BY id LIMIT ?", table, after, limit
        )
        return [row[0] for row in found]

    def apply(self, batches: Iterable[Batch]) -> Applied:
        """Take in batches from `decode_batch`, in any order, as far as their logs go on; all in one transaction."""
        applied = Applied()
        with self._database.write() as step:
            logs = Logs(step.sql)
            merger = Merger(step, logs, self.may_write)
            for batch in sorted(batches, key=lambda batch: (batch.seq, batch.log)):
                self._apply_one(step.sql, merger, batch, applied)
            merger.flush()
        return applied

    def _apply_one(self, sql: sqlite3.Connection, merger: Merger, batch: Batch, applied: Applied) -> None:
        n = merger.logs.number(batch.log)
        head = merger.heads.get(batch.log, Head())
        last_valid, fork = sql.execute("SELECT last_valid, fork FROM log WHERE n = ?", (n,)).fetchone()
        if fork is not None or (last_valid is not None and batch.seq > last_valid):
            applied.void += 1
            return
        if batch.seq > head.seq + 1:
            applied.gaps[batch.log] = head.seq
            return
        at = min(batch.seq, head.seq)
        known = sql.execute("SELECT hash, signed FROM batch WHERE log = ? AND seq = ?", (n, at)).fetchone()
        try:
            if batch.seq > head.seq:
                check_follows(batch, head, known=known[1] if known else b"")
            elif known is not None:
                check_same(batch, known_hash=known[0], known=known[1])
        except ForkError as error:
            sql.execute("UPDATE log SET fork = ? WHERE n = ?", (pack([error.known, error.other]), n))
            applied.forks.append(error)
            return
        if batch.seq <= head.seq:
            applied.known += 1
            return
        merger.take(batch)
        sql.execute("INSERT INTO batch VALUES (?, ?, ?, ?)", (n, batch.seq, batch.hash, batch.signed))
        applied.new += 1

    def snapshot(self) -> Iterator[bytes]:
        """The whole catalog as a snapshot document, in parts, as it is at one moment."""
        with self._database.read() as sql:
            yield from _document(sql)

    def load_snapshot(self, document: Iterable[bytes]) -> None:
        """Take in all that a snapshot has seen, deletions included. Raises PeerError, UnknownFormatError, ForkError.

        Batches that others may not have seen yet stay in their logs.
        """
        parts = list(document)
        with self._database.write() as step:
            before = base_parts(step.sql)
            continued = not before or _covers_base(parts, before)
            merge_snapshot(step, Logs(step.sql), parts, self.may_write)
            keep_base(step.sql, parts if continued else list(_document(step.sql)))

    def limits(self) -> dict[LogId, int]:
        """Logs of which only the batches up to a number count."""
        return {
            LogId(log): seq for log, seq in self._database.all("SELECT id, last_valid FROM log WHERE last_valid >= 0")
        }

    def void_after(self, log: LogId, last_valid: int) -> None:
        """Make everything of `log` beyond `last_valid` count for nothing, as if it had never been written."""
        with self._database.write() as step:
            n = Logs(step.sql).number(log)
            (seq,) = step.sql.execute("SELECT seq FROM log WHERE n = ?", (n,)).fetchone()
            step.sql.execute("UPDATE log SET last_valid = ? WHERE n = ?", (last_valid, n))
            if seq > last_valid:
                step.sql.execute("DELETE FROM batch WHERE log = ? AND seq > ?", (n, last_valid))
                rebuild(step, self.may_write)


def _document(sql: sqlite3.Connection) -> Iterator[bytes]:
    logs = Logs(sql)
    heads = {
        LogId(log): Head(seq, digest) for log, seq, digest in sql.execute("SELECT id, seq, hash FROM log WHERE seq > 0")
    }
    newest = sql.execute("SELECT newest FROM state").fetchone()[0]
    vector = {log: head.seq for log, head in heads.items()}
    registers = (
        (key, _unpacked(register))
        for key, held in everything(sql, logs)
        if not is_gone(register := settled(held, vector))
    )
    yield from write_snapshot(SnapshotHeader(heads, newest), registers)


def _unpacked(register: Register) -> Register:
    dots = tuple(
        Dot(dot.log, dot.seq, dot.stamp, unpack(dot.value, max_bytes=MAX_STORED_VALUE_BYTES)) for dot in register.dots
    )
    return Register(dots, register.ahead)


def _covers_base(parts: Sequence[bytes], base: Sequence[bytes]) -> bool:
    newer = SnapshotReader(parts).header.heads
    return all(newer.get(log, Head()).seq >= head.seq for log, head in SnapshotReader(base).header.heads.items())
