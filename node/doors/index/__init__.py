"""The index: one SQLite file that holds this device's copy of the catalog and what only this device knows.

The only importer of sqlite3. Methods block and may be called from any thread: from asyncio by `asyncio.to_thread`.
`transaction()` makes several calls of one thread one durable step; nothing of it is there if it doesn't end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

from node.doors.index.blobs import Blobs, put_blob
from node.doors.index.browse import AlbumList, Browse, Named, Years
from node.doors.index.copies import CopiesRoom, SongBlob, Weighed
from node.doors.index.covers import Covers
from node.doors.index.database import Database, Step
from node.doors.index.details import AlbumDetail, ArtistDetail, Song
from node.doors.index.folders import Folders
from node.doors.index.log import Applied, Log
from node.doors.index.pages import (
    AlbumOrder,
    AlbumRow,
    ArtistRow,
    Counts,
    GenreRow,
    Narrowed,
    Pages,
    TrackOrder,
    TrackRow,
)
from node.doors.index.passwords import AppPasswords
from node.doors.index.personal import Mark, Personal, PlaylistRow, refresh_personal, touch_personal
from node.doors.index.projection import ARTICLES_SETTING, refresh, touch_all
from node.doors.index.recording import (
    hide_pending,
    record_identified,
    record_missing,
    record_read,
    record_rename,
    record_returned,
)
from node.doors.index.rows import (
    CoverFound,
    CoverPlace,
    Folder,
    FolderState,
    Held,
    KnownSource,
    Left,
    SealedBlob,
    Source,
    SourceRead,
    SourceState,
    StoredBlob,
    StoredState,
)
from node.doors.index.search import Found, Search
from node.doors.index.settings import Sessions, Settings
from node.doors.index.sources import Sources
from node.doors.index.tracks import Tracks

__all__ = [
    "ARTICLES_SETTING",
    "AlbumDetail",
    "AlbumList",
    "AlbumOrder",
    "AlbumRow",
    "Applied",
    "ArtistDetail",
    "ArtistRow",
    "Counts",
    "CoverFound",
    "CoverPlace",
    "Folder",
    "FolderState",
    "Found",
    "GenreRow",
    "Held",
    "Index",
    "KnownSource",
    "Left",
    "Mark",
    "Named",
    "Narrowed",
    "PlaylistRow",
    "SealedBlob",
    "Song",
    "SongBlob",
    "Source",
    "SourceRead",
    "SourceState",
    "Step",
    "StoredBlob",
    "StoredState",
    "TrackOrder",
    "TrackRow",
    "Weighed",
    "Years",
    "hide_pending",
    "put_blob",
    "record_identified",
    "record_missing",
    "record_read",
    "record_rename",
    "record_returned",
]

_SINCE_EXTRAS: Final = 2
"""The first schema whose tracks have extras and whose personal rows are made."""


class Index:
    """The open index. Use it as a context manager, or `close` it."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file at `path`. Raises StorageError, DamagedError, UnknownFormatError."""
        self._database = Database(path)
        self._database.before_commit = self._before_commit
        self._database.after_commit = self._after_commit
        self._listeners: list[Callable[[], None]] = []
        self.folders = Folders(self._database)
        self.sources = Sources(self._database)
        self.blobs = Blobs(self._database)
        self.log = Log(self._database)
        self.covers = Covers(self._database, self.log, self.sources)
        self.tracks = Tracks(self._database)
        self.copies = CopiesRoom(self._database)
        self.pages = Pages(self._database)
        self.search = Search(self._database)
        self.settings = Settings(self._database)
        self.sessions = Sessions(self._database)
        self.browse = Browse(self._database)
        self.personal = Personal(self._database)
        self.app_passwords = AppPasswords(self._database)
        if 0 < self._database.found_version < _SINCE_EXTRAS:
            with self._database.write() as step:
                touch_all(step)
                touch_personal(step)

    @classmethod
    def open(cls, path: Path) -> Index:
        """The same as calling the class: for `with Index.open(path) as index`."""
        return cls(path)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Step]:
        """All that this thread does to the index inside the block happens together, or not at all."""
        with self._database.write() as step:
            yield step

    def give_back(self) -> None:
        """Let go of what large changes left in memory. Blocks while another thread changes something."""
        self._database.give_back()

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each commit that a person could see, in the writing thread; returns what undoes it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def set_articles(self, articles: tuple[str, ...]) -> None:
        """Leading words that don't count in sorting; every list is sorted again."""
        with self._database.write() as step:
            self.settings.set(ARTICLES_SETTING, [article.lower() for article in articles])
            touch_all(step)

    def _before_commit(self, step: Step) -> None:
        refresh(step)
        refresh_personal(step)
        if step.changed:
            step.sql.execute("UPDATE state SET revision = revision + 1")

    def _after_commit(self, step: Step) -> None:
        if step.changed:
            for listener in tuple(self._listeners):
                listener()
