"""What happens in one transaction of the seed's ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sql

from node.errors import RefusedError
from node.ids import BlobRoot, LibraryId
from node.seed.facts import HeldBlob, LibraryFacts, Usage
from node.seed.patience import Patience
from node.seed.schema import BLOBS, CLOCK, ENTRIES, GRANTS, HEADS, INVITES, LIBRARIES, MEMBERS, VOLUMES, State
from node.wire import codec
from node.wire.grants import Grant
from node.wire.heads import HeadsRecord
from node.wire.holdlist import MAX_LIST_BYTES, HoldList, check_shrinking, read_signed
from node.wire.roster import Roster
from node.wire.volume import Volume, VolumeBlob, VolumeId, read_volume

BATCH: Final = 500
"""Names in one statement: SQLite takes 32,766 at most, and less is no slower."""


def total(db: sql.Connection, column: sql.Column[Any]) -> int:
    return int(db.scalar(sql.select(sql.func.coalesce(sql.func.sum(column), 0))) or 0)


def advance_patience(db: sql.Connection, now_ms: int) -> Patience:
    row = db.execute(sql.select(CLOCK)).one_or_none()
    if row is None:
        fresh = Patience(now_ms, 0)
        db.execute(sql.insert(CLOCK).values(one=1, seen_ms=fresh.seen_ms, patient_ms=fresh.patient_ms))
        return fresh
    after = Patience(row.seen_ms, row.patient_ms).after(now_ms)
    db.execute(sql.update(CLOCK).values(seen_ms=after.seen_ms, patient_ms=after.patient_ms))
    return after


def promised(db: sql.Connection) -> int:
    """All that libraries and open invitations may come to."""
    return total(db, LIBRARIES.c.quota_bytes) + total(db, INVITES.c.quota_bytes) + total(db, GRANTS.c.granted_bytes)


def check_promise(db: sql.Connection, more_bytes: int, capacity_bytes: int) -> None:
    """Raises RefusedError if so much more is not there to be promised."""
    now = promised(db)
    if now + more_bytes > capacity_bytes:
        raise RefusedError(
            f"of the seed's {capacity_bytes:,} bytes only {max(0, capacity_bytes - now):,} are not promised yet"
        )


def give_room(db: sql.Connection, library: LibraryId, quota_bytes: int, now_ms: int) -> None:
    """Let a library in, or give one that is here more room."""
    known = db.scalar(sql.select(LIBRARIES.c.quota_bytes).where(LIBRARIES.c.library == library))
    if known is not None:
        wider = sql.update(LIBRARIES).where(LIBRARIES.c.library == library)
        db.execute(wider.values(quota_bytes=known + quota_bytes))
        return
    number = (db.scalar(sql.select(sql.func.max(LIBRARIES.c.number))) or 0) + 1
    db.execute(
        sql.insert(LIBRARIES).values(
            library=library,
            number=number,
            quota_bytes=quota_bytes,
            joined_ms=now_ms,
            list_serial=0,
            list_record=b"",
        )
    )


def take_grant(db: sql.Connection, grant: Grant, *, capacity_bytes: int, now_ms: int) -> None:
    """Put a tracker's grant in force. Raises RefusedError: older than the one in force, or there is no room."""
    give_room(db, grant.library, 0, now_ms)
    own = sql.and_(GRANTS.c.library == grant.library, GRANTS.c.tracker == grant.tracker)
    known = db.execute(sql.select(GRANTS).where(own)).one_or_none()
    if known is not None and known.serial >= grant.serial:
        if known.serial == grant.serial:
            return
        raise RefusedError("a newer grant of this tracker is in force")
    check_promise(db, grant.granted_bytes - (known.granted_bytes if known else 0), capacity_bytes)
    db.execute(sql.delete(GRANTS).where(own))
    db.execute(
        sql.insert(GRANTS).values(
            library=grant.library,
            tracker=grant.tracker,
            granted_bytes=grant.granted_bytes,
            serial=grant.serial,
            expires_ms=grant.expires_ms,
        )
    )


def facts_of_library(db: sql.Connection, library: LibraryId) -> LibraryFacts:
    row = db.execute(sql.select(LIBRARIES).where(LIBRARIES.c.library == library)).one_or_none()
    if row is None:
        raise RefusedError("this seed does not keep that library")
    return facts_of_row(db, row)


def facts_of_row(db: sql.Connection, row: Any) -> LibraryFacts:
    granted = db.scalar(sql.select(sql.func.sum(GRANTS.c.granted_bytes)).where(GRANTS.c.library == row.library)) or 0
    quota_bytes = row.quota_bytes + int(granted)
    return LibraryFacts(LibraryId(row.library), row.number, quota_bytes, row.list_serial, row.list_record)


def held_of_row(row: Any) -> HeldBlob:
    return HeldBlob(BlobRoot(row.root), row.sealed_bytes, State(row.state), row.layer)


def chain(db: sql.Connection, library: LibraryId) -> list[bytes]:
    return list(db.scalars(sql.select(ENTRIES.c.entry).where(ENTRIES.c.library == library).order_by(ENTRIES.c.seq)))


def write_roster(db: sql.Connection, roster: Roster) -> None:
    known = chain(db, roster.library)
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


def usage(db: sql.Connection, library: LibraryId) -> Usage:
    totals = (
        sql.select(BLOBS.c.state, sql.func.sum(BLOBS.c.sealed_bytes), sql.func.count())
        .where(BLOBS.c.library == library)
        .group_by(BLOBS.c.state)
    )
    rows = [(State(state), int(total), int(count)) for state, total, count in db.execute(totals)]
    return Usage({state: total for state, total, _ in rows}, {state: count for state, _, count in rows})


def snapshot_bytes(db: sql.Connection, library: LibraryId) -> int:
    """Of heads records, held or to come."""
    return int(db.scalar(sql.select(sql.func.sum(HEADS.c.sealed_bytes)).where(HEADS.c.library == library)) or 0)


def _check_room(facts: LibraryFacts, wanted_bytes: int) -> None:
    if wanted_bytes > facts.quota_bytes:
        raise RefusedError(f"that comes to {wanted_bytes:,} bytes and the seed has promised {facts.quota_bytes:,}")


def _check_trash(trash_bytes: int, most_bytes: int) -> None:
    """Else a library that drops and lists by turns would fill any disk: what is dropped stays for thirty days."""
    if trash_bytes > most_bytes:
        raise RefusedError(
            f"the library's trash would hold {trash_bytes:,} bytes, more than its room; it empties thirty days after "
            "what is in it was dropped"
        )


def put_heads(db: sql.Connection, heads: HeadsRecord) -> bool:
    facts = facts_of_library(db, heads.library)
    own = sql.and_(HEADS.c.library == heads.library, HEADS.c.device == heads.device)
    newest = db.scalar(sql.select(sql.func.max(HEADS.c.serial)).where(own))
    if newest is not None and newest >= heads.serial:
        raise RefusedError("the seed has a newer record of this device")
    db.execute(sql.delete(HEADS).where(own, sql.not_(HEADS.c.held)))
    here = sql.select(HEADS).where(HEADS.c.library == heads.library, HEADS.c.root == heads.snapshot.root, HEADS.c.held)
    same = db.execute(here).first()
    if same is None:
        listed = usage(db, heads.library).listed_bytes
        _check_room(facts, listed + snapshot_bytes(db, heads.library) + heads.snapshot.sealed_bytes)
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
            checked_ms=same.checked_ms if same is not None else 0,
        )
    )
    return same is None


def snapshot_came(db: sql.Connection, library: LibraryId, root: BlobRoot, layer: bytes, now_ms: int) -> list[BlobRoot]:
    here = HEADS.c.library == library
    came = list(db.execute(sql.select(HEADS).where(here, HEADS.c.root == root, sql.not_(HEADS.c.held))))
    dropped: set[BlobRoot] = set()
    for row in came:
        older = sql.and_(here, HEADS.c.device == row.device, HEADS.c.serial < row.serial)
        dropped |= {BlobRoot(each) for each in db.scalars(sql.delete(HEADS).where(older).returning(HEADS.c.root))}
    db.execute(sql.update(HEADS).where(here, HEADS.c.root == root).values(held=True, layer=layer, checked_ms=now_ms))
    return [each for each in dropped if not db.scalar(sql.select(HEADS.c.root).where(here, HEADS.c.root == each))]


def snapshot_of_row(row: Any) -> HeldBlob:
    state = State.HELD if row.held else State.WANTED
    return HeldBlob(BlobRoot(row.root), row.sealed_bytes, state, row.layer)


def listed_volumes(record: bytes) -> int:
    """How many volumes the list in force names; its signature was checked when it came."""
    if not record:
        return 0
    payload, _signature = read_signed(record, MAX_LIST_BYTES, "a hold list")
    return len(codec.array(codec.unpack(payload, max_bytes=MAX_LIST_BYTES), 8, "a hold list")[7])


def take_list(db: sql.Connection, hold: HoldList, given: Sequence[Volume], now_ms: int) -> None:
    facts = facts_of_library(db, hold.library)
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
    stays = [row for root, row in before.items() if row.state == State.TRASH and root not in listed]
    listed_before = sum(row.sealed_bytes for row in before.values() if row.state != State.TRASH)
    _check_trash(sum(row.sealed_bytes for row in stays) + held_dropped, max(facts.quota_bytes, listed_before))
    _check_room(facts, sum(blob.sealed_bytes for blob in listed.values()) + snapshot_bytes(db, hold.library))
    here = BLOBS.c.library == hold.library

    trashed_ms = advance_patience(db, now_ms).patient_ms

    def change(roots: Sequence[BlobRoot], state: State) -> None:
        for at in range(0, len(roots), BATCH):
            chosen = sql.update(BLOBS).where(here, BLOBS.c.root.in_(roots[at : at + BATCH]))
            db.execute(chosen.values(state=int(state), since_ms=now_ms, trashed_ms=trashed_ms))

    never_came = [root for root in dropped if before[root].state != State.HELD]
    for at in range(0, len(never_came), BATCH):
        db.execute(sql.delete(BLOBS).where(here, BLOBS.c.root.in_(never_came[at : at + BATCH])))
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
