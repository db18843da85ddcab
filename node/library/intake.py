"""Taking music in: from files in a folder to tracks in the catalog."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from node.catalog.batch import Op
from node.catalog.model import BlobRef, Fingerprint, Rendition, cover_id
from node.catalog.vocabulary import (
    ADDED,
    COVER_BLOB,
    STREAM,
    TAGS,
    TRACK_COVER,
    original_field,
    set_added,
    set_cover,
    set_cover_blob,
    set_hidden,
    set_original,
    set_stream,
    set_tags,
)
from node.crypto.keys import track_id
from node.doors.index import (
    Index,
    Source,
    SourceRead,
    hide_pending,
    put_blob,
    record_identified,
    record_missing,
    record_read,
    record_rename,
    record_returned,
)
from node.ids import TrackId
from node.library.changes import Changes
from node.library.facts import ScanResult, SealedSource
from node.library.personal import carried_over


class Intake:
    """The part of the library that scanning and sealing write through."""

    def __init__(self, index: Index, changes: Changes, identity: bytes, *, now_ms: Callable[[], int]) -> None:
        self._index = index
        self._changes = changes
        self._identity = identity
        self._now_ms = now_ms

    def record_scan(
        self,
        folder_id: int,
        read: Sequence[SourceRead],
        *,
        renamed: Sequence[tuple[int, str, Fingerprint]],
        missing: Sequence[int],
        returned: Sequence[int],
    ) -> ScanResult:
        """`Library.record_scan`."""
        added = changed = 0
        ids: list[int] = []
        now_ms = self._now_ms()
        with self._index.transaction() as step:
            for source_id, path, fingerprint in renamed:
                record_rename(step, source_id, folder_id=folder_id, path=path, fingerprint=fingerprint)
            for source_id in missing:
                record_missing(step, source_id)
            for source_id in returned:
                record_returned(step, source_id)
            for each in read:
                source_id, is_new = record_read(step, folder_id, each, now_ms=now_ms)
                ids.append(source_id)
                added += is_new and each.error is None
                changed += not is_new
        return ScanResult(added=added, changed=changed, ids=ids)

    def record_sealed(self, sealed: Sequence[SealedSource]) -> list[TrackId | None]:
        """`Library.record_sealed`."""
        ops: list[Op] = []
        tracks: list[TrackId | None] = []
        written: set[tuple[str, str]] = set()
        with self._index.transaction() as step:
            for one in sealed:
                source = self._index.sources.find(one.source_id)
                track = track_id(self._identity, one.recording_digest)
                was = record_identified(
                    step, one.source_id, fingerprint=one.fingerprint, track=track, sha256=one.blob.ref.sha256,
                    root=one.blob.ref.root,
                )  # fmt: skip
                if source is None or was is None:
                    tracks.append(None)
                    continue
                tracks.append(track)
                put_blob(step, one.blob, self._now_ms())
                retagged, hidden = was
                if one.cover is not None and cover_id(one.cover.ref.sha256) == source.cover_id:
                    put_blob(step, one.cover, self._now_ms())
                    ops += self._cover_ops(one.cover.ref, written)
                ops += self._track_ops(source, one, track, retagged, written)
                if source.track_id is not None:
                    ops += carried_over(self._index, self._changes, source.track_id, track)
                if hidden:
                    ops.append(set_hidden(track, True))
            self._changes.write(ops)
        return tracks

    def _track_ops(
        self, source: Source, one: SealedSource, track: TrackId, retagged: bool, written: set[tuple[str, str]]
    ) -> list[Op]:
        """What the catalog does not say yet of this file's track. A copy does not change the tags of the first."""
        assert source.tags is not None
        assert source.stream is not None
        known = self._index.tracks.fields(track)
        original = Rendition(
            kind="original",
            blob=one.blob.ref,
            stream=source.stream,
            path=source.path,
            mtime_ns=source.fingerprint.mtime_ns,
        )
        candidates = [
            (ADDED, set_added(track, source.added_ms), False),
            (TAGS, set_tags(track, source.tags, known.get(TAGS)), retagged),
            (STREAM, set_stream(track, source.stream), False),
            (original_field(one.blob.ref.sha256), set_original(track, original), False),
        ]
        if source.cover_id is not None:
            candidates.append((TRACK_COVER, set_cover(track, source.cover_id), retagged))
        ops = []
        for name, op, renew in candidates:
            fresh = (track, name) not in written
            if fresh and (name not in known or (renew and known[name] != op.value)):
                written.add((track, name))
                ops.append(op)
        return ops

    def _cover_ops(self, ref: BlobRef, written: set[tuple[str, str]]) -> list[Op]:
        cover = cover_id(ref.sha256)
        if (cover, COVER_BLOB) in written or self._index.covers.ref(cover) is not None:
            return []
        written.add((cover, COVER_BLOB))
        return [set_cover_blob(ref, self._index.covers.place(cover).mime)]

    def hide_pending(self, track: TrackId, *, hidden: bool = True) -> bool:
        """Hide or show a track that is not in the catalog yet; False if it is."""
        with self._index.transaction() as step:
            return hide_pending(step, track, hidden=hidden)
