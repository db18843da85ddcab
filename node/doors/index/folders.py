"""The music folders of this device."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from node.catalog.values import path_bytes, path_text
from node.doors.index.database import Database, Step
from node.doors.index.rows import Folder, FolderState
from node.errors import NotFoundError, UserError

_COLUMNS = "id, path, state, added_ms, scanned_ms"


class Folders:
    """Part of the index; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Folder]:
        """Every music folder, in the order they were added."""
        return [_folder(row) for row in self._database.all(f"SELECT {_COLUMNS} FROM folder ORDER BY id")]

    def get(self, folder_id: int) -> Folder:
        """Raises NotFoundError."""
        row = self._database.one(f"SELECT {_COLUMNS} FROM folder WHERE id = ?", folder_id)
        if row is None:
            raise NotFoundError("there is no such music folder in this library")
        return _folder(row)

    def add(self, path: str, now_ms: int) -> Folder:
        """The folder at `path`, new or as it already is."""
        with self._database.write() as step:
            step.sql.execute(
                "INSERT INTO folder (path, state, added_ms) VALUES (?, 'present', ?) ON CONFLICT DO NOTHING",
                (os.fsencode(path), now_ms),
            )
            row = step.sql.execute(f"SELECT {_COLUMNS} FROM folder WHERE path = ?", (os.fsencode(path),)).fetchone()
            return _folder(row)

    def move(self, folder_id: int, path: str) -> Folder:
        """The same files are now below `path`. Raises NotFoundError, or UserError if another folder is there."""
        with self._database.write() as step:
            taken = step.sql.execute("SELECT id FROM folder WHERE path = ?", (os.fsencode(path),)).fetchone()
            if taken is not None and taken[0] != folder_id:
                raise UserError("that folder is in the library already")
            step.sql.execute("UPDATE folder SET path = ? WHERE id = ?", (os.fsencode(path), folder_id))
            step.changed = True
            return self.get(folder_id)

    def set_state(self, folder_id: int, state: FolderState) -> None:
        """Say that the folder is there, or away: its holdings are suspended, nothing is deleted."""
        with self._database.write() as step:
            cursor = step.sql.execute(
                "UPDATE folder SET state = ? WHERE id = ? AND state != ?", (state, folder_id, state)
            )
            step.changed |= cursor.rowcount > 0

    def set_scanned(self, folder_id: int, now_ms: int) -> None:
        """Remember when the folder was last gone through to its end."""
        with self._database.write() as step:
            step.sql.execute("UPDATE folder SET scanned_ms = ? WHERE id = ?", (now_ms, folder_id))

    def beside(self, folder_id: int) -> dict[str, bytes]:
        """For each directory of the folder what stood for the pictures in it; those without pictures left out."""
        rows = self._database.all("SELECT directory, pictures FROM beside WHERE folder = ?", folder_id)
        return {path_text(directory): pictures for directory, pictures in rows}

    def set_beside(self, folder_id: int, pictures: Mapping[str, bytes | None]) -> None:
        """Remember what stands for the pictures in some directories; None: there are none."""
        with self._database.write() as step:
            step.sql.executemany(
                "DELETE FROM beside WHERE folder = ? AND directory = ?",
                [(folder_id, path_bytes(directory)) for directory in pictures],
            )
            step.sql.executemany(
                "INSERT INTO beside VALUES (?, ?, ?)",
                [(folder_id, path_bytes(directory), mark) for directory, mark in pictures.items() if mark is not None],
            )

    def unseen(self, folder_id: int) -> dict[str, str]:
        """What in the folder could not even be looked at when it was last gone through: path below it, why."""
        rows = self._database.all("SELECT path, reason FROM unseen WHERE folder = ? ORDER BY path", folder_id)
        return {path_text(path): reason for path, reason in rows}

    def set_unseen(self, folder_id: int, unseen: Mapping[str, str]) -> None:
        """Remember all that could not be looked at."""
        with self._database.write() as step:
            step.sql.execute("DELETE FROM unseen WHERE folder = ?", (folder_id,))
            step.sql.executemany(
                "INSERT INTO unseen VALUES (?, ?, ?)",
                [(folder_id, path_bytes(path), reason) for path, reason in unseen.items()],
            )
            step.changed = True

    def remove(self, step: Step, folder_id: int) -> None:
        """Forget the folder and its sources, inside a transaction. Their tracks are shown by what is left of them."""
        tracks = step.sql.execute(
            "SELECT DISTINCT track FROM source WHERE folder = ? AND track IS NOT NULL", (folder_id,)
        )
        step.tracks.update(track for (track,) in tracks)
        step.sql.execute("DELETE FROM folder WHERE id = ?", (folder_id,))
        step.changed = True


def _folder(row: tuple[Any, ...]) -> Folder:
    folder_id, path, state, added_ms, scanned_ms = row
    return Folder(id=folder_id, path=os.fsdecode(path), state=state, added_ms=added_ms, scanned_ms=scanned_ms)
