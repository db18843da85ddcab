"""The library: what the person sees, and every change to it. Faces and flows call this and nothing below it.

Everything blocks and is safe to call from any thread; from asyncio by `asyncio.to_thread`. What has returned is
durable: a change and all that follows from it are one transaction of the index.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from node.catalog.batch import Batch, Op
from node.catalog.model import BlobRef, Fingerprint, Rendition, Stream
from node.catalog.vector import MAX_INCARNATION, LogId
from node.catalog.vocabulary import edit_tag, set_hidden, set_mobile
from node.crypto.blob import Purpose
from node.crypto.keys import MemberKeys
from node.doors.index import (
    AlbumOrder,
    Applied,
    Counts,
    Held,
    Index,
    Left,
    Narrowed,
    SealedBlob,
    SourceRead,
    TrackOrder,
    put_blob,
)
from node.errors import NotFoundError, PeerError, UserError
from node.ids import TrackId
from node.library.browse import Browse
from node.library.changes import Changes
from node.library.detail import track_detail
from node.library.facts import ScanResult, SealedSource, ToRender, TrackFiles
from node.library.intake import Intake
from node.library.personal import Personal
from node.library.playlists import Playlists
from node.library.shapes import (
    AlbumJson,
    ArtistJson,
    FoundJson,
    PageJson,
    TrackJson,
    album_json,
    artist_json,
    genre_json,
    track_json,
)

MAX_PAGE: Final = 500
_FILES_AT_ONCE: Final = 200
_ARTISTS_FOUND: Final = 10


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _new_incarnation() -> int:
    return secrets.randbelow(MAX_INCARNATION) + 1


class Library:
    """One person's music on one device."""

    def __init__(
        self,
        index: Index,
        keys: MemberKeys,
        identity: bytes,
        *,
        now_ms: Callable[[], int] = _now_ms,
        new_incarnation: Callable[[], int] = _new_incarnation,
    ) -> None:
        """`keys` sign this device's log; `identity` is the first epoch's key that track identifiers come from."""
        self.index = index
        self.changes = Changes(index, keys, now_ms=now_ms, new_incarnation=new_incarnation)
        self.browse = Browse(index)
        self.personal = Personal(index, self.changes, now_ms=now_ms)
        self.playlists = Playlists(index, self.changes, now_ms=now_ms)
        self._intake = Intake(index, self.changes, identity, now_ms=now_ms)
        self._now_ms = now_ms
        self._counted: tuple[int, Counts] | None = None

    @classmethod
    def open(cls, index: Index, keys: MemberKeys, identity: bytes, *, now_ms: Callable[[], int] = _now_ms) -> Library:
        """The library in an open index. It has nothing to close of its own."""
        return cls(index, keys, identity, now_ms=now_ms)

    @property
    def revision(self) -> int:
        """Counts what a person could see change."""
        return self.index.pages.revision()

    def on_change(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """Call `listener` with the new revision after each change, in the changing thread; returns what undoes it."""
        return self.index.on_change(lambda: listener(self.revision))

    # What is shown

    def summary(self) -> dict[str, Any]:
        """How much there is: {revision, counts: {tracks, albums, artists, genres}, duration_ms}."""
        revision = self.revision
        if self._counted is None or self._counted[0] != revision:
            self._counted = revision, self.index.pages.counts()
        counts = self._counted[1]
        return {
            "revision": revision,
            "counts": {
                "tracks": counts.tracks,
                "albums": counts.albums,
                "artists": counts.artists,
                "genres": counts.genres,
            },
            "duration_ms": counts.duration_ms,
        }

    def tracks(
        self,
        offset: int = 0,
        limit: int = 100,
        *,
        sort: str = "title",
        order: str = "asc",
        album: str | None = None,
        artist: str | None = None,
        genre: str | None = None,
    ) -> PageJson:
        """A page of tracks, of one album, artist or genre if asked; an album's come in its own order."""
        total, rows = self.index.pages.tracks(
            Narrowed(album=album, artist=artist, genre=genre),
            order=cast(TrackOrder, sort),
            descending=order == "desc",
            offset=offset,
            limit=_page(limit),
        )
        return {"total": total, "items": [track_json(row) for row in rows]}

    def track(self, track_id: str) -> dict[str, Any]:
        """One track with its files, renditions and all its tags. Raises NotFoundError."""
        row = self.index.pages.track(self.resolve(track_id))
        return {**track_json(row), **track_detail(self.files(row.id))}

    def albums(
        self,
        offset: int = 0,
        limit: int = 100,
        *,
        sort: str = "name",
        order: str = "asc",
        artist: str | None = None,
        genre: str | None = None,
    ) -> PageJson:
        """A page of albums, of one artist or genre if asked."""
        total, rows = self.index.pages.albums(
            Narrowed(artist=artist, genre=genre),
            order=cast(AlbumOrder, sort),
            descending=order == "desc",
            offset=offset,
            limit=_page(limit),
        )
        return {"total": total, "items": [album_json(row) for row in rows]}

    def album(self, album_id: str) -> dict[str, Any]:
        """One album with its tracks in order. Raises NotFoundError."""
        album: AlbumJson = album_json(self.index.pages.album(album_id))
        return {**album, "tracks": self._all_tracks(Narrowed(album=album_id))}

    def artists(self, offset: int = 0, limit: int = 100) -> PageJson:
        """A page of artists by name: those of albums and those of single tracks."""
        total, rows = self.index.pages.artists(offset=offset, limit=_page(limit))
        return {"total": total, "items": [artist_json(row) for row in rows]}

    def artist(self, artist_id: str) -> dict[str, Any]:
        """One artist with albums, albums of others on which they play, and up to 500 tracks. Raises NotFoundError."""
        pages = self.index.pages
        artist: ArtistJson = artist_json(pages.artist(artist_id))
        _, albums = pages.albums(Narrowed(artist=artist_id), order="year", descending=False, offset=0, limit=MAX_PAGE)
        appears = pages.appears_on(artist_id, MAX_PAGE)
        _, tracks = pages.tracks(Narrowed(artist=artist_id), order="album", descending=False, offset=0, limit=MAX_PAGE)
        return {
            **artist,
            "albums": [album_json(row) for row in albums],
            "appears_on": [album_json(row) for row in appears],
            "tracks": [track_json(row) for row in tracks],
        }

    def genres(self) -> PageJson:
        """Every genre by name, with how many tracks and albums have it."""
        rows = self.index.pages.genres()
        return {"total": len(rows), "items": [genre_json(row) for row in rows]}

    def search(self, words: str, limit: int = 20) -> FoundJson:
        """The best matches: up to `limit` tracks and albums, and ten artists."""
        found = self.index.search.find(words, tracks=limit, albums=limit, artists=min(limit, _ARTISTS_FOUND))
        pages = self.index.pages
        return {
            "artists": [artist_json(row) for row in pages.artists_by_number(found.artists)],
            "albums": [album_json(row) for row in pages.albums_by_number(found.albums)],
            "tracks": [track_json(row) for row in pages.tracks_by_number(found.tracks)],
        }

    def _all_tracks(self, narrowed: Narrowed) -> list[TrackJson]:
        _, rows = self.index.pages.tracks(narrowed, order="album", descending=False, offset=0, limit=10_000)
        return [track_json(row) for row in rows]

    # Where the music is

    def resolve(self, track_id: str) -> TrackId:
        """The name that a track has now; one given before its recording was known still works. Raises NotFoundError."""
        return self.index.tracks.resolve(track_id)

    def files(self, track_id: str) -> TrackFiles:
        """Every place from which a track's music can be had here. Raises NotFoundError."""
        track = self.resolve(track_id)
        row = self.index.pages.track(track)
        facts = self.index.tracks.facts(track)
        stored = self.index.tracks.stored(track)
        sources = self.index.sources.of_track(track)

        def held(rendition: Rendition) -> Held:
            where, damaged = stored.get(rendition.blob.root, ("none", False))
            return Held(rendition=rendition, stored=where, damaged=damaged)

        first = sources[0] if sources else None
        return TrackFiles(
            track_id=track,
            title=row.shown["title"],
            tags=facts.tags or (first.tags if first else None),
            stream=facts.stream or (first.stream if first else None),
            sources=sources,
            originals=[held(original) for original in facts.originals],
            mobile=None if facts.mobile is None else held(facts.mobile),
            cover=facts.cover or (first.cover_id if first else None),
            hidden=facts.hidden or any(source.hidden for source in sources),
        )

    def each_file(self, track_ids: Iterable[str] | None = None) -> Iterator[TrackFiles]:
        """`files` of the given tracks, or of every shown one, a page at a time; what vanishes meanwhile is left out."""
        for track_id in self._every_id() if track_ids is None else track_ids:
            try:
                yield self.files(track_id)
            except NotFoundError:
                if track_ids is not None:
                    raise

    def _every_id(self) -> Iterator[str]:
        after = ""
        while page := self.index.pages.ids(after, _FILES_AT_ONCE):
            yield from page
            after = page[-1]

    def blob_ref(self, root: bytes) -> BlobRef | None:
        """All that opens a blob that the catalog names; None for another."""
        for row, purpose in self.index.tracks.named_by(root):
            if purpose == Purpose.COVER:
                ref = self.index.covers.ref(row)
                if ref is not None and ref.root == root:
                    return ref
                continue
            facts = self.index.tracks.facts(row)
            for rendition in (*facts.originals, *([facts.mobile] if facts.mobile else [])):
                if rendition.blob.root == root:
                    return rendition.blob
        return None

    # What flows found and made

    def record_scan(
        self,
        folder_id: int,
        read: Sequence[SourceRead] = (),
        *,
        renamed: Sequence[tuple[int, str, Fingerprint]] = (),
        missing: Sequence[int] = (),
        returned: Sequence[int] = (),
    ) -> ScanResult:
        """Write down what a scan of a folder found, in one transaction: best 100 to 500 files at a time.

        `renamed` are files that moved to this folder and path; `returned` are missing ones that are as they were.
        """
        return self._intake.record_scan(folder_id, read, renamed=renamed, missing=missing, returned=returned)

    def record_sealed(self, sealed: Sequence[SealedSource]) -> list[TrackId | None]:
        """Files became recordings: catalog, sources and blobs in one transaction, best 1 to 64 at a time.

        None stands for a file that has changed meanwhile: nothing of it is written, and it will be listed again.
        """
        return self._intake.record_sealed(sealed)

    def record_rendered(self, track_id: TrackId, blob: SealedBlob, stream: Stream) -> None:
        """A track has a mobile rendition."""
        with self.index.transaction() as step:
            put_blob(step, blob, self._now_ms())
            self.changes.write([set_mobile(track_id, Rendition(kind="mobile", blob=blob.ref, stream=stream))])
            self.index.tracks.set_unrendered(track_id, None)

    def render_failed(self, track_id: TrackId, reason: str) -> None:
        """A track can't be rendered: it is not listed by `next_to_render` again."""
        self.index.tracks.set_unrendered(track_id, reason)

    def next_to_render(self, limit: int, skip: Collection[str] = ()) -> list[ToRender]:
        """Tracks that wait for their mobile rendition and whose original is at hand, those asked for first."""
        waiting = []
        for track_id in self.index.tracks.next_to_render(limit, skip):
            files = self.files(track_id)
            roots = {held.rendition.blob.root: held.rendition for held in files.originals}
            sources = [
                source
                for source in files.sources
                if source.root in roots and source.at_hand and source.state == "present"
            ]
            original = roots[sources[0].root] if sources and sources[0].root else files.originals[0].rendition
            waiting.append(
                ToRender(
                    track_id=track_id,
                    stream=original.stream,
                    original=original,
                    sources=[source for source in sources if source.root == original.blob.root],
                )
            )
        return waiting

    def to_render(self) -> Left:
        """How many tracks wait for their mobile rendition, and the bytes of their originals."""
        return self.index.tracks.to_render()

    # What the person does

    def hide(self, track_id: str) -> None:
        """Take a track out of what is shown, for good; its files stay where they are. Raises NotFoundError."""
        track = self.resolve(track_id)
        with self.index.transaction():
            if not self._intake.hide_pending(track):
                self.changes.write([set_hidden(track, True)])

    def unhide(self, track_id: str) -> None:
        """Show a track again. Raises NotFoundError."""
        track = self.resolve(track_id)
        with self.index.transaction():
            if not self._intake.hide_pending(track, hidden=False):
                self.changes.write([set_hidden(track, False)])

    def edit_tags(self, track_id: str, edits: Mapping[str, object]) -> None:
        """Write a person's own words over a file's tags; None takes one back. Raises NotFoundError, UserError."""
        track = self.resolve(track_id)
        if not self.index.tracks.fields(track):
            raise UserError("this track is still being taken in; its tags can be changed in a moment")
        try:
            ops = [edit_tag(track, name, content) for name, content in edits.items()]
        except PeerError as error:
            raise UserError(str(error)) from error
        self.changes.write(ops)

    def remove_folder(self, folder_id: int) -> None:
        """Forget a music folder; its sealed tracks stay, shown by what is left of them. Raises NotFoundError."""
        with self.index.transaction() as step:
            self.index.folders.get(folder_id)
            self.index.folders.remove(step, folder_id)

    # What devices exchange

    def write(self, ops: Sequence[Op]) -> list[Batch]:
        """Sign and apply writes to the catalog, atomically; the batches are what other devices get."""
        return self.changes.write(ops)

    def apply(self, batches: Sequence[Batch]) -> Applied:
        """Take in other devices' batches, checked by `node.catalog.batch.decode_batch`."""
        return self.changes.apply(batches)

    def snapshot(self) -> bytes:
        """The whole catalog as one document (docs/FORMAT.md, "Catalog")."""
        return b"".join(self.index.log.snapshot())

    def load_snapshot(self, document: bytes) -> None:
        """Take in a whole catalog, deletions included. Raises PeerError, UnknownFormatError."""
        self.index.log.load_snapshot([document])

    def void_after(self, log: LogId, last_valid: int) -> None:
        """Undo what a revoked device wrote beyond its last accepted batch."""
        self.index.log.void_after(log, last_valid)


def _page(limit: int) -> int:
    return max(0, min(limit, MAX_PAGE))
