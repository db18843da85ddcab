"""Connections, transactions and errors of the index's one SQLite file."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any, Final

from node.catalog.register import Key
from node.doors.index.schema import MIGRATIONS
from node.errors import DamagedError, SongkeepError, StorageError, UnknownFormatError

_BUSY_TIMEOUT_S: Final = 30.0
_READERS: Final = 4
_READER_WAIT_S: Final = 60.0
_WRITER_CACHE_KIB: Final = 32_768
_READER_CACHE_KIB: Final = 2_048
_CHECKPOINT_PAGES: Final = 4_000
"""16 MB of write-ahead log: pages that many small transactions touch are copied into the file once."""
_LOG_LEFT_BYTES: Final = 64 << 20
_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Step:
    """One transaction under way: its connection and what it has touched."""

    def __init__(self, sql: sqlite3.Connection) -> None:
        self.sql = sql
        self.tracks: set[str] = set()
        """Identifiers of tracks whose rows are made again before the commit."""
        self.personal: set[Key] = set()
        """Registers of stars, plays, playlists and their like, whose rows are made again before the commit."""
        self.changed = False
        """Whether a person could see a difference."""


class Database:
    """One writing connection behind a lock, a few reading ones beside it (WAL: readers never wait for the writer).

    Any thread may call; a transaction belongs to the thread that began it, which also reads through it.
    """

    def __init__(self, path: Path) -> None:
        """Opens or makes the file and brings it to the newest schema.

        Raises StorageError, DamagedError, or UnknownFormatError if a newer version of Songkeep made it.
        """
        self._path = path
        self._lock = threading.RLock()
        self._step: Step | None = None
        self._owner = 0
        self._closed = False
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue()
        self._readers = 0
        self._readers_lock = threading.Lock()
        self.found_version = 0
        """The schema that the file had before it was opened; 0 for a new one."""
        self.before_commit: Callable[[Step], None] = lambda step: None
        self.after_commit: Callable[[Step], None] = lambda step: None
        with translated():
            self._writer = self._connect(_WRITER_CACHE_KIB)
            try:
                self._writer.execute("PRAGMA journal_mode = WAL")
                self._migrate()
            except BaseException:
                self._writer.close()
                raise

    def close(self) -> None:
        """Close every connection; the write-ahead log is folded into the file."""
        with self._lock, translated():
            self._closed = True
            while True:
                try:
                    self._idle.get_nowait().close()
                except Empty:
                    break
            self._writer.execute("PRAGMA optimize")
            self._writer.close()

    def _connect(self, cache_kib: int) -> sqlite3.Connection:
        sql = sqlite3.connect(
            self._path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        sql.execute("PRAGMA synchronous = FULL")
        sql.execute("PRAGMA foreign_keys = ON")
        sql.execute("PRAGMA temp_store = MEMORY")
        sql.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        sql.execute(f"PRAGMA journal_size_limit = {_LOG_LEFT_BYTES}")
        sql.execute(f"PRAGMA cache_size = -{cache_kib}")
        return sql

    def _migrate(self) -> None:
        version = self.found_version = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise UnknownFormatError("this library's index was written by a newer Songkeep; update the program")
        for number in range(version, len(MIGRATIONS)):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                for statement in MIGRATIONS[number]:
                    self._writer.execute(statement)
                self._writer.execute(f"PRAGMA user_version = {number + 1}")
                self._writer.execute("COMMIT")
            except BaseException:
                _roll_back(self._writer)
                raise

    @contextlib.contextmanager
    def write(self) -> Iterator[Step]:
        """A transaction, or a part of the one that this thread is in. Durable when the outermost block ends.

        A part that raises is undone alone, so that whoever catches its error can go on.
        """
        with self._lock:
            if self._step is not None:
                with _part(self._step.sql):
                    yield self._step
                return
            if self._closed:
                raise StorageError("the library is closed")
            step = Step(self._writer)
            with translated():
                self._writer.execute("BEGIN IMMEDIATE")
                self._step, self._owner = step, threading.get_ident()
                try:
                    yield step
                    self.before_commit(step)
                    self._writer.execute("COMMIT")
                except BaseException:
                    _roll_back(self._writer)
                    raise
                finally:
                    self._step, self._owner = None, 0
        self.after_commit(step)

    def give_back(self) -> None:
        """Forget the pages that large transactions left in memory: up to 32 MB that are seldom needed again."""
        with self._lock:
            if self._step is None and not self._closed:
                with translated():
                    self._writer.execute("PRAGMA shrink_memory")

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection to read from, at one moment of the data: this thread's transaction, or a reader's own."""
        if self._owner == threading.get_ident() and self._step is not None:
            yield self._step.sql
            return
        with translated():
            sql = self._reader()
            try:
                sql.execute("BEGIN")
                yield sql
            finally:
                _roll_back(sql)
                self._idle.put(sql)

    def _reader(self) -> sqlite3.Connection:
        with contextlib.suppress(Empty):
            return self._idle.get_nowait()
        with self._readers_lock:
            if self._readers < _READERS:
                if self._closed:
                    raise StorageError("the library is closed")
                sql = self._connect(_READER_CACHE_KIB)
                sql.execute("PRAGMA query_only = ON")
                self._readers += 1
                return sql
        try:
            return self._idle.get(timeout=_READER_WAIT_S)
        except Empty:
            raise StorageError("the library is too busy to answer") from None

    def all(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Every row of one query."""
        with self.read() as sql:
            return sql.execute(query, values).fetchall()

    def each(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Every row of one query, one at a time: for passes over the whole library. Go through to the end, or close."""
        with self.read() as sql:
            yield from sql.execute(query, values)

    def one(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row of one query, or None."""
        with self.read() as sql:
            row: tuple[Any, ...] | None = sql.execute(query, values).fetchone()
            return row


@contextlib.contextmanager
def _part(sql: sqlite3.Connection) -> Iterator[None]:
    sql.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        if sql.in_transaction:  # some errors have ended all of it
            sql.execute("ROLLBACK TO part")
            sql.execute("RELEASE part")
        raise
    sql.execute("RELEASE part")


def _roll_back(sql: sqlite3.Connection) -> None:
    if sql.in_transaction:
        with contextlib.suppress(sqlite3.Error):
            sql.execute("ROLLBACK")


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """SQLite's errors as ours: StorageError when the disk refuses, DamagedError when the file is not what it was."""
    try:
        yield
    except sqlite3.Error as error:
        raise _ours(error) from error


def _ours(error: sqlite3.Error) -> SongkeepError:
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary in _DAMAGED:
        return DamagedError("the library's index is damaged; `songkeep verify --repair` says what can be done")
    if primary == sqlite3.SQLITE_FULL:
        return StorageError("the disk is full: the library's index could not be written")
    if primary == sqlite3.SQLITE_READONLY:
        return StorageError("the library's index can't be written: the disk or the file is read-only")
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StorageError("the library's index is in use by another program")
    if primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return StorageError(f"the library's index could not be read or written ({error})")
    return DamagedError(f"the library's index gave an answer that it can't give ({error})")
