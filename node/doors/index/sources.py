"""The files in the music folders: what was read of them, what they became, what waits to be sealed."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, get_args

from node.catalog.model import Fingerprint
from node.catalog.values import path_bytes, path_text
from node.doors.index.database import Database
from node.doors.index.facts import facts_of
from node.doors.index.recording import forget_source
from node.doors.index.rows import KnownSource, Left, Source, SourceState
from node.errors import NotFoundError
from node.ids import BlobRoot, CoverId, TrackId

_SELECT = """SELECT s.id, s.folder, f.path, f.state, s.path, s.size_bytes, s.mtime_ns, s.ctime_ns, s.inode, s.state,
    s.track, s.sha256, s.root, s.facts, s.cover, s.error, s.hidden, s.added_ms
    FROM source s JOIN folder f ON f.id = s.folder"""
_WAITING = """s.root IS NULL AND s.error IS NULL AND s.facts NOT NULL AND s.state != 'missing' AND f.state = 'present'
    AND NOT (s.identified AND EXISTS (SELECT 1 FROM track t WHERE t.id = s.track AND t.hidden = 1))"""
_IN_CLOUD: Final = "s.ctime_ns = 0"
_KINDS: Final = ("present", "changed", "missing", "failed", "cloud")
_STATES: Final[dict[str, SourceState]] = {state: state for state in get_args(SourceState)}
"""Each state's one text, however often SQLite gives it."""


class Sources:
    """Part of the index; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, folder_id: int) -> dict[str, KnownSource]:
        """Every file known in one folder, by path: what a scan compares with."""
        with self._database.read() as sql:
            rows = sql.execute(  # not fetched at once: there may be very many
                f"""SELECT id, path, size_bytes, mtime_ns, ctime_ns, inode, state,
                    error IS NOT NULL AND NOT {_IN_CLOUD}, facts IS NULL FROM source s WHERE folder = ?""",
                (folder_id,),
            )
            return {
                path_text(path): KnownSource(
                    source_id, Fingerprint(size, mtime, ctime, inode), _STATES[state], bool(failed), bool(unread)
                )
                for source_id, path, size, mtime, ctime, inode, state, failed, unread in rows
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

    def failed(self, limit: int, offset: int = 0) -> list[Source]:
        """Files that are there and did not go in; their `error` says why."""
        return self._select(
            f"s.error IS NOT NULL AND s.state != 'missing' AND NOT {_IN_CLOUD} ORDER BY s.id LIMIT ? OFFSET ?",
            limit,
            offset,
        )

    def page(self, folder_id: int, after_id: int, limit: int) -> list[Source]:
        """Files of one folder in the order they came, those above `after_id`."""
        return self._select("s.folder = ? AND s.id > ? ORDER BY s.id LIMIT ?", folder_id, after_id, limit)

    def counts(self) -> dict[int, dict[str, int]]:
        """For each folder how many files are 'present', 'changed', 'missing', 'failed' and only in the 'cloud'.

        A failed file is one that is there and did not go in, be it that it could not even be looked at.
        """
        counts: dict[int, dict[str, int]] = {}
        for folder, state, in_cloud, failed, number in self._database.all(
            """SELECT folder, state, ctime_ns = 0, error IS NOT NULL, count(*) FROM source
               GROUP BY folder, state, ctime_ns = 0, error IS NOT NULL"""
        ):
            kind = state if state == "missing" else "cloud" if in_cloud else "failed" if failed else state
            counts.setdefault(folder, dict.fromkeys(_KINDS, 0))[kind] += number
        for folder, number in self._database.all("SELECT folder, count(*) FROM unseen GROUP BY folder"):
            counts.setdefault(folder, dict.fromkeys(_KINDS, 0))["failed"] += number
        return counts

    def tracks(self) -> dict[int, int]:
        """For each folder how many tracks its files that went in are; two files of one recording are one."""
        return dict(
            self._database.all(
                f"""SELECT folder, count(DISTINCT track) FROM source WHERE track NOT NULL AND state != 'missing'
                    AND id NOT IN (SELECT s.id FROM source s WHERE s.error NOT NULL AND NOT {_IN_CLOUD})
                    GROUP BY folder"""
            )
        )

    def newest(self) -> int:
        """The number of the file that came last; 0 if there is none."""
        row = self._database.one("SELECT max(id) FROM source")
        return 0 if row is None else row[0] or 0

    def never_sealed(self, folder_id: int, after_id: int) -> list[int]:
        """The numbers, above `after_id`, of the folder's files of which no recording is in the catalog."""
        rows = self._database.all(
            "SELECT id FROM source WHERE folder = ? AND id > ? AND NOT identified", folder_id, after_id
        )
        return [source_id for (source_id,) in rows]

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
                forget_source(step, source_id)

    def _select(self, where: str, *values: Any) -> list[Source]:
        return [_source(row) for row in self._database.all(f"{_SELECT} WHERE {where}", *values)]


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
