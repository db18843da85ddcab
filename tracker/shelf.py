"""What the tracker keeps: each library's roster, in a database behind SQLAlchemy Core."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self, TypeVar

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from node.errors import StorageError, UnknownFormatError
from node.ids import DeviceId, LibraryId
from node.wire.roster import Roster

T = TypeVar("T")

SCHEMA_VERSION: Final = 1

_META: Final = sql.MetaData()
_VERSION: Final = sql.Table("version", _META, sql.Column("number", sql.Integer, primary_key=True))
_ACCOUNTS: Final = sql.Table(
    "accounts",
    _META,
    sql.Column("library", sql.LargeBinary(32), primary_key=True),
    sql.Column("created_ms", sql.BigInteger, nullable=False),
)
_ENTRIES: Final = sql.Table(
    "roster_entries",
    _META,
    sql.Column("library", sql.LargeBinary(32), sql.ForeignKey("accounts.library"), primary_key=True),
    sql.Column("seq", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("entry", sql.LargeBinary, nullable=False),
)
_MEMBERS: Final = sql.Table(
    "members",
    _META,
    sql.Column("member", sql.LargeBinary(32), primary_key=True),
    sql.Column("library", sql.LargeBinary(32), primary_key=True),
    sql.Column("active", sql.Boolean, nullable=False),
)


class Shelf:
    """The open database. One thread does all its work, so that steps never cross."""

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tracker-db")

    @classmethod
    def open(cls, path: Path) -> Self:
        """The database at `path`, made if absent. Raises StorageError, UnknownFormatError (made by a newer program)."""
        engine = sql.create_engine(f"sqlite:///{path}")
        sql.event.listen(engine, "connect", _prepare_sqlite)
        try:
            _META.create_all(engine)
            with engine.begin() as connection:
                version = connection.scalar(sql.select(_VERSION.c.number))
                if version is None:
                    connection.execute(sql.insert(_VERSION).values(number=SCHEMA_VERSION))
        except SQLAlchemyError as error:
            raise StorageError(f"the tracker's database {path.name} can't be opened") from error
        if version is not None and version != SCHEMA_VERSION:
            raise UnknownFormatError("the tracker's database was written by a newer Songkeep")
        return cls(engine)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await asyncio.to_thread(self._thread.shutdown)
        self._engine.dispose()

    async def load(self, library: LibraryId) -> Sequence[bytes] | None:
        return await self._work(lambda connection: _chain(connection, library))

    async def find(self, member: DeviceId) -> Sequence[bytes] | None:
        def look(connection: sql.Connection) -> Sequence[bytes] | None:
            wanted = sql.select(_MEMBERS.c.library).where(_MEMBERS.c.member == member, _MEMBERS.c.active)
            library = connection.scalar(wanted.limit(1))
            return None if library is None else _chain(connection, library)

        return await self._work(look)

    async def keep(self, roster: Roster) -> None:
        def write(connection: sql.Connection) -> None:
            known = connection.scalar(
                sql.select(sql.func.count()).select_from(_ENTRIES).where(_ENTRIES.c.library == roster.library)
            )
            if not known:
                connection.execute(sql.insert(_ACCOUNTS).values(library=roster.library, created_ms=_now_ms()))
            new = [
                {"library": roster.library, "seq": seq, "entry": entry}
                for seq, entry in enumerate(roster.entries)
                if seq >= (known or 0)
            ]
            if not new:
                return
            connection.execute(sql.insert(_ENTRIES), new)
            connection.execute(sql.delete(_MEMBERS).where(_MEMBERS.c.library == roster.library))
            connection.execute(
                sql.insert(_MEMBERS),
                [
                    {"member": member, "library": roster.library, "active": each.active}
                    for member, each in roster.members.items()
                ],
            )

        await self._work(write)

    async def _work(self, step: Callable[[sql.Connection], T]) -> T:
        def run() -> T:
            try:
                with self._engine.begin() as connection:
                    return step(connection)
            except SQLAlchemyError as error:
                raise StorageError("the tracker's database refused") from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)


def _prepare_sqlite(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _chain(connection: sql.Connection, library: LibraryId) -> list[bytes] | None:
    rows = connection.scalars(
        sql.select(_ENTRIES.c.entry).where(_ENTRIES.c.library == library).order_by(_ENTRIES.c.seq)
    )
    return list(rows) or None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
