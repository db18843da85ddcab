"""Giving sealed bytes away: from the store, or made again from an unchanged source.

Everything that leaves is compared with the blob's layer first, whichever way it goes and wherever it came from. A
source that no longer gives the sealed bytes is withdrawn as a holding, and nothing of it leaves.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence

from node.catalog.model import BlobRef
from node.crypto import merkle
from node.crypto.blob import BlobCipher
from node.crypto.labels import PIECE_CHUNKS
from node.doors.blobs import BlobStore
from node.doors.index import Source
from node.doors.sources import OpenSource, SourceChangedError, SourceMissingError, fingerprint_of
from node.errors import DamagedError, NotFoundError, SongkeepError, UnavailableError
from node.flows.reading import Trouble
from node.flows.seal import pieces_from_source
from node.flows.sealing import read_picture
from node.ids import BlobRoot, to_text
from node.library import Library

log = logging.getLogger(__name__)

ROTTEN = "its contents changed although its date did not; the disk may be failing"
MAX_PIECES = 256
"""Asked for at once: 16 MiB."""
_SEALED_AT_ONCE = 16
"""Pieces: 1 MiB."""


class Holdings:
    """What this device can give. Every method blocks: call it in a thread."""

    def __init__(
        self,
        library: Library,
        store: BlobStore,
        *,
        on_changed: Callable[[Sequence[Source]], None] = lambda sources: None,
        on_damaged: Callable[[BlobRoot], object] = lambda root: None,
    ) -> None:
        """`on_changed` hears of files to scan again, `on_damaged` of stored blobs to repair; in any thread."""
        self._library = library
        self._store = store
        self.on_changed = on_changed
        self.on_damaged = on_damaged

    def pieces(self, blob: BlobRef, first: int, count: int) -> bytes:
        """Sealed pieces `first` to `first + count - 1`, as far as the blob goes, each compared with the layer.

        Raises NotFoundError or UnavailableError if this device hasn't them, DamagedError if it hasn't them whole.
        """
        layer = self._library.index.blobs.layer(blob.root)
        wanted = range(first, min(first + min(count, MAX_PIECES), len(layer) // merkle.HASH_BYTES))
        worst: SongkeepError = NotFoundError("this device has no copy of that")
        for source in self._library.index.sources.with_root(blob.root):
            try:
                return self._from_source(source, blob, layer, wanted)
            except SongkeepError as error:
                worst = error
        try:
            return self._from_store(blob, layer, wanted)
        except NotFoundError:
            raise worst from None

    def trouble(self, trouble: Trouble) -> None:
        """A place failed while it was read from: withdraw what can't be relied on."""
        if trouble.source_id is not None:
            source = self._library.index.sources.get(trouble.source_id)
            if isinstance(trouble.error, SourceChangedError | SourceMissingError):
                self._withdraw(source)
        elif trouble.place == "store" and trouble.blob is not None and isinstance(trouble.error, DamagedError):
            self._damaged(trouble.blob.root)

    def ensure_sealed(self, blob: BlobRef, *, keep: bool = False) -> None:
        """Have the blob's sealed bytes in the store: someone wants them. Raises UnavailableError, StorageError."""
        if self._store.keeps(blob.root) or (not keep and self._store.has(blob.root)):
            return
        if keep and self._store.has(blob.root):
            self._store.keep(blob.root)
            self._library.index.blobs.set_stored(blob.root, "pinned")
            return
        self.seal_again(blob, keep=keep)

    def seal_again(self, blob: BlobRef, *, keep: bool) -> None:
        """Make the blob's sealed bytes from an unchanged source, in place of whatever the store has of it.

        Raises UnavailableError if no source gives them, StorageError.
        """
        layer = self._library.index.blobs.layer(blob.root)
        cipher = BlobCipher(blob.key, blob.size_bytes, commitment=blob.commitment)
        for source in self._library.index.sources.with_root(blob.root):
            try:
                with OpenSource(source.full_path, expected=source.fingerprint) as opened, self._store.draft() as draft:
                    count = len(layer) // merkle.HASH_BYTES
                    for first in range(0, count, _SEALED_AT_ONCE):
                        pieces = range(first, min(first + _SEALED_AT_ONCE, count))
                        draft.write_chunks(pieces_from_source(opened, cipher, layer, pieces))
                    whole, _ = draft.finish()
            except (SourceChangedError, SourceMissingError):
                self._withdraw(source)
                continue
            self._store.publish([whole], keep=keep)
            self._library.index.blobs.set_stored(blob.root, "pinned" if keep else "cache")
            self._library.index.blobs.set_damaged(blob.root, False)
            self.trim_cache()
            return
        raise UnavailableError("no unchanged file is left that it could be made from")

    def seal_cover_again(self, blob: BlobRef, cover: str) -> bool:
        """Make a cover's sealed bytes from the picture in or beside one of its files; whether one still has it."""
        for source, beside in self._library.index.covers.place(cover).sources:
            image = None if beside is None else f"{source.folder_path.rstrip('/')}/{beside}"
            picture = read_picture(source.full_path, image)
            if picture is not None and hashlib.sha256(picture).digest() == blob.sha256:
                cipher = BlobCipher(blob.key, blob.size_bytes, commitment=blob.commitment)
                with self._store.draft() as draft:
                    for chunk in cipher.seal_all(picture):
                        draft.write(chunk)
                    whole, _ = draft.finish()
                self._store.publish([whole], keep=True)
                self._library.index.blobs.set_damaged(blob.root, False)
                return True
        return False

    def withdraw_rotten(self, source: Source) -> None:
        """The file's bytes changed and its dates did not: it is a holding no more, and not sealed as if it were new."""
        with self._library.index.transaction():
            self._library.index.sources.withdraw([source.id])
            self._library.index.sources.set_error(source.id, ROTTEN)

    def trim_cache(self) -> None:
        """Drop what the cache holds beyond its bound."""
        for root in self._store.trim_cache():
            self._library.index.blobs.set_stored(root, "none")

    def _from_source(self, source: Source, blob: BlobRef, layer: bytes, wanted: range) -> bytes:
        cipher = BlobCipher(blob.key, blob.size_bytes, commitment=blob.commitment)
        try:
            with OpenSource(source.full_path, expected=source.fingerprint) as opened:
                return pieces_from_source(opened, cipher, layer, wanted)
        except (SourceChangedError, SourceMissingError):
            self._withdraw(source)
            raise

    def _from_store(self, blob: BlobRef, layer: bytes, wanted: range) -> bytes:
        try:
            reader = self._store.reader(blob.root)
        except NotFoundError:
            known = self._library.index.blobs.get(blob.root)
            if known is not None and known.stored == "pinned":
                self._damaged(blob.root)  # its file is gone although nobody let go of it
            raise
        with reader:
            pieces = reader.chunks(wanted.start * PIECE_CHUNKS, len(wanted) * PIECE_CHUNKS)
        try:
            merkle.check_pieces(layer, wanted, pieces)
        except DamagedError:
            self._damaged(blob.root)
            raise
        return pieces

    def _withdraw(self, source: Source) -> None:
        """The file is not what was sealed from it. If nothing about it tells why, its disk may be at fault."""
        log.warning("holding_withdrawn source=%d", source.id)
        try:
            untouched = fingerprint_of(source.full_path) == source.fingerprint
        except SourceMissingError:
            self.on_changed([source])
            return
        if untouched:
            self.withdraw_rotten(source)
        else:
            self._library.index.sources.withdraw([source.id])
            self.on_changed([source])

    def _damaged(self, root: BlobRoot) -> None:
        log.warning("blob_damaged blob=%s", to_text(root))
        self._library.index.blobs.set_damaged(root)
        self.on_damaged(root)
