"""Where a track's music can be had on this device, and what waits to be made of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from node.catalog.model import BlobRef, Rendition
from node.crypto.blob import Purpose
from node.doors.index import Held, Index, Left
from node.errors import NotFoundError
from node.ids import TrackId
from node.library.facts import ToRender, TrackFiles

_FILES_AT_ONCE: Final = 200


class Places:
    """Part of the library."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._to_render: tuple[int, Left] | None = None

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
            mobile_aac=None if facts.mobile_aac is None else held(facts.mobile_aac),
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
            for rendition in (*facts.originals, *facts.mobiles):
                if rendition.blob.root == root:
                    return rendition.blob
        return None

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
        revision = self.index.pages.revision()
        if self._to_render is None or self._to_render[0] != revision:
            self._to_render = revision, self.index.tracks.to_render()
        return self._to_render[1]
