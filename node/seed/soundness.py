"""Whether the ledger is what was written into it: a sum beside every row, kept by the database itself, and a copy from
which what has rotted is taken back. What even the copy lacks the library's devices give again.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sql

from node.errors import StorageError
from node.ids import LibraryId
from node.seed import steps
from node.seed.schema import BLOBS, LIBRARIES, META, VERSION, VOLUMES, State
from node.wire.volume import read_volume

SUM_BYTES: Final = 8
_SUMS: Final = "row_sums"


@dataclass(frozen=True, slots=True)
class Rotten:
    """A row that is not what was written; its key is the row's own, in hex."""

    table: str
    key: str


def row_sum(*values: object) -> bytes:
    """What stands beside a row of these values."""
    return hashlib.blake2b(repr(values).encode(), digest_size=SUM_BYTES).digest()


def _summed() -> list[sql.Table]:
    return [table for table in META.sorted_tables if table is not VERSION]


def _key(table: sql.Table, row: str = "") -> str:
    """An SQL expression for a row's key."""
    return " || '.' || ".join(f"hex({row}{column.name})" for column in table.primary_key.columns)


def _sum(table: sql.Table, row: str = "") -> str:
    return f"row_sum('{table.name}', {', '.join(row + column.name for column in table.columns)})"


def install(db: sql.Connection) -> None:
    """Have the database keep the sums from now on; rows of an older program are taken as they are."""
    made = f"CREATE TABLE IF NOT EXISTS {_SUMS} (tbl TEXT, key TEXT, sum BLOB, PRIMARY KEY (tbl, key)) WITHOUT ROWID"
    fresh = db.scalar(sql.text("SELECT count(*) FROM sqlite_master WHERE name = :name"), {"name": _SUMS}) == 0
    db.execute(sql.text(made))
    for table in _summed():
        name = table.name
        drop_old = f"DELETE FROM {_SUMS} WHERE tbl = '{name}' AND key = {_key(table, 'OLD.')};"
        add_new = f"INSERT INTO {_SUMS} VALUES ('{name}', {_key(table, 'NEW.')}, {_sum(table, 'NEW.')});"
        # A row that has rotted must not be given a good sum by the next change of another of its columns.
        known = f"SELECT sum FROM {_SUMS} WHERE tbl = '{name}' AND key = {_key(table, 'OLD.')}"
        look = f"SELECT RAISE(ABORT, 'a row has rotted') WHERE ({known}) IS NOT {_sum(table, 'OLD.')};"
        for event, body in (
            ("AFTER INSERT", add_new),
            ("BEFORE UPDATE", look),
            ("AFTER UPDATE", drop_old + add_new),
            ("AFTER DELETE", drop_old),
        ):
            trigger = f"{name}_sum_{event.replace(' ', '_').lower()}"
            db.exec_driver_sql(f"CREATE TRIGGER IF NOT EXISTS {trigger} {event} ON {name} BEGIN {body} END")
        if fresh:
            db.exec_driver_sql(f"INSERT INTO {_SUMS} SELECT '{name}', {_key(table)}, {_sum(table)} FROM {name}")


def rotten(db: sql.Connection) -> Iterator[Rotten]:
    """Every row that is not what was written, or is gone. Raises sqlite3.DatabaseError if the file itself is broken."""
    told = db.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
    if told != "ok":
        raise sqlite3.DatabaseError("the database's file is broken")
    for table in _summed():
        wrong = f"""
            SELECT {_key(table)} AS row_key FROM {table.name} t
                LEFT JOIN {_SUMS} s ON s.tbl = '{table.name}' AND s.key = {_key(table, "t.")}
                WHERE s.sum IS NOT {_sum(table, "t.")}
            UNION SELECT key FROM {_SUMS} WHERE tbl = '{table.name}'
                AND key NOT IN (SELECT {_key(table)} FROM {table.name})"""
        for row in list(db.exec_driver_sql(wrong)):
            yield Rotten(table.name, row.row_key)


def take_back(db: sql.Connection, found: Sequence[Rotten], copy: Path) -> None:
    """Put rows as the copy has them in the place of rotten ones; without a sound one there, out with them."""
    tables = {table.name: table for table in _summed()}
    db.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    for each in found:
        table = tables[each.table]
        good = _row_in(copy, table, each.key)
        db.exec_driver_sql(f"DELETE FROM {table.name} WHERE {_key(table)} = ?", (each.key,))
        db.exec_driver_sql(f"DELETE FROM {_SUMS} WHERE tbl = ? AND key = ?", (table.name, each.key))
        if good is not None:
            marks = ", ".join("?" * len(good))
            db.exec_driver_sql(f"INSERT INTO {table.name} VALUES ({marks})", tuple(good))
    _complete(db)


def _row_in(copy: Path, table: sql.Table, key: str) -> list[Any] | None:
    if not copy.exists():
        return None
    names = ", ".join(column.name for column in table.columns)
    try:
        kept = sqlite3.connect(f"file:{copy}?mode=ro", uri=True)
        try:
            row = kept.execute(f"SELECT {names} FROM {table.name} WHERE {_key(table)} = ?", (key,)).fetchone()
            known = kept.execute(f"SELECT sum FROM {_SUMS} WHERE tbl = ? AND key = ?", (table.name, key)).fetchone()
        finally:
            kept.close()
    except sqlite3.Error:
        return None
    return None if row is None or known is None or known[0] != row_sum(table.name, *row) else list(row)


def _complete(db: sql.Connection) -> None:
    """Make the rows agree again: children of a lost library go, a list that lost a volume is to be given again, and a
    listed blob without a row is wanted.
    """
    for table in _summed():
        if table is not LIBRARIES and "library" in table.columns:
            orphans = sql.delete(table).where(table.c.library.not_in(sql.select(LIBRARIES.c.library)))
            db.execute(orphans)
    for row in list(db.execute(sql.select(LIBRARIES.c.library, LIBRARIES.c.list_record))):
        library = LibraryId(row.library)
        known = {row.root for row in db.execute(sql.select(BLOBS.c.root).where(BLOBS.c.library == library))}
        packed = list(db.scalars(sql.select(VOLUMES.c.packed).where(VOLUMES.c.library == library)))
        if len(packed) != steps.listed_volumes(row.list_record):
            changed = sql.update(LIBRARIES).where(LIBRARIES.c.library == library)
            db.execute(changed.values(list_serial=0, list_record=b""))
        missing = {blob.root: blob for each in packed for blob in read_volume(each).blobs if blob.root not in known}
        for blob in missing.values():
            db.execute(
                sql.insert(BLOBS).values(
                    library=library,
                    root=blob.root,
                    sealed_bytes=blob.sealed_bytes,
                    state=int(State.WANTED),
                    since_ms=0,
                    checked_ms=0,
                    layer=b"",
                )
            )


def keep_copy(db: sqlite3.Connection, copy: Path) -> None:
    """Write the database as it stands, found sound just now, into its copy. Raises StorageError."""
    fresh = copy.with_name(copy.name + ".new")
    try:
        fresh.unlink(missing_ok=True)
        db.execute("VACUUM INTO ?", (str(fresh),))
        os.chmod(fresh, 0o600)
        os.replace(fresh, copy)
    except (OSError, sqlite3.Error) as error:
        raise StorageError("the seed's database can't be copied") from error


def restore(path: Path, copy: Path) -> None:
    """Put the copy in the place of a broken file, which is kept beside it. Raises StorageError."""
    if not copy.exists():
        raise StorageError(f"the seed's database {path.name} is broken, and there is no copy of it yet")
    try:
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        os.replace(path, path.with_name(path.name + ".broken"))
        data = copy.read_bytes()
        fresh = path.with_name(path.name + ".new")
        fresh.write_bytes(data)
        os.chmod(fresh, 0o600)
        os.replace(fresh, path)
    except OSError as error:
        raise StorageError(f"the seed's database can't be put back: {error.strerror}") from error
