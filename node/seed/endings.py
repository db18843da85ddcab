"""How a library's room ends: only by a signed smaller grant or the word of who runs the seed, and then only after
thirty days that have passed for certain.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sql

from node.errors import NotFoundError
from node.ids import BlobRoot, LibraryId
from node.seed import steps
from node.seed.patience import DAY_MS
from node.seed.schema import BLOBS, ENDINGS, GRANTS, HEADS, LIBRARIES, State
from node.wire.usage import Kept

NOTICE_MS: Final = 30 * DAY_MS
"""The owner is told for so long, and can take everything elsewhere, before anything goes."""


def used_bytes(db: sql.Connection, library: LibraryId) -> int:
    """Listed blobs and snapshots: what the quota is for."""
    return steps.usage(db, library).listed_bytes + steps.snapshot_bytes(db, library)


def settle(db: sql.Connection, library: LibraryId, now_ms: int) -> None:
    """Begin the notice of a library that has more than its room, or take it back."""
    facts = steps.facts_of_library(db, library)
    here = ENDINGS.c.library == library
    known = db.execute(sql.select(ENDINGS).where(here)).one_or_none()
    over = used_bytes(db, library) > facts.quota_bytes
    if over and known is None:
        since_ms = steps.advance_patience(db, now_ms).patient_ms
        db.execute(sql.insert(ENDINGS).values(library=library, since_ms=since_ms, refused=False))
    elif not over and known is not None and not known.refused:
        db.execute(sql.delete(ENDINGS).where(here))


def refuse(db: sql.Connection, number: int, now_ms: int) -> LibraryId:
    """Who runs the seed ends a library's room; only another invitation opens it again. Raises NotFoundError."""
    library = library_of(db, number)
    since_ms = steps.advance_patience(db, now_ms).patient_ms
    db.execute(sql.delete(ENDINGS).where(ENDINGS.c.library == library))
    db.execute(sql.insert(ENDINGS).values(library=library, since_ms=since_ms, refused=True))
    db.execute(sql.update(LIBRARIES).where(LIBRARIES.c.library == library).values(quota_bytes=0))
    db.execute(sql.update(GRANTS).where(GRANTS.c.library == library).values(granted_bytes=0))
    return library


def library_of(db: sql.Connection, number: int) -> LibraryId:
    """The library that the person sees by that number. Raises NotFoundError."""
    library = db.scalar(sql.select(LIBRARIES.c.library).where(LIBRARIES.c.number == number))
    if library is None:
        raise NotFoundError(f"this seed keeps no library {number}; 'songkeep seed status' lists them")
    return LibraryId(library)


def is_refused(db: sql.Connection, library: LibraryId) -> bool:
    return bool(db.scalar(sql.select(ENDINGS.c.refused).where(ENDINGS.c.library == library)))


def days_left(db: sql.Connection, library: LibraryId, now_ms: int) -> int | None:
    """Days until something goes, rounded up; None if nothing will."""
    since_ms = db.scalar(sql.select(ENDINGS.c.since_ms).where(ENDINGS.c.library == library))
    if since_ms is None:
        return None
    left_ms = NOTICE_MS - (steps.advance_patience(db, now_ms).patient_ms - int(since_ms))
    return max(0, -(-left_ms // DAY_MS))


def overdue_bytes(db: sql.Connection) -> int:
    """What is still held beyond what is promised: it takes room that can't be promised to others yet."""
    total = 0
    for library in db.scalars(sql.select(ENDINGS.c.library)):
        facts = steps.facts_of_library(db, LibraryId(library))
        total += max(0, used_bytes(db, LibraryId(library)) - facts.quota_bytes)
    return total


def kept_by_grant(db: sql.Connection, library: LibraryId, tracker: bytes) -> Kept:
    """What is kept of a library by that tracker's grants."""
    mine = sql.select(GRANTS).where(GRANTS.c.library == library, GRANTS.c.tracker == tracker)
    grant = db.execute(mine).one_or_none()
    if grant is None:
        return Kept(0, 0, 0)
    used = used_bytes(db, library)
    over_bytes = used - steps.facts_of_library(db, library).quota_bytes
    if over_bytes <= 0 or not steps.usage(db, library).listed_bytes:
        over_bytes = 0  # snapshots without songs go with the rest; nobody waits for them
    return Kept(grant.serial, grant.granted_bytes + over_bytes, used)


def end_overdue(db: sql.Connection, patient_ms: int) -> list[tuple[LibraryId, BlobRoot]]:
    """Forget what has been beyond its library's room for the whole notice, the largest first, so that most songs stay.

    Returns blobs whose files are the caller's to remove.
    """
    gone: list[tuple[LibraryId, BlobRoot]] = []
    late = sql.select(ENDINGS.c.library).where(ENDINGS.c.since_ms <= patient_ms - NOTICE_MS)
    for raw in list(db.scalars(late)):
        library = LibraryId(raw)
        excess = used_bytes(db, library) - steps.facts_of_library(db, library).quota_bytes
        here = sql.and_(BLOBS.c.library == library, BLOBS.c.state != int(State.TRASH))
        rows = db.execute(sql.select(BLOBS.c.root, BLOBS.c.sealed_bytes).where(here).order_by(-BLOBS.c.sealed_bytes))
        for row in list(rows):
            if excess <= 0:
                break
            db.execute(sql.delete(BLOBS).where(BLOBS.c.library == library, BLOBS.c.root == row.root))
            gone.append((library, BlobRoot(row.root)))
            excess -= row.sealed_bytes
        if excess > 0:
            heads = sql.delete(HEADS).where(HEADS.c.library == library).returning(HEADS.c.root)
            gone += [(library, BlobRoot(root)) for root in db.scalars(heads)]
        db.execute(sql.delete(ENDINGS).where(ENDINGS.c.library == library, sql.not_(ENDINGS.c.refused)))
    return gone
