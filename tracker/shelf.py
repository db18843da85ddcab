"""Where the tracker keeps each library's roster: public keys, roles and sealed secrets, never a name."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sql

from node.ids import DeviceId, LibraryId
from node.wire.roomhost import SuspendedError
from node.wire.roster import Roster
from tracker.database import ACCOUNTS, ENTRIES, MEMBERS, Database


class Shelf:
    """Rosters in the database; see RoomHost's RosterShelf."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, library: LibraryId) -> Sequence[bytes] | None:
        def look(step: sql.Connection) -> Sequence[bytes] | None:
            if step.scalar(sql.select(ACCOUNTS.c.suspended).where(ACCOUNTS.c.library == library)):
                raise SuspendedError
            return _chain(step, library)

        return await self._database.work(look)

    async def suspended(self) -> Sequence[LibraryId]:
        """Every library that may not come at present."""

        def look(step: sql.Connection) -> Sequence[LibraryId]:
            found = step.scalars(sql.select(ACCOUNTS.c.library).where(ACCOUNTS.c.suspended))
            return [LibraryId(library) for library in found]

        return await self._database.work(look)

    async def find(self, member: DeviceId) -> Sequence[bytes] | None:
        def look(step: sql.Connection) -> Sequence[bytes] | None:
            wanted = sql.select(MEMBERS.c.library).where(MEMBERS.c.member == member, MEMBERS.c.active)
            library = step.scalar(wanted.limit(1))
            return None if library is None else _chain(step, LibraryId(library))

        return await self._database.work(look)

    async def keep(self, roster: Roster) -> None:
        def write(step: sql.Connection) -> None:
            library = roster.library
            known = step.scalar(sql.select(sql.func.count()).select_from(ENTRIES).where(ENTRIES.c.library == library))
            new = list(enumerate(roster.entries))[known or 0 :]
            if not new:
                return
            step.execute(sql.insert(ENTRIES), [{"library": library, "seq": seq, "entry": entry} for seq, entry in new])
            step.execute(sql.delete(MEMBERS).where(MEMBERS.c.library == library))
            step.execute(
                sql.insert(MEMBERS),
                [
                    {"member": member, "library": library, "active": each.active}
                    for member, each in roster.members.items()
                ],
            )

        await self._database.work(write)


def _chain(step: sql.Connection, library: LibraryId) -> list[bytes] | None:
    rows = step.scalars(sql.select(ENTRIES.c.entry).where(ENTRIES.c.library == library).order_by(ENTRIES.c.seq))
    return list(rows) or None
