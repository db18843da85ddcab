"""The tracker's one database, behind SQLAlchemy Core: SQLite today, PostgreSQL by the same statements."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from node.errors import StorageError, UnknownFormatError

T = TypeVar("T")

SCHEMA_VERSION: Final = 1
BUSY_TIMEOUT_MS: Final = 10_000

META: Final = sql.MetaData()
_SETTINGS: Final = sql.Table(
    "settings",
    META,
    sql.Column("name", sql.String(40), primary_key=True),
    sql.Column("value", sql.LargeBinary, nullable=False),
)
ACCOUNTS: Final = sql.Table(
    "accounts",
    META,
    sql.Column("library", sql.LargeBinary(32), primary_key=True),
    sql.Column("plan", sql.String(32), nullable=False),
    sql.Column("suspended", sql.Boolean, nullable=False, default=False),
    sql.Column("created_ms", sql.BigInteger, nullable=False),
    sql.Column("clock_ms", sql.BigInteger, nullable=False, default=0),
    comment="clock_ms: the latest time of a grant; the ledger's clock never goes back behind it",
)
ENTRIES: Final = sql.Table(
    "roster_entries",
    META,
    sql.Column("library", sql.LargeBinary(32), sql.ForeignKey("accounts.library"), primary_key=True),
    sql.Column("seq", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("entry", sql.LargeBinary, nullable=False),
)
MEMBERS: Final = sql.Table(
    "members",
    META,
    sql.Column("member", sql.LargeBinary(32), primary_key=True),
    sql.Column("library", sql.LargeBinary(32), primary_key=True),
    sql.Column("active", sql.Boolean, nullable=False),
)
GRANTS: Final = sql.Table(
    "grants",
    META,
    sql.Column("library", sql.LargeBinary(32), sql.ForeignKey("accounts.library"), primary_key=True),
    sql.Column("serial", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("seed", sql.LargeBinary(32), nullable=False),
    sql.Column("granted_bytes", sql.BigInteger, nullable=False),
    sql.Column("issued_ms", sql.BigInteger, nullable=False),
    sql.Column("expires_ms", sql.BigInteger, nullable=False),
)
USAGES: Final = sql.Table(
    "usages",
    META,
    sql.Column("library", sql.LargeBinary(32), sql.ForeignKey("accounts.library"), primary_key=True),
    sql.Column("seed", sql.LargeBinary(32), primary_key=True),
    sql.Column("serial", sql.BigInteger, nullable=False),
    sql.Column("kept_bytes", sql.BigInteger, nullable=False),
    sql.Column("used_bytes", sql.BigInteger, nullable=False),
    sql.Column("time_ms", sql.BigInteger, nullable=False),
    comment="the newest word of each seed, signed by it, of what it keeps by this tracker's grants",
)
OFFERS: Final = sql.Table(
    "offers",
    META,
    sql.Column("seed", sql.LargeBinary(32), primary_key=True),
    sql.Column("url", sql.String(250), nullable=False),
    sql.Column("capacity_bytes", sql.BigInteger, nullable=False),
    sql.Column("free_bytes", sql.BigInteger, nullable=False),
    sql.Column("time_ms", sql.BigInteger, nullable=False),
    sql.Column("expires_ms", sql.BigInteger, nullable=False),
    sql.Column("shut_out", sql.Boolean, nullable=False, default=False),
    comment="the pool: each seed's newest signed word of the room that it has for this tracker's libraries",
)
INVITATIONS: Final = sql.Table(
    "invitations",
    META,
    sql.Column("digest", sql.LargeBinary(32), primary_key=True),
    sql.Column("plan", sql.String(32), nullable=False),
    sql.Column("uses_left", sql.Integer, nullable=False),
    sql.Column("expires_ms", sql.BigInteger, nullable=False),
)


class Database:
    """The open database. One thread does all the work of this process; other processes may work beside it."""

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tracker-db")

    @classmethod
    def open(cls, path: Path) -> Self:
        """The database at `path`, made if absent. Raises StorageError, UnknownFormatError (a newer program's)."""
        engine = sql.create_engine(f"sqlite:///{path}")
        sql.event.listen(engine, "connect", _prepare_sqlite)
        sql.event.listen(engine, "begin", _begin_at_once)
        database = cls(engine)
        try:
            META.create_all(engine)
            version = database.run(lambda step: _setting(step, "version", str(SCHEMA_VERSION).encode()))
        except SQLAlchemyError as error:
            raise StorageError(f"the tracker's database {path.name} can't be opened") from error
        if version != str(SCHEMA_VERSION).encode():
            raise UnknownFormatError("the tracker's database was written by a newer Songkeep")
        return database

    def setting(self, name: str, first: bytes) -> bytes:
        """The kept value of `name`, which is `first` if there was none."""
        return self.run(lambda step: _setting(step, name, first))

    def run(self, step: Callable[[sql.Connection], T]) -> T:
        """One transaction, begun as a writer: what it reads nobody else changes. Blocks. Raises StorageError."""
        try:
            with self._engine.begin() as connection:
                return step(connection)
        except SQLAlchemyError as error:
            raise StorageError("the tracker's database refused") from error

    async def work(self, step: Callable[[sql.Connection], T]) -> T:
        """As `run`, in the database's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.run, step)

    def close(self) -> None:
        """Blocks until what was begun is done."""
        self._thread.shutdown()
        self._engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await asyncio.to_thread(self.close)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # or the driver begins by itself, and too late
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_at_once(connection: sql.Connection) -> None:
    """Take the write lock before the first read: two processes must not both find the same room left."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _setting(step: sql.Connection, name: str, first: bytes) -> bytes:
    kept = step.scalar(sql.select(_SETTINGS.c.value).where(_SETTINGS.c.name == name))
    if kept is None:
        step.execute(sql.insert(_SETTINGS).values(name=name, value=first))
        return first
    return bytes(kept)
