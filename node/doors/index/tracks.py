"""What the index knows of single tracks beyond what lists show."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from node.catalog.vocabulary import TrackFacts, read_track
from node.crypto.blob import Purpose
from node.doors.index.database import Database
from node.doors.index.projection import track_fields
from node.doors.index.rows import STORED, Left, StoredState
from node.errors import NotFoundError
from node.ids import BlobRoot, TrackId

_UNRENDERED = """t.hidden = 0 AND t.sealed = 1 AND t.mobile = 0
    AND NOT EXISTS (SELECT 1 FROM unrendered u WHERE u.track = t.id)
    AND (EXISTS (SELECT 1 FROM source s JOIN folder f ON f.id = s.folder
                 WHERE s.track = t.id AND s.state = 'present' AND f.state = 'present')
      OR EXISTS (SELECT 1 FROM named_blob x JOIN blob b ON b.root = x.root
                 WHERE x.row = t.id AND x.purpose = 1 AND b.stored > 0 AND NOT b.damaged))"""


class Tracks:
    """Part of the index."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def resolve(self, track_id: str) -> TrackId:
        """The name that a track has now: provisional ones go on to mean it. Raises NotFoundError."""
        row = self._database.one(
            """SELECT id FROM track WHERE id = ?1
               UNION ALL SELECT t.id FROM alias a JOIN track t ON t.id = a.track WHERE a.id = ?1 LIMIT 1""",
            track_id,
        )
        if row is None:
            raise NotFoundError("there is no such track in this library")
        return TrackId(row[0])

    def fields(self, track_id: str) -> dict[str, Any]:
        """The shown values of a track's registers."""
        with self._database.read() as sql:
            return track_fields(sql, [track_id]).get(track_id, {})

    def facts(self, track_id: str) -> TrackFacts:
        """What the catalog says of a track; nothing for a provisional one."""
        return read_track(self.fields(track_id))

    def stored(self, track_id: str) -> dict[bytes, tuple[StoredState, bool]]:
        """For each blob of a track whose layer is here: where its bytes are, and whether they are damaged."""
        rows = self._database.all(
            "SELECT b.root, b.stored, b.damaged FROM named_blob x JOIN blob b ON b.root = x.root WHERE x.row = ?",
            track_id,
        )
        return {root: (STORED[stored], bool(damaged)) for root, stored, damaged in rows}

    def roots(self, track_ids: Sequence[str]) -> dict[str, list[BlobRoot]]:
        """The blobs that can be played of each of these tracks; those without any are left out."""
        found: dict[str, list[BlobRoot]] = {}
        rows = self._database.all(
            """SELECT b.row, b.root FROM json_each(?) j CROSS JOIN named_blob b ON b.row = j.value
               WHERE b.purpose IN (?, ?)""",
            json.dumps([*track_ids]), Purpose.ORIGINAL, Purpose.MOBILE,
        )  # fmt: skip
        for track, root in rows:
            found.setdefault(track, []).append(BlobRoot(root))
        return found

    def named_by(self, root: bytes) -> list[tuple[str, int]]:
        """Which tracks or covers name a blob, and as what (Purpose)."""
        rows = self._database.all("SELECT row, purpose FROM named_blob WHERE root = ? ORDER BY row", root)
        return [(row, purpose) for row, purpose in rows]

    def title_of(self, root: bytes) -> str:
        """The title of a track of which that blob is a rendition; empty if it is of none."""
        row = self._database.one(
            "SELECT t.title FROM named_blob x JOIN track t ON t.id = x.row WHERE x.root = ? ORDER BY t.n LIMIT 1", root
        )
        return row[0] if row is not None else ""

    def removed(self) -> list[tuple[TrackId, int | None]]:
        """Tracks that were taken out of the library, the last first, with its stamp; None: not in the catalog yet."""
        rows = self._database.all(
            """SELECT t.id, (SELECT max(r.stamp) FROM register r
                             WHERE r.tbl = 'track' AND r.id = t.id AND r.field = 'hidden') AS stamp
               FROM track t WHERE t.hidden ORDER BY stamp IS NOT NULL, stamp DESC, t.id"""
        )
        return [(TrackId(track), stamp) for track, stamp in rows]

    def next_to_render(self, limit: int, skip: Collection[str] = ()) -> list[TrackId]:
        """Sealed tracks without a mobile rendition whose original is at hand: those asked for, then as they came."""
        rows = self._database.all(
            f"""SELECT t.id FROM asked q CROSS JOIN track t ON t.id = q.track
                WHERE {_UNRENDERED} AND t.id NOT IN (SELECT value FROM json_each(?)) ORDER BY q.n DESC LIMIT ?""",
            json.dumps([*skip]), limit,
        )  # fmt: skip
        asked = [TrackId(row[0]) for row in rows]
        if len(asked) == limit:
            return asked
        rows = self._database.all(
            f"""SELECT t.id FROM track t WHERE {_UNRENDERED} AND t.id NOT IN (SELECT value FROM json_each(?))
                ORDER BY t.n LIMIT ?""",
            json.dumps([*skip, *asked]), limit - len(asked),
        )  # fmt: skip
        return asked + [TrackId(row[0]) for row in rows]

    def to_render(self) -> Left:
        """How much waits for its mobile rendition."""
        row = self._database.one(f"SELECT count(*), coalesce(sum(t.size_bytes), 0) FROM track t WHERE {_UNRENDERED}")
        assert row is not None
        return Left(row[0], row[1])

    def set_unrendered(self, track_id: str, reason: str | None) -> None:
        """Say that a track can't be rendered, and why: it is not tried again. None: try again."""
        with self._database.write() as step:
            if reason is None:
                step.sql.execute("DELETE FROM unrendered WHERE track = ?", (track_id,))
            else:
                step.sql.execute("INSERT OR REPLACE INTO unrendered VALUES (?, ?)", (track_id, reason))
            step.changed = True

    def unrendered(self, limit: int) -> list[tuple[TrackId, str]]:
        """Tracks that can't be rendered, and why."""
        rows = self._database.all("SELECT track, error FROM unrendered ORDER BY track LIMIT ?", limit)
        return [(TrackId(track), error) for track, error in rows]
