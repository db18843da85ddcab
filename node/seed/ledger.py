"""What a seed has promised, to whom, and what it holds: one SQLite database, one thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from node.errors import NotFoundError, RefusedError, StorageError, UnknownFormatError
from node.ids import BlobRoot, DeviceId, LibraryId
from node.seed import schema
from node.seed.schema import BLOBS, ENTRIES, HEADS, INVITES, LIBRARIES, MEMBERS, VOLUMES, State
from node.wire.heads import HeadsRecord
from node.wire.holdlist import HoldList, check_shrinking
from node.wire.roster import Roster
from node.wire.volume import Volume, VolumeBlob, VolumeId, read_volume

T = TypeVar("T")

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Invitation:
    quota_bytes: int


@dataclass(frozen=True, slots=True)
class LibraryFacts:
    """A library as the person who runs the seed sees it: a number and sizes."""

    library: LibraryId
    number: int
    quota_bytes: int
    list_serial: int
    list_record: bytes


@dataclass(frozen=True, slots=True)
class Usage:
    """Sealed bytes and blobs of one library, by state."""

    bytes_by_state: Mapping[State, int]
    blobs_by_state: Mapping[State, int]

    @property
    def listed_bytes(self) -> int:
        """What counts as promised and used, whether it has come yet or not."""
        return sum(self.bytes_by_state.get(state, 0) for state in (State.WANTED, State.HELD, State.DAMAGED))


@dataclass(frozen=True, slots=True)
class HeldBlob:
    root: BlobRoot
    sealed_bytes: int
    state: State
    layer: bytes


class Ledger:
    """`async with Ledger.open(path)`. Every change is on the disk when the call returns."""

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="seed-ledger")

    @classmethod
    def open(cls, path: Path) -> Self:
        """The database at `path`, made if absent. Raises StorageError, UnknownFormatError (made by a newer program)."""
        engine = sql.create_engine(f"sqlite:///{path}")
        sql.event.listen(engine, "connect", _prepare_sqlite)
        try:
            schema.META.create_all(engine)
            with engine.begin() as db:
                version = db.scalar(sql.select(schema.VERSION.c.number))
                if version is None:
                    db.execute(sql.insert(schema.VERSION).values(number=schema.SCHEMA_VERSION))
        except SQLAlchemyError as error:
            raise StorageError(f"the seed's database {path.name} can't be opened") from error
        if version is not None and version != schema.SCHEMA_VERSION:
            raise UnknownFormatError("the seed's database was written by a newer Songkeep")
        return cls(engine)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await asyncio.to_thread(self._thread.shutdown)
        self._engine.dispose()

    # invitations and libraries

    async def invite(self, token: bytes, *, quota_bytes: int, capacity_bytes: int, now_ms: int) -> None:
        """Promise room to whoever spends the token. Raises RefusedError if it is not there to be promised."""

        def write(db: sql.Connection) -> None:
            promised = _promised(db)
            if promised + quota_bytes > capacity_bytes:
                left = max(0, capacity_bytes - promised)
                raise RefusedError(f"of the seed's {capacity_bytes:,} bytes only {left:,} are not promised yet")
            db.execute(sql.insert(INVITES).values(token=token, quota_bytes=quota_bytes, created_ms=now_ms))

        await self._work(write)

    async def promised_bytes(self) -> int:
        """What libraries and open invitations may come to."""
        return await self._work(_promised)

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
            known = db.scalar(sql.select(LIBRARIES.c.quota_bytes).where(LIBRARIES.c.library == roster.library))
            if known is None:
                number = (db.scalar(sql.select(sql.func.max(LIBRARIES.c.number))) or 0) + 1
                db.execute(
                    sql.insert(LIBRARIES).values(
                        library=roster.library,
                        number=number,
                        quota_bytes=quota,
                        joined_ms=now_ms,
                        list_serial=0,
                        list_record=b"",
                    )
                )
            else:
                wider = sql.update(LIBRARIES).where(LIBRARIES.c.library == roster.library)
                db.execute(wider.values(quota_bytes=known + quota))
            _write_roster(db, roster)
            return _facts(db, roster.library)

        return await self._work(write)

    async def facts(self, library: LibraryId) -> LibraryFacts:
        """Raises RefusedError for a library that is not kept here."""
        return await self._work(lambda db: _facts(db, library))

    async def libraries(self) -> list[LibraryFacts]:
        def read(db: sql.Connection) -> list[LibraryFacts]:
            return [_facts_of(row) for row in db.execute(sql.select(LIBRARIES).order_by(LIBRARIES.c.number))]

        return await self._work(read)

    async def libraries_of(self, member: DeviceId) -> list[LibraryId]:
        """The libraries of which that is an active member."""
        wanted = sql.select(MEMBERS.c.library).where(MEMBERS.c.member == member, MEMBERS.c.active)
        return await self._work(lambda db: [LibraryId(library) for library in db.scalars(wanted)])

    # rosters: what a room server keeps

    async def load(self, library: LibraryId) -> Sequence[bytes] | None:
        def read(db: sql.Connection) -> Sequence[bytes]:
            _facts(db, library)
            return _chain(db, library)

        return await self._work(read)

    async def find(self, member: DeviceId) -> Sequence[bytes] | None:
        libraries = await self.libraries_of(member)
        return await self.load(libraries[0]) if libraries else None

    async def keep(self, roster: Roster) -> None:
        """A longer chain of a library that is kept here."""

        def write(db: sql.Connection) -> None:
            _facts(db, roster.library)
            _write_roster(db, roster)

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
        return await self._work(lambda db: _put_heads(db, heads))

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
        await self._work(lambda db: _take_list(db, hold, given, now_ms))

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
            for at in range(0, len(asked), _BATCH):
                batch = asked[at : at + _BATCH]
                rows = db.execute(sql.select(BLOBS).where(BLOBS.c.library == library, BLOBS.c.root.in_(batch)))
                found |= {BlobRoot(row.root): _held(row) for row in rows}
                rows = db.execute(sql.select(HEADS).where(HEADS.c.library == library, HEADS.c.root.in_(batch)))
                found |= {BlobRoot(row.root): _held_snapshot(row) for row in rows if BlobRoot(row.root) not in found}
            return found

        return await self._work(read)

    async def blob(self, library: LibraryId, root: BlobRoot) -> HeldBlob | None:
        return (await self.blobs(library, [root])).get(root)

    async def set_held(self, library: LibraryId, root: BlobRoot, layer: bytes, *, now_ms: int) -> list[BlobRoot]:
        """The blob's bytes are here and checked. Returns snapshots that nobody needs any more because of it."""
        await self._set_state(library, root, State.HELD, since_ms=now_ms, checked_ms=now_ms, layer=layer)
        return await self._work(lambda db: _snapshot_came(db, library, root, layer))

    async def set_damaged(self, library: LibraryId, root: BlobRoot, *, now_ms: int) -> None:
        """The blob's bytes are rotten or gone."""
        await self._set_state(library, root, State.DAMAGED, since_ms=now_ms, checked_ms=now_ms)

    async def set_checked(self, library: LibraryId, root: BlobRoot, *, now_ms: int) -> None:
        await self._set_state(library, root, None, checked_ms=now_ms)

    async def usage(self, library: LibraryId) -> Usage:
        return await self._work(lambda db: _usage(db, library))

    async def _set_state(self, library: LibraryId, root: BlobRoot, state: State | None, **values: object) -> None:
        if state is not None:
            values["state"] = int(state)

        def write(db: sql.Connection) -> None:
            db.execute(sql.update(BLOBS).where(BLOBS.c.library == library, BLOBS.c.root == root).values(**values))

        await self._work(write)

    async def _work(self, step: Callable[[sql.Connection], T]) -> T:
        def run() -> T:
            try:
                with self._engine.begin() as db:
                    return step(db)
            except SQLAlchemyError as error:
                raise StorageError("the seed's database refused") from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)


def _prepare_sqlite(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sum(db: sql.Connection, column: sql.Column[Any]) -> int:
    return int(db.scalar(sql.select(sql.func.coalesce(sql.func.sum(column), 0))) or 0)


def _promised(db: sql.Connection) -> int:
    return _sum(db, LIBRARIES.c.quota_bytes) + _sum(db, INVITES.c.quota_bytes)


def _facts(db: sql.Connection, library: LibraryId) -> LibraryFacts:
    row = db.execute(sql.select(LIBRARIES).where(LIBRARIES.c.library == library)).one_or_none()
    if row is None:
        raise RefusedError("this seed does not keep that library")
    return _facts_of(row)


def _facts_of(row: Any) -> LibraryFacts:
    return LibraryFacts(LibraryId(row.library), row.number, row.quota_bytes, row.list_serial, row.list_record)


def _held(row: Any) -> HeldBlob:
    return HeldBlob(BlobRoot(row.root), row.sealed_bytes, State(row.state), row.layer)


def _chain(db: sql.Connection, library: LibraryId) -> list[bytes]:
    return list(db.scalars(sql.select(ENTRIES.c.entry).where(ENTRIES.c.library == library).order_by(ENTRIES.c.seq)))


def _write_roster(db: sql.Connection, roster: Roster) -> None:
    known = _chain(db, roster.library)
    if len(roster.entries) < len(known) or list(roster.entries[: len(known)]) != known:
        raise RefusedError("an older roster than the known one was offered, or one that forks from it")
    new = [
        {"library": roster.library, "seq": seq, "entry": entry}
        for seq, entry in enumerate(roster.entries)
        if seq >= len(known)
    ]
    if not new:
        return
    db.execute(sql.insert(ENTRIES), new)
    db.execute(sql.delete(MEMBERS).where(MEMBERS.c.library == roster.library))
    members = [
        {"member": member, "library": roster.library, "active": each.active} for member, each in roster.members.items()
    ]
    db.execute(sql.insert(MEMBERS), members)


def _usage(db: sql.Connection, library: LibraryId) -> Usage:
    totals = (
        sql.select(BLOBS.c.state, sql.func.sum(BLOBS.c.sealed_bytes), sql.func.count())
        .where(BLOBS.c.library == library)
        .group_by(BLOBS.c.state)
    )
    rows = [(State(state), int(total), int(count)) for state, total, count in db.execute(totals)]
    return Usage({state: total for state, total, _ in rows}, {state: count for state, _, count in rows})


def _snapshot_bytes(db: sql.Connection, library: LibraryId) -> int:
    return int(db.scalar(sql.select(sql.func.sum(HEADS.c.sealed_bytes)).where(HEADS.c.library == library)) or 0)


def _check_room(facts: LibraryFacts, wanted_bytes: int) -> None:
    if wanted_bytes > facts.quota_bytes:
        raise RefusedError(f"that comes to {wanted_bytes:,} bytes and the seed has promised {facts.quota_bytes:,}")


def _put_heads(db: sql.Connection, heads: HeadsRecord) -> bool:
    facts = _facts(db, heads.library)
    own = sql.and_(HEADS.c.library == heads.library, HEADS.c.device == heads.device)
    newest = db.scalar(sql.select(sql.func.max(HEADS.c.serial)).where(own))
    if newest is not None and newest >= heads.serial:
        raise RefusedError("the seed has a newer record of this device")
    db.execute(sql.delete(HEADS).where(own, sql.not_(HEADS.c.held)))
    here = sql.select(HEADS).where(HEADS.c.library == heads.library, HEADS.c.root == heads.snapshot.root, HEADS.c.held)
    same = db.execute(here).first()
    if same is None:
        listed = _usage(db, heads.library).listed_bytes
        _check_room(facts, listed + _snapshot_bytes(db, heads.library) + heads.snapshot.sealed_bytes)
    else:
        db.execute(sql.delete(HEADS).where(own))
    db.execute(
        sql.insert(HEADS).values(
            library=heads.library,
            device=heads.device,
            serial=heads.serial,
            record=heads.record,
            root=heads.snapshot.root,
            sealed_bytes=heads.snapshot.sealed_bytes,
            layer=same.layer if same is not None else b"",
            held=same is not None,
        )
    )
    return same is None


def _snapshot_came(db: sql.Connection, library: LibraryId, root: BlobRoot, layer: bytes) -> list[BlobRoot]:
    here = HEADS.c.library == library
    came = list(db.execute(sql.select(HEADS).where(here, HEADS.c.root == root, sql.not_(HEADS.c.held))))
    dropped: set[BlobRoot] = set()
    for row in came:
        older = sql.and_(here, HEADS.c.device == row.device, HEADS.c.serial < row.serial)
        dropped |= {BlobRoot(each) for each in db.scalars(sql.delete(HEADS).where(older).returning(HEADS.c.root))}
    db.execute(sql.update(HEADS).where(here, HEADS.c.root == root).values(held=True, layer=layer))
    return [each for each in dropped if not db.scalar(sql.select(HEADS.c.root).where(here, HEADS.c.root == each))]


def _held_snapshot(row: Any) -> HeldBlob:
    state = State.HELD if row.held else State.WANTED
    return HeldBlob(BlobRoot(row.root), row.sealed_bytes, state, row.layer)


def _take_list(db: sql.Connection, hold: HoldList, given: Sequence[Volume], now_ms: int) -> None:
    facts = _facts(db, hold.library)
    if hold.serial <= facts.list_serial:
        raise RefusedError(f"a list as new as this one is in force already (serial {facts.list_serial})")
    here = VOLUMES.c.library == hold.library
    known = {VolumeId(row.volume): row.packed for row in db.execute(sql.select(VOLUMES).where(here))}
    contents = {volume.id: volume for volume in given}
    listed: dict[BlobRoot, VolumeBlob] = {}
    rows = []
    for each in hold.volumes:
        volume = contents.get(each.id) or (read_volume(known[each.id]) if each.id in known else None)
        if volume is None:
            raise RefusedError("the list names a volume whose contents the seed was not given")
        listed |= {blob.root: blob for blob in volume.blobs}
        rows.append({"library": hold.library, "volume": each.id, "tag": each.tag, "packed": volume.packed})
    _put_blobs(db, hold, listed, facts, now_ms)
    db.execute(sql.delete(VOLUMES).where(here))
    if rows:
        db.execute(sql.insert(VOLUMES), rows)
    db.execute(
        sql.update(LIBRARIES)
        .where(LIBRARIES.c.library == hold.library)
        .values(list_serial=hold.serial, list_record=hold.record)
    )


def _put_blobs(
    db: sql.Connection, hold: HoldList, listed: Mapping[BlobRoot, VolumeBlob], facts: LibraryFacts, now_ms: int
) -> None:
    """Reserve what is new, send to the trash what is listed no longer, take back from it what is listed again."""
    before = {
        BlobRoot(row.root): row
        for row in db.execute(
            sql.select(BLOBS.c.root, BLOBS.c.sealed_bytes, BLOBS.c.state).where(BLOBS.c.library == hold.library)
        )
    }
    dropped = [root for root, row in before.items() if root not in listed and row.state != State.TRASH]
    held_before = sum(row.sealed_bytes for row in before.values() if row.state == State.HELD)
    held_dropped = sum(before[root].sealed_bytes for root in dropped if before[root].state == State.HELD)
    check_shrinking(bytes_before=held_before, bytes_dropped=held_dropped, may_shrink=hold.may_shrink)
    _check_room(facts, sum(blob.sealed_bytes for blob in listed.values()) + _snapshot_bytes(db, hold.library))
    here = BLOBS.c.library == hold.library

    def change(roots: Sequence[BlobRoot], state: State) -> None:
        for at in range(0, len(roots), _BATCH):
            chosen = sql.update(BLOBS).where(here, BLOBS.c.root.in_(roots[at : at + _BATCH]))
            db.execute(chosen.values(state=int(state), since_ms=now_ms))

    never_came = [root for root in dropped if before[root].state != State.HELD]
    for at in range(0, len(never_came), _BATCH):
        db.execute(sql.delete(BLOBS).where(here, BLOBS.c.root.in_(never_came[at : at + _BATCH])))
    change([root for root in dropped if before[root].state == State.HELD], State.TRASH)
    change([root for root in listed if root in before and before[root].state == State.TRASH], State.HELD)
    new = [
        {
            "library": hold.library,
            "root": root,
            "sealed_bytes": blob.sealed_bytes,
            "state": int(State.WANTED),
            "since_ms": now_ms,
            "checked_ms": 0,
            "layer": b"",
        }
        for root, blob in listed.items()
        if root not in before
    ]
    if new:
        db.execute(sql.insert(BLOBS), new)
