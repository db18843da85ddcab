"""Registers in the index: loaded, merged by the catalog's rules, and written back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from node.catalog.register import Dot, Key, Register
from node.catalog.vector import LogId
from node.wire.codec import pack

MAX_STORED_VALUE_BYTES: Final = 1 << 21


class Logs:
    """Row numbers of logs, both ways, for one transaction."""

    def __init__(self, sql: sqlite3.Connection) -> None:
        self._sql = sql
        self.numbers: dict[LogId, int] = {}
        self.names: dict[int, LogId] = {}
        for n, raw in sql.execute("SELECT n, id FROM log"):
            self._know(n, LogId(raw))

    def number(self, log: LogId) -> int:
        """The row of a log, made if it was not heard of before."""
        if log not in self.numbers:
            cursor = self._sql.execute("INSERT INTO log (id, seq, hash) VALUES (?, 0, zeroblob(32))", (log,))
            self._know(int(cursor.lastrowid or 0), log)
        return self.numbers[log]

    def _know(self, n: int, log: LogId) -> None:
        self.numbers[log] = n
        self.names[n] = log


def load(sql: sqlite3.Connection, keys: Iterable[Key], logs: Logs) -> dict[Key, Register]:
    """The registers of `keys` that are not empty. Values stay packed."""
    wanted = (json.dumps(sorted(keys)),)
    found: dict[Key, list[Dot]] = {}
    for table, row, name, log, seq, stamp, value in sql.execute(
        """SELECT r.* FROM json_each(?) j CROSS JOIN register r
           ON r.tbl = j.value ->> 0 AND r.id = j.value ->> 1 AND r.field = j.value ->> 2""",
        wanted,
    ):
        found.setdefault(Key(table, row, name), []).append(Dot(logs.names[log], seq, stamp, value))
    ahead: dict[Key, dict[LogId, int]] = {}
    if sql.execute("SELECT 1 FROM ahead LIMIT 1").fetchone():
        for table, row, name, log, seq in sql.execute(
            """SELECT a.tbl, a.id, a.field, a.log, a.seq FROM json_each(?) j CROSS JOIN ahead a
               ON a.tbl = j.value ->> 0 AND a.id = j.value ->> 1 AND a.field = j.value ->> 2""",
            wanted,
        ):
            ahead.setdefault(Key(table, row, name), {})[logs.names[log]] = seq
    return {key: Register(tuple(found.get(key, ())), ahead.get(key, {})) for key in found.keys() | ahead.keys()}


def keys_between(sql: sqlite3.Connection, after: Key, upto: Key | None) -> set[Key]:
    """Keys of registers above `after`, up to and with `upto` (None: to the end)."""
    end = "AND (tbl, id, field) <= (?, ?, ?)" if upto else ""
    values = (*after, *(upto or ()))
    return {
        Key(*row)
        for table in ("register", "ahead")
        for row in sql.execute(f"SELECT tbl, id, field FROM {table} WHERE (tbl, id, field) > (?, ?, ?) {end}", values)
    }


def store(sql: sqlite3.Connection, changes: Mapping[Key, tuple[Register, Register]], logs: Logs) -> None:
    """Write registers that were `before` and are `after`; only what differs."""
    gone: list[tuple[Any, ...]] = []
    put: list[tuple[Any, ...]] = []
    ahead: list[tuple[Any, ...]] = []
    numbers = logs.numbers
    for key, (before, after) in changes.items():
        if not before.dots and len(after.dots) == 1 and after.ahead == before.ahead:  # nearly all of them
            [dot] = after.dots
            put.append((*key, numbers.get(dot.log) or logs.number(dot.log), dot.seq, dot.stamp, dot.value))
            continue
        old = {dot.log: dot for dot in before.dots}
        new = {dot.log: dot for dot in after.dots}
        gone += [(*key, logs.number(log)) for log in old.keys() - new.keys()]
        put += [
            (*key, logs.number(log), dot.seq, dot.stamp, dot.value) for log, dot in new.items() if old.get(log) != dot
        ]
        if after.ahead != before.ahead:
            ahead += [(*key, logs.number(log), seq) for log, seq in after.ahead.items()]
    sql.executemany("DELETE FROM register WHERE tbl = ? AND id = ? AND field = ? AND log = ?", gone)
    put.sort()  # in the order of the table: neighbours are on one page
    sql.executemany("INSERT OR REPLACE INTO register VALUES (?, ?, ?, ?, ?, ?, ?)", put)
    sql.executemany("INSERT OR REPLACE INTO ahead VALUES (?, ?, ?, ?, ?)", ahead)


def everything(sql: sqlite3.Connection, logs: Logs) -> Iterator[tuple[Key, Register]]:
    """Every register in the order of the keys, values unpacked by the caller; read while nothing is written."""
    ahead: dict[Key, dict[LogId, int]] = {}
    for table, row, name, log, seq in sql.execute("SELECT tbl, id, field, log, seq FROM ahead"):
        ahead.setdefault(Key(table, row, name), {})[logs.names[log]] = seq
    bare = sorted(ahead, reverse=True)
    key: Key | None = None
    dots: list[Dot] = []
    for table, row, name, log, seq, stamp, value in sql.execute("SELECT * FROM register ORDER BY tbl, id, field"):
        following = Key(table, row, name)
        if key is not None and following != key:
            yield key, Register(tuple(dots), ahead.pop(key, {}))
            dots = []
        while bare and bare[-1] < following:
            alone = bare.pop()
            if alone in ahead and alone != key:
                yield alone, Register((), ahead.pop(alone))
        key = following
        dots.append(Dot(logs.names[log], seq, stamp, value))
    if key is not None:
        yield key, Register(tuple(dots), ahead.pop(key, {}))
    for alone in sorted(ahead):
        yield alone, Register((), ahead[alone])


def packed(value: Any) -> bytes | None:
    """A value as the registers keep it; None stays None: it removes."""
    return None if value is None else pack(value)
