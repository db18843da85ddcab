"""What a seed has promised, to whom, and what it holds: one SQLite database, one thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeVar

import sqlalchemy as sql

from node.errors import NotFoundError, RefusedError, StorageError
from node.ids import BlobRoot, DeviceId, LibraryId
from node.seed import database, endings, steps
from node.seed.facts import DueBlob, HeldBlob, Invitation, LibraryFacts, Usage
from node.seed.patience import Patience
from node.seed.schema import BLOBS, ENDINGS, GRANTS, HEADS, INVITES, LIBRARIES, MEMBERS, VOLUMES, State
from node.wire.grants import Grant
from node.wire.heads import HeadsRecord
from node.wire.holdlist import HoldList
from node.wire.roster import Roster
from node.wire.usage import Kept
from node.wire.volume import Volume, VolumeId, read_volume

T = TypeVar("T")


class Ledger:
    """`async with Ledger.open(path)`. Every change is on the disk when the call returns."""

    def __init__(self, engine: sql.Engine, path: Path) -> None:
        self._engine = engine
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="seed-ledger")

    @classmethod
    def open(cls, path: Path) -> Self:
        """The database at `path`, made if absent; if its file is broken, its copy takes its place.

        Raises StorageError (made by a newer program).
        """
        return cls(database.open_engine(path), path)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await asyncio.to_thread(self._thread.shutdown)
        self._engine.dispose()

    async def make_sound(self) -> int:
        """Find rows that have rotted and have them as they were, then keep a copy. Returns how many were rotten.

        Raises StorageError (the disk refused, or a broken file without a copy).
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._make_sound)

    def _make_sound(self) -> int:
        found, self._engine = database.make_sound(self._engine, self._path)
        return found

    # invitations and libraries

    async def invite(self, token: bytes, *, quota_bytes: int, capacity_bytes: int, now_ms: int) -> None:
        """Promise room to whoever spends the token. Raises RefusedError if it is not there to be promised."""

        def write(db: sql.Connection) -> None:
            steps.check_promise(db, quota_bytes, capacity_bytes - endings.overdue_bytes(db))
            db.execute(sql.insert(INVITES).values(token=token, quota_bytes=quota_bytes, created_ms=now_ms))

        await self._work(write)

    async def promised_bytes(self) -> int:
        """What libraries and open invitations may come to."""
        return await self._work(steps.promised)

    async def invitation(self, token: bytes) -> Invitation:
        """Raises NotFoundError if there is none, or it was spent."""

        def read(db: sql.Connection) -> Invitation:
            quota = db.scalar(sql.select(INVITES.c.quota_bytes).where(INVITES.c.token == token))
            if quota is None:
                raise NotFoundError("the seed doesn't know this code, or it was used already")
            return Invitation(quota)

        return await self._work(read)

    async def join(self, token: bytes, roster: Roster, *, now_ms: int) -> LibraryFacts:
        """Spend an invitation for a library; one that is here already is given the room too."""

        def write(db: sql.Connection) -> LibraryFacts:
            quota = db.scalar(sql.delete(INVITES).where(INVITES.c.token == token).returning(INVITES.c.quota_bytes))
            if quota is None:
                raise NotFoundError("the seed doesn't know this code, or it was used already")
            steps.give_room(db, roster.library, quota, now_ms)
            db.execute(sql.delete(ENDINGS).where(ENDINGS.c.library == roster.library, ENDINGS.c.refused))
            steps.write_roster(db, roster)
            endings.settle(db, roster.library, now_ms)
            return steps.facts_of_library(db, roster.library)

        return await self._work(write)

    async def take_grant(self, grant: Grant, roster: Roster, *, capacity_bytes: int, now_ms: int) -> LibraryFacts:
        """Give a library the room that a tracker grants it. Raises RefusedError (older, or there is no such room)."""

        def write(db: sql.Connection) -> LibraryFacts:
            if endings.is_refused(db, grant.library):
                raise RefusedError("who runs this seed has ended its keeping of your library")
            room_bytes = capacity_bytes - endings.overdue_bytes(db)
            steps.take_grant(db, grant, capacity_bytes=room_bytes, now_ms=now_ms)
            steps.write_roster(db, roster)
            endings.settle(db, grant.library, now_ms)
            return steps.facts_of_library(db, roster.library)

        return await self._work(write)

    async def facts(self, library: LibraryId) -> LibraryFacts:
        """Raises RefusedError for a library that is not kept here."""
        return await self._work(lambda db: steps.facts_of_library(db, library))

    async def keeps(self, library: LibraryId) -> bool:
        wanted = sql.select(LIBRARIES.c.number).where(LIBRARIES.c.library == library)
        return await self._work(lambda db: db.scalar(wanted) is not None)

    async def libraries(self) -> list[LibraryFacts]:
        def read(db: sql.Connection) -> list[LibraryFacts]:
            rows = list(db.execute(sql.select(LIBRARIES).order_by(LIBRARIES.c.number)))
            return [steps.facts_of_row(db, row) for row in rows]

        return await self._work(read)

    async def libraries_of(self, member: DeviceId) -> list[LibraryId]:
        """The libraries of which that is an active member."""
        wanted = sql.select(MEMBERS.c.library).where(MEMBERS.c.member == member, MEMBERS.c.active)
        return await self._work(lambda db: [LibraryId(library) for library in db.scalars(wanted)])

    # rosters: what a room server keeps

    async def load(self, library: LibraryId) -> Sequence[bytes] | None:
        def read(db: sql.Connection) -> Sequence[bytes]:
            steps.facts_of_library(db, library)
            return steps.chain(db, library)

        return await self._work(read)

    async def find(self, member: DeviceId) -> Sequence[bytes] | None:
        libraries = await self.libraries_of(member)
        return await self.load(libraries[0]) if libraries else None

    async def keep(self, roster: Roster) -> None:
        """A longer chain of a library that is kept here."""

        def write(db: sql.Connection) -> None:
            steps.facts_of_library(db, roster.library)
            steps.write_roster(db, roster)

        await self._work(write)

    # heads

    async def heads(self, library: LibraryId) -> list[bytes]:
        """Every active device's newest record whose snapshot is here."""
        wanted = sql.select(HEADS.c.record).where(HEADS.c.library == library, HEADS.c.held)
        active = sql.and_(MEMBERS.c.library == HEADS.c.library, MEMBERS.c.member == HEADS.c.device, MEMBERS.c.active)
        return await self._work(lambda db: list(db.scalars(wanted.join(MEMBERS, active))))

    async def put_heads(self, heads: HeadsRecord) -> bool:
        """Take a record; it counts from the moment its snapshot is here. True if that is still to come.

        Raises RefusedError if a newer record of that device is here, or there is no room for the snapshot.
        """
        return await self._work(lambda db: steps.put_heads(db, heads))

    # hold lists

    async def missing_volumes(self, library: LibraryId, wanted: Sequence[VolumeId]) -> list[VolumeId]:
        """Those of `wanted` whose contents are not known here."""

        def read(db: sql.Connection) -> list[VolumeId]:
            known = set(db.scalars(sql.select(VOLUMES.c.volume).where(VOLUMES.c.library == library)))
            return [volume for volume in wanted if volume not in known]

        return await self._work(read)

    async def take_list(self, hold: HoldList, given: Sequence[Volume], *, now_ms: int) -> None:
        """Put a list in force, with the contents of its new volumes, all or nothing.

        Raises RefusedError: older than the one in force, over the quota, or it drops much without an owner's word.
        """

        def write(db: sql.Connection) -> None:
            steps.take_list(db, hold, given, now_ms)
            endings.settle(db, hold.library, now_ms)

        await self._work(write)

    async def volumes(self, library: LibraryId) -> list[tuple[Volume, bytes]]:
        """Every listed volume and its tag."""
        wanted = sql.select(VOLUMES.c.packed, VOLUMES.c.tag).where(VOLUMES.c.library == library)
        rows = await self._work(lambda db: list(db.execute(wanted)))
        return [(read_volume(packed), tag) for packed, tag in rows]

    # blobs

    async def blobs(self, library: LibraryId, roots: Iterable[BlobRoot]) -> dict[BlobRoot, HeldBlob]:
        """What is known of these blobs."""
        asked = list(roots)

        def read(db: sql.Connection) -> dict[BlobRoot, HeldBlob]:
            found: dict[BlobRoot, HeldBlob] = {}
            for at in range(0, len(asked), steps.BATCH):
                batch = asked[at : at + steps.BATCH]
                rows = db.execute(sql.select(BLOBS).where(BLOBS.c.library == library, BLOBS.c.root.in_(batch)))
                found |= {BlobRoot(row.root): steps.held_of_row(row) for row in rows}
                rows = db.execute(sql.select(HEADS).where(HEADS.c.library == library, HEADS.c.root.in_(batch)))
                found |= {
                    BlobRoot(row.root): steps.snapshot_of_row(row) for row in rows if BlobRoot(row.root) not in found
                }
            return found

        return await self._work(read)

    async def blob(self, library: LibraryId, root: BlobRoot) -> HeldBlob | None:
        return (await self.blobs(library, [root])).get(root)

    async def set_held(self, library: LibraryId, root: BlobRoot, layer: bytes, *, now_ms: int) -> list[BlobRoot]:
        """The blob's bytes are here and checked. Returns snapshots that nobody needs any more because of it."""

        def write(db: sql.Connection) -> list[BlobRoot]:
            here = sql.and_(BLOBS.c.library == library, BLOBS.c.root == root)
            held = {"state": int(State.HELD), "since_ms": now_ms, "checked_ms": now_ms, "layer": layer}
            db.execute(sql.update(BLOBS).where(here).values(**held))
            return steps.snapshot_came(db, library, root, layer, now_ms)

        return await self._work(write)

    async def set_damaged(self, library: LibraryId, root: BlobRoot, *, now_ms: int) -> None:
        """The blob's bytes are rotten or gone: what is listed is wanted again, what isn't is forgotten."""

        def write(db: sql.Connection) -> None:
            here = sql.and_(BLOBS.c.library == library, BLOBS.c.root == root)
            rotten = {"state": int(State.DAMAGED), "since_ms": now_ms, "checked_ms": now_ms}
            db.execute(sql.update(BLOBS).where(here, BLOBS.c.state == State.HELD).values(**rotten))
            db.execute(sql.delete(BLOBS).where(here, BLOBS.c.state == State.TRASH))
            # A device whose record is missing gives it again, with its snapshot.
            db.execute(sql.delete(HEADS).where(HEADS.c.library == library, HEADS.c.root == root, HEADS.c.held))

        await self._work(write)

    async def set_checked(self, library: LibraryId, root: BlobRoot, layer: bytes, *, now_ms: int) -> None:
        """The blob was read and found whole; its layer as its bytes give it."""

        def write(db: sql.Connection) -> None:
            for table in (BLOBS, HEADS):
                here = sql.and_(table.c.library == library, table.c.root == root)
                db.execute(sql.update(table).where(here).values(checked_ms=now_ms, layer=layer))

        await self._work(write)

    async def usage(self, library: LibraryId) -> Usage:
        return await self._work(lambda db: steps.usage(db, library))

    async def due(self, *, before_ms: int, now_ms: int, limit: int) -> list[DueBlob]:
        """Blobs that were last checked before then, or, by a clock gone wrong, after now."""

        def turn(table: sql.Table, here: sql.ColumnElement[bool]) -> sql.Select[tuple[bytes, bytes, int, int]]:
            late = sql.or_(table.c.checked_ms < before_ms, table.c.checked_ms > now_ms)
            columns = table.c.library, table.c.root, table.c.sealed_bytes, table.c.checked_ms
            return sql.select(*columns).where(here, late).order_by(table.c.checked_ms).limit(limit)

        def read(db: sql.Connection) -> list[DueBlob]:
            rows = list(db.execute(turn(BLOBS, BLOBS.c.state.in_((State.HELD, State.TRASH)))))
            rows += db.execute(turn(HEADS, HEADS.c.held))
            return [DueBlob(LibraryId(row.library), BlobRoot(row.root), row.sealed_bytes) for row in rows]

        return await self._work(read)

    async def oldest_check_ms(self) -> int | None:
        """When the blob that was checked the longest ago was checked; None if nothing is held."""

        def read(db: sql.Connection) -> int | None:
            held = sql.select(sql.func.min(BLOBS.c.checked_ms)).where(BLOBS.c.state.in_((State.HELD, State.TRASH)))
            found = db.scalar(held)
            return None if found is None else int(found)

        return await self._work(read)

    # how room ends

    async def refuse(self, number: int, *, now_ms: int) -> None:
        """End a library's room, by the number that the person sees. Raises NotFoundError."""
        await self._work(lambda db: endings.refuse(db, number, now_ms))

    async def days_left(self, library: LibraryId, *, now_ms: int) -> int | None:
        """Days until what is beyond the library's room goes; None if nothing will."""
        return await self._work(lambda db: endings.days_left(db, library, now_ms))

    async def end_overdue(self, patient_ms: int) -> list[tuple[LibraryId, BlobRoot]]:
        """Forget what was beyond its library's room for the whole notice. Their files are the caller's to remove."""
        return await self._work(lambda db: endings.end_overdue(db, patient_ms))

    async def kept_by_grant(self, library: LibraryId, tracker: bytes) -> Kept:
        """What is kept of a library by that tracker's grants."""
        return await self._work(lambda db: endings.kept_by_grant(db, library, tracker))

    async def kept_by_grants(self, tracker: bytes) -> dict[LibraryId, Kept]:
        """The same of every library that this tracker ever granted room here."""

        def read(db: sql.Connection) -> dict[LibraryId, Kept]:
            mine = list(db.scalars(sql.select(GRANTS.c.library).where(GRANTS.c.tracker == tracker)))
            return {LibraryId(each): endings.kept_by_grant(db, LibraryId(each), tracker) for each in mine}

        return await self._work(read)

    async def unpromised_bytes(self, capacity_bytes: int) -> int:
        """What may still be promised."""

        def read(db: sql.Connection) -> int:
            return max(0, capacity_bytes - steps.promised(db) - endings.overdue_bytes(db))

        return await self._work(read)

    # the trash

    async def advance_patience(self, now_ms: int) -> Patience:
        """Look at the clock, and keep what it said."""
        return await self._work(lambda db: steps.advance_patience(db, now_ms))

    async def empty_trash(self, *, before_ms: int, limit: int) -> list[tuple[LibraryId, BlobRoot]]:
        """Forget blobs that were trashed before then, by the patient clock. Their files are the caller's to remove."""

        def write(db: sql.Connection) -> list[tuple[LibraryId, BlobRoot]]:
            old = sql.and_(BLOBS.c.state == State.TRASH, BLOBS.c.trashed_ms < before_ms)
            rows = list(db.execute(sql.select(BLOBS.c.library, BLOBS.c.root).where(old).limit(limit)))
            for row in rows:
                db.execute(sql.delete(BLOBS).where(BLOBS.c.library == row.library, BLOBS.c.root == row.root))
            return [(LibraryId(row.library), BlobRoot(row.root)) for row in rows]

        return await self._work(write)

    async def _work(self, step: Callable[[sql.Connection], T]) -> T:
        def run() -> T:
            try:
                with self._engine.begin() as db:
                    return step(db)
            except database.ERRORS as error:
                raise StorageError("the seed's database refused") from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)
