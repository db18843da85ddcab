"""The library: what the person sees, and every change to it. Faces and flows call this and nothing below it.

Everything blocks and is safe to call from any thread; from asyncio by `asyncio.to_thread`. What has returned is
durable: a change and all that follows from it are one transaction of the index.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence

from node.catalog.batch import Batch, Op
from node.catalog.model import Fingerprint, Rendition, Stream
from node.catalog.vector import MAX_INCARNATION, LogId
from node.catalog.vocabulary import edit_tag, set_hidden, set_mobile
from node.crypto.keys import MemberKeys
from node.doors.index import (
    Applied,
    Index,
    SealedBlob,
    SourceRead,
    put_blob,
)
from node.errors import PeerError, UserError
from node.ids import TrackId
from node.library.browse import Browse
from node.library.changes import Changes
from node.library.devices import DeviceNames, DhtKeys, SeedAddresses
from node.library.facts import ScanResult, SealedSource
from node.library.histories import Histories
from node.library.intake import Intake
from node.library.lists import Lists
from node.library.personal import Personal
from node.library.playlists import Playlists
from node.library.removals import Removal, removals


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _new_incarnation() -> int:
    return secrets.randbelow(MAX_INCARNATION) + 1


class Library(Lists):
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
        super().__init__(index)
        self.changes = Changes(index, keys, now_ms=now_ms, new_incarnation=new_incarnation)
        self.browse = Browse(index, self.shown)
        self.personal = Personal(index, self.changes, now_ms=now_ms)
        self.playlists = Playlists(index, self.changes, now_ms=now_ms)
        self.device_names = DeviceNames(index, self.changes)
        self.seed_addresses = SeedAddresses(index, self.changes)
        self.histories = Histories(index, self.changes, keys.id)
        self.dht_keys = DhtKeys(index, self.changes)
        self._intake = Intake(index, self.changes, identity, now_ms=now_ms)
        self._now_ms = now_ms

    @classmethod
    def open(cls, index: Index, keys: MemberKeys, identity: bytes, *, now_ms: Callable[[], int] = _now_ms) -> Library:
        """The library in an open index. It has nothing to close of its own."""
        return cls(index, keys, identity, now_ms=now_ms)

    def on_change(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """Call `listener` with the new revision after each change, in the changing thread; returns what undoes it."""
        return self.index.on_change(lambda: listener(self.revision))

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
        """A track has a mobile rendition, in the codec of `stream`."""
        with self.index.transaction() as step:
            put_blob(step, blob, self._now_ms())
            self.changes.write([set_mobile(track_id, Rendition(kind="mobile", blob=blob.ref, stream=stream))])
            self.index.tracks.set_unrendered(track_id, None)

    def render_failed(self, track_id: TrackId, reason: str) -> None:
        """A track can't be rendered: it is not listed by `next_to_render` again."""
        self.index.tracks.set_unrendered(track_id, reason)

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

    def removals(self) -> list[Removal]:
        """What was taken out of the library in the last 30 days, the newest first; what went together is one."""
        return removals(self.index.tracks.removed(), now_ms=self._now_ms())

    def undo(self) -> list[str]:
        """Bring back the tracks of the newest removal; none if there is none."""
        with self.index.transaction():
            tracks = [track for removal in self.removals()[:1] for track in removal.tracks]
            in_catalog = [track for track in tracks if not self._intake.hide_pending(track, hidden=False)]
            if in_catalog:
                self.changes.write([set_hidden(track, False) for track in in_catalog])
        return [str(track) for track in tracks]

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
        with self.index.transaction():
            applied = self.changes.apply(batches)
            if applied.new or applied.forks:
                self.histories.obey()
        return applied

    def snapshot(self) -> bytes:
        """The whole catalog as one document (docs/FORMAT.md, "Catalog")."""
        return b"".join(self.index.log.snapshot())

    def load_snapshot(self, document: bytes) -> bool:
        """Take in a whole catalog, deletions included; whether it told that this device was set back.

        Raises PeerError, UnknownFormatError.
        """
        with self.index.transaction():
            set_back = self.changes.load_snapshot(document)
            self.histories.obey()
        return set_back

    def void_after(self, log: LogId, last_valid: int) -> None:
        """Undo what a revoked device wrote beyond its last accepted batch."""
        self.index.log.void_after(log, last_valid)
