"""Where pictures can be had."""

from __future__ import annotations

from node.catalog.model import BlobRef
from node.catalog.register import Key
from node.catalog.vocabulary import COVER, COVER_BLOB, read_cover
from node.doors.index.database import Database
from node.doors.index.log import Log
from node.doors.index.rows import CoverPlace
from node.doors.index.sources import Sources
from node.errors import NotFoundError
from node.ids import CoverId


class Covers:
    """Part of the index."""

    def __init__(self, database: Database, log: Log, sources: Sources) -> None:
        self._database = database
        self._log = log
        self._sources = sources

    def place(self, cover_id: str) -> CoverPlace:
        """Where one cover is: its sealed blob, the files at hand that have it. Raises NotFoundError."""
        sealed = self._sealed(cover_id)
        seen = self._database.one("SELECT mime FROM image WHERE cover = ?", cover_id)
        if sealed is None and seen is None:
            raise NotFoundError("there is no such cover in this library")
        mime = sealed[1] if sealed else (seen or ("",))[0]
        return CoverPlace(
            id=CoverId(cover_id),
            mime=mime,
            ref=sealed[0] if sealed else None,
            sources=self._sources.with_cover(cover_id),
        )

    def ref(self, cover_id: str) -> BlobRef | None:
        """The sealed blob of a cover, None if it isn't sealed yet."""
        sealed = self._sealed(cover_id)
        return sealed[0] if sealed else None

    def _sealed(self, cover_id: str) -> tuple[BlobRef, str] | None:
        return read_cover(self._log.value(Key(COVER, cover_id, COVER_BLOB)))
