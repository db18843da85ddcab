"""The files in the music folders: what was read of them, what they became, what waits to be sealed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from node.catalog.model import Fingerprint, Stream, Tags
from node.catalog.values import path_bytes, path_text, stream_of, stream_value, tags_of, tags_value
from node.doors.index.database import Database, Step
from node.doors.index.rows import KnownSource, Left, Source, SourceRead
from node.errors import NotFoundError
from node.ids import BlobRoot, CoverId, TrackId, to_text
from node.wire.codec import pack, unpack

_MAX_FACTS_BYTES = 1 << 20
_SELECT = """SELECT s.id, s.folder, f.path, f.state, s.path, s.size_bytes, s.mtime_ns, s.ctime_ns, s.inode, s.state,
    s.track, s.sha256, s.root, s.facts, s.cover, s.error, s.hidden, s.added_ms
    FROM source s JOIN folder f ON f.id = s.folder"""
_WAITING = """s.root IS NULL AND s.error IS NULL AND s.state != 'missing' AND f.state = 'present'
    AND NOT (s.identified AND EXISTS (SELECT 1 FROM track t WHERE t.id = s.track AND t.hidden = 1))"""


class Sources:
    """Part of the index; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, folder_id: int) -> dict[str, KnownSource]:
        """Every file known in one folder, by path: what a scan compares with."""
        return {
            path_text(path): KnownSource(source_id, Fingerprint(size, mtime, ctime, inode), state, error)
            for source_id, path, size, mtime, ctime, inode, state, error in self._database.all(
                """SELECT id, path, size_bytes, mtime_ns, ctime_ns, inode, state, error IS NOT NULL
                   FROM source WHERE folder = ?""",
                folder_id,
            )
        }

    def get(self, source_id: int) -> Source:
        """Raises NotFoundError."""
        found = self.find(source_id)
        if found is None:
            raise NotFoundError("that file is no longer known")
        return found

    def find(self, source_id: int) -> Source | None:
        """The file with this number, if it is still known."""
        found = self._select("s.id = ?", source_id)
        return found[0] if found else None

    def at(self, folder_id: int, path: str) -> Source | None:
        """The file at a path below a folder."""
        found = self._select("s.folder = ? AND s.path = ?", folder_id, path_bytes(path))
        return found[0] if found else None

    def of_track(self, track_id: str) -> list[Source]:
        """The files of a track, those at hand first."""
        found = self._select("s.track = ?", track_id)
        return sorted(found, key=lambda source: (not source.at_hand, source.state != "present", source.id))

    def with_root(self, root: bytes) -> list[Source]:
        """Unchanged files at hand that are this blob."""
        return self._select("s.root = ? AND s.state = 'present' AND f.state = 'present'", root)

    def with_cover(self, cover_id: str, limit: int = 8) -> list[tuple[Source, str | None]]:
        """Files at hand that have this picture inside, or (path below the folder) beside them."""
        found = self._select(f"s.cover = ? AND s.state != 'missing' ORDER BY s.id LIMIT {limit:d}", cover_id)
        return [(source, self._cover_file(source.id)) for source in found if source.at_hand]

    def _cover_file(self, source_id: int) -> str | None:
        row = self._database.one("SELECT cover_file FROM source WHERE id = ?", source_id)
        return None if row is None or row[0] is None else path_text(row[0])

    def next_to_seal(self, limit: int, skip: Collection[int] = ()) -> list[Source]:
        """Files not sealed as they are now: those asked for, then changed ones, then in the order they came.

        `skip` are those that the caller has in hand already.
        """
        skipped = json.dumps([*skip])
        fresh = "s.id NOT IN (SELECT value FROM json_each(?))"
        asked = self._select(
            f"""{_WAITING} AND {fresh} AND s.track IN (SELECT track FROM asked)
                ORDER BY (SELECT n FROM asked WHERE asked.track = s.track) DESC, s.id LIMIT ?""",
            skipped,
            limit,
        )
        if len(asked) == limit:
            return asked
        skipped = json.dumps([*skip, *(source.id for source in asked)])
        return asked + self._select(
            f"{_WAITING} AND {fresh} ORDER BY s.state, s.id LIMIT ?", skipped, limit - len(asked)
        )

    def to_seal(self) -> Left:
        """How much waits to be sealed."""
        row = self._database.one(
            f"""SELECT count(*), coalesce(sum(s.size_bytes), 0) FROM source s JOIN folder f ON f.id = s.folder
                WHERE {_WAITING}"""
        )
        assert row is not None
        return Left(row[0], row[1])

    def failed(self, limit: int, offset: int = 0) -> list[tuple[str, str]]:
        """Files that could not be read, with the reason: (full path, a sentence)."""
        found = self._select("s.error IS NOT NULL ORDER BY s.id LIMIT ? OFFSET ?", limit, offset)
        return [(source.full_path, source.error or "") for source in found]

    def page(self, folder_id: int, after_id: int, limit: int) -> list[Source]:
        """Files of one folder in the order they came, those above `after_id`."""
        return self._select("s.folder = ? AND s.id > ? ORDER BY s.id LIMIT ?", folder_id, after_id, limit)

    def counts(self) -> dict[int, dict[str, int]]:
        """For each folder how many files are 'present', 'changed', 'missing' and 'failed'."""
        counts: dict[int, dict[str, int]] = {}
        for folder, state, number in self._database.all(
            """SELECT folder, CASE WHEN error IS NOT NULL THEN 'failed' ELSE state END AS kind, count(*)
               FROM source GROUP BY folder, kind"""
        ):
            counts.setdefault(folder, dict.fromkeys(("present", "changed", "missing", "failed"), 0))[state] = number
        return counts

    def ask(self, track_id: str) -> None:
        """Somebody wants this track: what waits for it goes first."""
        with self._database.write() as step:
            step.sql.execute(
                """INSERT INTO asked VALUES (?, (SELECT coalesce(max(n), 0) + 1 FROM asked))
                   ON CONFLICT DO UPDATE SET n = excluded.n""",
                (track_id,),
            )
            step.sql.execute("DELETE FROM asked WHERE n <= (SELECT max(n) FROM asked) - 1000")

    def set_error(self, source_id: int, reason: str | None) -> None:
        """Say that a file could not be sealed, and why; until it changes it is not tried again. None: try again."""
        with self._database.write() as step:
            step.sql.execute("UPDATE source SET error = ? WHERE id = ?", (reason, source_id))
            step.changed = True

    def withdraw(self, source_ids: Iterable[int]) -> None:
        """Say that these files are not the blobs that were sealed from them: they have to be sealed again."""
        with self._database.write() as step:
            for source_id in source_ids:
                step.sql.execute(
                    """UPDATE source SET root = NULL, sha256 = NULL, state = 'changed'
                       WHERE id = ? AND root IS NOT NULL AND state != 'missing'""",
                    (source_id,),
                )
                step.sql.execute(
                    "UPDATE source SET root = NULL, sha256 = NULL WHERE id = ? AND state = 'missing'", (source_id,)
                )
            step.changed = True

    def forget(self, source_ids: Iterable[int]) -> None:
        """Drop files from the index; their tracks are shown by what is left of them."""
        with self._database.write() as step:
            for source_id in source_ids:
                _delete(step, source_id)

    def _select(self, where: str, *values: Any) -> list[Source]:
        return [_source(row) for row in self._database.all(f"{_SELECT} WHERE {where}", *values)]


def record_read(step: Step, folder_id: int, read: SourceRead, *, now_ms: int) -> tuple[int, bool]:
    """Write down one file as a scan read it: (its id, whether it is new). Its track is made again before the commit."""
    path, print_ = path_bytes(read.path), read.fingerprint
    row = step.sql.execute(
        "SELECT id, track, identified FROM source WHERE folder = ? AND path = ?", (folder_id, path)
    ).fetchone()
    source_id, track, identified = row or (None, None, 0)
    if read.error is not None or read.tags is None or read.stream is None:
        error, facts = read.error or "it could not be read as music", None
        if track is not None:
            step.tracks.add(track)
        track = track if identified else None
    else:
        error, facts = None, facts_bytes(read.tags, read.stream)
        track = track or provisional_id(folder_id, path, print_)
        step.tracks.add(track)
    cover = None if read.cover is None else to_text(read.cover.sha256[:16])
    cover_file = None if read.cover is None or read.cover.file is None else path_bytes(read.cover.file)
    if read.cover is not None:
        step.sql.execute(
            "INSERT INTO image VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (cover, read.cover.mime, read.cover.size_bytes)
        )
    columns = (
        print_.size_bytes, print_.mtime_ns, print_.ctime_ns, print_.inode, "changed" if identified else "present",
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
        _delete(step, taken[0])
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
        _delete(step, source_id)


def record_identified(
    step: Step, source_id: int, *, fingerprint: Fingerprint, track: TrackId, sha256: bytes, root: BlobRoot
) -> tuple[bool, bool] | None:
    """A file was sealed as it was at `fingerprint`: (whether it had been this track before, whether it is hidden).

    None if the file has changed since, and nothing was written. A provisional identifier goes on as another name.
    """
    row = step.sql.execute(
        """SELECT track, identified, hidden FROM source WHERE id = ? AND state != 'missing'
           AND size_bytes = ? AND mtime_ns = ? AND ctime_ns = ? AND inode = ?""",
        (source_id, fingerprint.size_bytes, fingerprint.mtime_ns, fingerprint.ctime_ns, fingerprint.inode),
    ).fetchone()
    if row is None:
        return None
    before, identified, hidden = row
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
    return bool(identified and before == track), bool(hidden)


def hide_pending(step: Step, track_id: str, *, hidden: bool) -> bool:
    """Hide or show a track that is still provisional; whether it is. The catalog is told when it is identified."""
    cursor = step.sql.execute("UPDATE source SET hidden = ? WHERE track = ? AND NOT identified", (hidden, track_id))
    step.tracks.add(track_id)
    return cursor.rowcount > 0


def provisional_id(folder_id: int, path: bytes, fingerprint: Fingerprint) -> TrackId:
    """A track's name until its recording is known."""
    facts = pack(["pending", folder_id, path, fingerprint.size_bytes, fingerprint.mtime_ns, fingerprint.inode])
    return TrackId(to_text(hashlib.sha256(facts).digest()[:16]))


def facts_bytes(tags: Tags, stream: Stream) -> bytes:
    return pack([tags_value(tags), stream_value(stream)])


def facts_of(raw: bytes) -> tuple[Tags, Stream]:
    tags, stream = unpack(raw, max_bytes=_MAX_FACTS_BYTES)
    return tags_of(tags), stream_of(stream)


def _delete(step: Step, source_id: int) -> None:
    _touch(step, source_id)
    step.sql.execute("DELETE FROM source WHERE id = ?", (source_id,))


def _touch(step: Step, source_id: int) -> None:
    row = step.sql.execute("SELECT track FROM source WHERE id = ?", (source_id,)).fetchone()
    if row is not None and row[0] is not None:
        step.tracks.add(row[0])
    step.changed = True


def _source(row: Sequence[Any]) -> Source:
    (
        source_id, folder, folder_path, folder_state, path, size, mtime, ctime, inode, state, track, sha256, root,
        facts, cover, error, hidden, added_ms,
    ) = row  # fmt: skip
    tags, stream = (None, None) if facts is None else facts_of(facts)
    return Source(
        id=source_id,
        folder_id=folder,
        folder_path=os.fsdecode(folder_path),
        folder_state=folder_state,
        path=path_text(path),
        fingerprint=Fingerprint(size, mtime, ctime, inode),
        state=state,
        track_id=None if track is None else TrackId(track),
        sha256=sha256,
        root=None if root is None else BlobRoot(root),
        tags=tags,
        stream=stream,
        cover_id=None if cover is None else CoverId(cover),
        error=error,
        hidden=bool(hidden),
        added_ms=added_ms,
    )
