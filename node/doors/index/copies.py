"""Questions about where the music lies, each answered in one pass over the whole library."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from node.catalog.values import blob_of
from node.catalog.vocabulary import COVER, COVER_BLOB, MOBILE, MOBILE_AAC, ORIGINAL_PREFIX, TRACK
from node.crypto.blob import Purpose
from node.doors.index.database import Database
from node.doors.index.registers import MAX_STORED_VALUE_BYTES
from node.errors import PeerError
from node.ids import BlobRoot
from node.wire.codec import array, unpack

STAR_WEIGHT: Final = 1_000
"""A star counts as so many plays."""


REMOVED_WEIGHT: Final = -1
"""Of what the person took out of the library."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A blob that the catalog names, and how dear its dearest track is: plays, and a star as a thousand."""

    root: BlobRoot
    purpose: Purpose
    weight: int
    sealed_bytes: int | None
    """None if its layer is not kept here."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A blob in the kept part of the store."""

    root: BlobRoot
    purpose: Purpose
    sealed_bytes: int
    damaged: bool


@dataclass(frozen=True, slots=True)
class SongBlob:
    """One rendition of a track that is shown; without a root it is not sealed yet."""

    track: str
    title: str
    root: BlobRoot | None
    purpose: Purpose | None


class CopiesRoom:
    """Part of the index; nothing here writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def weighed(self, *, shown: bool = False) -> Iterator[Weighed]:
        """Every blob that the catalog names, in the order of their roots; with `shown` not those of removed tracks."""
        only = "WHERE t.hidden IS NOT 1" if shown else ""
        rows = self._database.each(
            f"""SELECT b.root, min(b.purpose),
                      max(CASE WHEN t.hidden THEN ? WHEN m.starred_ms IS NULL THEN coalesce(m.plays, 0)
                          ELSE coalesce(m.plays, 0) + ? END), k.sealed_bytes
               FROM named_blob b LEFT JOIN mark m ON m.id = b.row LEFT JOIN blob k ON k.root = b.root
               LEFT JOIN track t ON t.id = b.row {only} GROUP BY b.root ORDER BY b.root""",
            REMOVED_WEIGHT,
            STAR_WEIGHT,
        )
        for root, purpose, weight, size in rows:
            yield Weighed(BlobRoot(root), Purpose(purpose), weight, size)

    def sizes(self) -> Iterator[tuple[BlobRoot, int]]:
        """Blobs that the catalog names, with the sizes of their plaintext in bytes; malformed ones are left out."""
        rows = self._database.each(
            """SELECT value FROM register
               WHERE (tbl = ? AND (field IN (?, ?) OR field >= ? AND field < ?)) OR (tbl = ? AND field = ?)""",
            TRACK, MOBILE, MOBILE_AAC, ORIGINAL_PREFIX, ORIGINAL_PREFIX + "\U0010ffff", COVER, COVER_BLOB,
        )  # fmt: skip
        for (value,) in rows:
            with contextlib.suppress(PeerError):
                blob = blob_of(array(unpack(value, max_bytes=MAX_STORED_VALUE_BYTES), 2, "a rendition")[0])
                yield blob.root, blob.size_bytes

    def kept(self) -> Iterator[Kept]:
        """Blobs in the kept part of the store here."""
        rows = self._database.each("SELECT root, purpose, sealed_bytes, damaged FROM blob WHERE stored = 2")
        for root, purpose, size, damaged in rows:
            yield Kept(BlobRoot(root), Purpose(purpose), size, bool(damaged))

    def at_hand(self) -> Iterator[BlobRoot]:
        """Blobs that can be made again from an unchanged file here; one that two files give comes twice."""
        rows = self._database.each(
            """SELECT s.root FROM source s JOIN folder f ON f.id = s.folder
               WHERE s.root IS NOT NULL AND s.state = 'present' AND f.state = 'present'"""
        )
        for (root,) in rows:
            yield BlobRoot(root)

    def from_files(self) -> Iterator[BlobRoot]:
        """Originals that were sealed from files of this device, also those that the catalog names no longer."""
        for (root,) in self._database.each("SELECT DISTINCT root FROM source WHERE root IS NOT NULL"):
            yield BlobRoot(root)

    def own(self) -> Iterator[tuple[BlobRoot, Purpose]]:
        """Blobs of tracks and covers that came into the library by files of this device, whatever became of those."""
        rows = self._database.each(
            """SELECT root, min(purpose) FROM named_blob b
               WHERE EXISTS (SELECT 1 FROM source s WHERE s.track = b.row)
                  OR EXISTS (SELECT 1 FROM source s WHERE s.cover = b.row)
               GROUP BY root"""
        )
        for root, purpose in rows:
            yield BlobRoot(root), Purpose(purpose)

    def songs(self) -> list[SongBlob]:
        """Every rendition of every track that is shown, track by track."""
        rows = self._database.all(
            """SELECT t.id, t.title, b.root, b.purpose FROM track t LEFT JOIN named_blob b ON b.row = t.id
               WHERE t.hidden = 0 ORDER BY t.n, b.purpose"""
        )
        return [
            SongBlob(track, title, None if root is None else BlobRoot(root), purpose and Purpose(purpose))
            for track, title, root, purpose in rows
        ]
