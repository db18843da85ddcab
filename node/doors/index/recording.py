"""What scanning and sealing write down of the files, inside a transaction; the tracks follow before its commit."""

from __future__ import annotations

import hashlib

from node.catalog.model import Fingerprint
from node.catalog.values import path_bytes
from node.doors.index.database import Step
from node.doors.index.facts import facts_bytes
from node.doors.index.rows import SourceRead
from node.ids import BlobRoot, TrackId, to_text
from node.wire.codec import pack


def record_read(step: Step, folder_id: int, read: SourceRead, *, now_ms: int) -> tuple[int, bool]:
    """Write down one file as a scan read it: (its id, whether it is new). Its track is made again before the commit."""
    path, print_ = path_bytes(read.path), read.fingerprint
    row = step.sql.execute(
        """SELECT id, track, identified, state, facts, cover, cover_file, error, size_bytes, mtime_ns, ctime_ns, inode
           FROM source WHERE folder = ? AND path = ?""",
        (folder_id, path),
    ).fetchone()
    source_id, track, identified, state, facts_before, cover_before, file_before, error_before, *print_before = row or (
        None, None, 0, "present", None, None, None, None
    )  # fmt: skip
    cover = None if read.cover is None else to_text(read.cover.sha256[:16])
    cover_file = None if read.cover is None or read.cover.file is None else path_bytes(read.cover.file)
    error: str | None
    if read.tags is None or read.stream is None:
        error, facts = read.error or "it could not be read as music", None
        if track is not None:
            step.tracks.add(track)
        track = track if identified else None
    else:
        error, facts = read.error, facts_bytes(read.tags, read.stream)
        if error is not None and facts_before is not None:
            facts, cover, cover_file = facts_before, cover_before, file_before
        track = track or provisional_id(folder_id, path, print_)
        step.tracks.add(track)
    if read.cover is not None:
        step.sql.execute(
            "INSERT INTO image VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (cover, read.cover.mime, read.cover.size_bytes)
        )
    as_before = (facts, cover, cover_file, error) == (facts_before, cover_before, file_before, error_before)
    if row is not None and as_before and state != "missing" and print_ == Fingerprint(*print_before):
        return int(row[0]), False  # read for a picture beside it that was none: it is still sealed
    # One that was only touched says what it said before: it is sealed again, and its tags are nobody's news.
    speaks_anew = state == "changed" or (facts, cover) != (facts_before, cover_before)
    state = "changed" if identified and speaks_anew else "present"
    columns = (
        print_.size_bytes, print_.mtime_ns, print_.ctime_ns, print_.inode, state,
        track, facts, cover, cover_file, error,
    )  # fmt: skip
    step.changed = True
    if source_id is None:
        cursor = step.sql.execute(
            """INSERT INTO source (size_bytes, mtime_ns, ctime_ns, inode, state, track, facts, cover, cover_file, error,
               folder, path, added_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (*columns, folder_id, path, now_ms),
        )
        return int(cursor.lastrowid or 0), True
    step.sql.execute(
        """UPDATE source SET size_bytes = ?, mtime_ns = ?, ctime_ns = ?, inode = ?, state = ?, track = ?, facts = ?,
           cover = ?, cover_file = ?, error = ?, root = NULL, sha256 = NULL WHERE id = ?""",
        (*columns, source_id),
    )
    return source_id, False


def record_rename(step: Step, source_id: int, *, folder_id: int, path: str, fingerprint: Fingerprint) -> None:
    """The same file now has this place; whatever was known there before is gone."""
    taken = step.sql.execute(
        "SELECT id FROM source WHERE folder = ? AND path = ? AND id != ?", (folder_id, path_bytes(path), source_id)
    ).fetchone()
    if taken is not None:
        forget_source(step, taken[0])
    step.sql.execute(
        """UPDATE source SET folder = ?, path = ?, size_bytes = ?, mtime_ns = ?, ctime_ns = ?, inode = ?
           WHERE id = ?""",
        (
            folder_id, path_bytes(path), fingerprint.size_bytes, fingerprint.mtime_ns, fingerprint.ctime_ns,
            fingerprint.inode, source_id,
        ),
    )  # fmt: skip
    record_returned(step, source_id)


def record_returned(step: Step, source_id: int) -> None:
    """A file that was missing is there again, as it was."""
    step.sql.execute(
        """UPDATE source SET state = CASE WHEN identified AND root IS NULL THEN 'changed' ELSE 'present' END
           WHERE id = ?""",
        (source_id,),
    )
    _touch(step, source_id)


def record_missing(step: Step, source_id: int) -> None:
    """A file is gone. Nothing is kept of one that was never identified."""
    identified = step.sql.execute("SELECT identified FROM source WHERE id = ?", (source_id,)).fetchone()
    if identified is None:
        return
    if identified[0]:
        step.sql.execute("UPDATE source SET state = 'missing' WHERE id = ?", (source_id,))
        _touch(step, source_id)
    else:
        forget_source(step, source_id)


def record_identified(
    step: Step, source_id: int, *, fingerprint: Fingerprint, track: TrackId, sha256: bytes, root: BlobRoot
) -> tuple[bool, bool] | None:
    """A file was sealed as it was at `fingerprint`: (whether it is this track retagged, whether it is hidden).

    None if the file has changed since, and nothing was written. A provisional identifier goes on as another name.
    """
    row = step.sql.execute(
        """SELECT track, identified, hidden, state FROM source WHERE id = ? AND state != 'missing'
           AND size_bytes = ? AND mtime_ns = ? AND ctime_ns = ? AND inode = ?""",
        (source_id, fingerprint.size_bytes, fingerprint.mtime_ns, fingerprint.ctime_ns, fingerprint.inode),
    ).fetchone()
    if row is None:
        return None
    before, identified, hidden, state = row
    if before is not None and before != track:
        step.tracks.add(before)
        if not identified:
            step.sql.execute(
                "INSERT INTO alias VALUES (?, ?) ON CONFLICT DO UPDATE SET track = excluded.track", (before, track)
            )
            step.sql.execute("UPDATE OR IGNORE track SET id = ? WHERE id = ?", (track, before))
            step.sql.execute("UPDATE OR REPLACE asked SET track = ? WHERE track = ?", (track, before))
    step.sql.execute(
        """UPDATE source SET state = 'present', track = ?, identified = 1, sha256 = ?, root = ?, error = NULL,
           hidden = 0 WHERE id = ?""",
        (track, sha256, root, source_id),
    )
    step.tracks.add(track)
    return bool(identified and before == track and state == "changed"), bool(hidden)


def hide_pending(step: Step, track_id: str, *, hidden: bool) -> bool:
    """Hide or show a track that is still provisional; whether it is. The catalog is told when it is identified."""
    cursor = step.sql.execute("UPDATE source SET hidden = ? WHERE track = ? AND NOT identified", (hidden, track_id))
    step.tracks.add(track_id)
    return cursor.rowcount > 0


def forget_source(step: Step, source_id: int) -> None:
    """Drop a file; its track is shown by what is left of it."""
    _touch(step, source_id)
    step.sql.execute("DELETE FROM source WHERE id = ?", (source_id,))


def _touch(step: Step, source_id: int) -> None:
    row = step.sql.execute("SELECT track FROM source WHERE id = ?", (source_id,)).fetchone()
    if row is not None and row[0] is not None:
        step.tracks.add(row[0])
    step.changed = True


def provisional_id(folder_id: int, path: bytes, fingerprint: Fingerprint) -> TrackId:
    """A track's name until its recording is known."""
    facts = pack(["pending", folder_id, path, fingerprint.size_bytes, fingerprint.mtime_ns, fingerprint.inode])
    return TrackId(to_text(hashlib.sha256(facts).digest()[:16]))
