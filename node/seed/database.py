"""The file of a seed's ledger: opened, found sound or put back from its copy."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import sqlite3
import time
from pathlib import Path
from typing import Final

import sqlalchemy as sql
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from node.errors import StorageError, UnknownFormatError
from node.seed import schema, soundness

log = logging.getLogger(__name__)

COPY_EVERY_S: Final = 86_400.0
ERRORS: Final = (SQLAlchemyError, sqlite3.Error, UnicodeDecodeError)
"""What a database may raise; the last where even the words of an error have rotted."""
_SYMPTOMS: Final = ("malformed", "user-defined function raised", "decode")
_BROKEN: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def open_engine(path: Path) -> sql.Engine:
    """The database at `path`, made if absent; if its file is broken, its copy takes its place.

    Raises StorageError, UnknownFormatError (made by a newer program).
    """
    try:
        return _opened(path)
    except ERRORS as error:
        if not _is_broken(error):
            raise StorageError(f"the seed's database {path.name} can't be opened") from error
    return _restored(path)


def make_sound(engine: sql.Engine, path: Path) -> tuple[int, sql.Engine]:
    """Find rows that have rotted and have them as they were, then keep a copy. Returns how many, and the engine to use.

    Raises StorageError (the disk refused, or a broken file without a copy).
    """
    copy = _copy_of(path)
    try:
        with engine.begin() as db:
            _check_schema(db)
            found = list(soundness.rotten(db))
            for each in found:
                log.warning("row_damaged table=%s key=%s", each.table, each.key[-16:])
            if found:
                soundness.take_back(db, found, copy)
    except ERRORS as error:
        if not _is_broken(error):
            raise StorageError("the seed's database refused") from error
        engine.dispose()
        return 1, _restored(path)
    if found or not copy.exists() or time.time() - copy.stat().st_mtime > COPY_EVERY_S:
        with contextlib.closing(sqlite3.connect(path)) as plain:
            soundness.keep_copy(plain, copy)
    return len(found), engine


def _restored(path: Path) -> sql.Engine:
    log.error("database_broken name=%s", path.name)
    soundness.restore(path, _copy_of(path))
    try:
        return _opened(path)
    except ERRORS as error:
        raise StorageError(f"the seed's database {path.name} and its copy can't be opened") from error


def _opened(path: Path) -> sql.Engine:
    engine = sql.create_engine(f"sqlite:///{path}")
    sql.event.listen(engine, "connect", _prepare_sqlite)
    try:
        with engine.begin() as db:
            before = _objects(db)
            schema.META.create_all(db)
            version = db.scalar(sql.select(schema.VERSION.c.number))
            if version is None:
                db.execute(sql.insert(schema.VERSION).values(number=schema.SCHEMA_VERSION))
            elif version != schema.SCHEMA_VERSION:
                raise UnknownFormatError("the seed's database was written by a newer Songkeep")
            soundness.install(db)
            after = _objects(db)
            if after.keys() != before.keys():
                db.exec_driver_sql(f"PRAGMA user_version = {_sum_of(after)}")
            _check_schema(db)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _objects(db: sql.Connection) -> dict[str, str]:
    """Tables, indexes and triggers, and how they were defined."""
    rows = db.exec_driver_sql("SELECT type || ' ' || name AS name, coalesce(sql, '') AS text FROM sqlite_master")
    return {row.name: row.text for row in rows}


def _sum_of(objects: dict[str, str]) -> int:
    """31 bits that stand in the file's header: a definition that has rotted would do anything."""
    digest = hashlib.blake2b(repr(sorted(objects.items())).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


def _check_schema(db: sql.Connection) -> None:
    """Raises sqlite3.DatabaseError if a definition is not what it was."""
    if db.exec_driver_sql("PRAGMA user_version").scalar() != _sum_of(_objects(db)):
        raise sqlite3.DatabaseError("a definition in the database has rotted")


def _copy_of(path: Path) -> Path:
    return path.with_name(path.name + ".copy")


def _is_broken(error: BaseException) -> bool:
    """Whether the file itself is not what was written: no other try will do better."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, UnicodeDecodeError):
        return True
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        # A value whose type has rotted can't even be read for its sum.
        return (code & 0xFF) in _BROKEN or any(word in str(cause) for word in _SYMPTOMS)
    return isinstance(cause, sqlite3.DatabaseError) and (
        not isinstance(cause, sqlite3.OperationalError | sqlite3.IntegrityError)
        or any(word in str(cause) for word in _SYMPTOMS)
    )


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.create_function("row_sum", -1, soundness.row_sum, deterministic=True)
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
