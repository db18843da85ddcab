"""The sealed store: one file a blob, named by its root, in two shelves.

    DIR/ab/cd/abcd...      kept: stays until it is released
    DIR/cache/ab/cd/...    can be had again; the least recently used go when the shelf is over its bound
    DIR/incoming/...       being written; emptied when the store is opened

A blob appears under its name only when its bytes are whole, checked and on the disk. This is the one module that
writes blobs, and it never opens one: it knows no keys.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from node.crypto import merkle
from node.doors.blobs.disk import Disk, as_storage_error, open_for_reading, storage_error
from node.doors.blobs.files import BlobReader, Draft, Drafted, Incoming
from node.errors import NotFoundError, StorageError, UserError
from node.ids import BlobRoot, from_text, to_text

log = logging.getLogger(__name__)

DEFAULT_CACHE_BYTES = 2_000_000_000
SPARE_BYTES = 64 << 20
"""Free space that blobs leave: the index and the person's own work need some, and without any nothing starts."""
_CACHE = "cache"
_INCOMING = "incoming"


@dataclass(frozen=True, slots=True)
class Stored:
    """One blob file. `used_ns` is the time of its last use (cache) or of its arrival (kept)."""

    root: BlobRoot
    size_bytes: int
    kept: bool
    used_ns: int


class BlobStore:
    """All blobs of one home. Safe to use from several threads; every method blocks."""

    def __init__(
        self,
        directory: Path,
        *,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        spare_bytes: int = SPARE_BYTES,
        disk: Disk | None = None,
    ) -> None:
        """Attaches to a store that `open` made: what a worker process does. Touches nothing."""
        self.directory = directory
        self.cache_bytes = cache_bytes
        self.spare_bytes = spare_bytes
        self._disk = disk or Disk()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Callable[..., BlobStore], tuple[Path, int, int, Disk]]:
        """Travels to a worker process as its place, not as its lock."""
        return _attached, (self.directory, self.cache_bytes, self.spare_bytes, self._disk)

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        spare_bytes: int = SPARE_BYTES,
        disk: Disk | None = None,
    ) -> BlobStore:
        """The store at `directory`, made if absent. What an earlier run left half-written is removed."""
        store = cls(directory, cache_bytes=cache_bytes, spare_bytes=spare_bytes, disk=disk)
        with as_storage_error():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for shelf in (_CACHE, _INCOMING):
                (directory / shelf).mkdir(mode=0o700, exist_ok=True)
            removed = store._empty_incoming()
        if removed:
            log.info("unfinished_blobs_removed count=%d", removed)
        return store

    # reading

    def path_of(self, root: BlobRoot) -> Path | None:
        """Where the blob's sealed bytes lie, or None. For those who read files themselves: read only."""
        for kept in (True, False, True):  # it may change its shelf meanwhile
            path = self._path(root, kept=kept)
            if path.is_file():
                return path
        return None

    def has(self, root: BlobRoot) -> bool:
        return self.path_of(root) is not None

    def keeps(self, root: BlobRoot) -> bool:
        """Whether the blob is on the shelf that nothing is dropped from."""
        return self._path(root, kept=True).is_file()

    def reader(self, root: BlobRoot) -> BlobReader:
        """The blob, open for positioned reads (`with`). Raises NotFoundError."""
        for kept in (True, False, True):  # it may change its shelf meanwhile
            path = self._path(root, kept=kept)
            try:
                fd = open_for_reading(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise storage_error(error) from error
            if not kept:
                with contextlib.suppress(OSError):
                    os.utime(path)
            return BlobReader(fd)
        raise NotFoundError("this device has no sealed copy of that")

    def stored(self) -> Iterator[Stored]:
        """Every blob of both shelves, in no order. Files that aren't named like blobs are passed over."""
        for kept, shelf in ((True, self.directory), (False, self.directory / _CACHE)):
            for path in _files_two_levels_down(shelf):
                root = _root_of_name(path.name)
                with contextlib.suppress(FileNotFoundError):
                    if root is not None:
                        facts = os.stat(path)
                        yield Stored(root, facts.st_size, kept, facts.st_mtime_ns)

    def free_bytes(self) -> int:
        """What the disk still takes."""
        with as_storage_error():
            return self._disk.free_bytes(self.directory)

    # writing

    def draft(self) -> Draft:
        """A blob about to be written in order, from its first chunk to its last (`with`). Raises StorageError."""
        if self.free_bytes() < self.spare_bytes:
            raise StorageError("the disk with Songkeep's store is almost full; free some space and it will go on")
        return Draft(self.directory / _INCOMING / f"{os.getpid()}-{secrets.token_hex(8)}", self._disk)

    @contextlib.contextmanager
    def scratch(self, ending: str) -> Iterator[Path]:
        """A private name for something that is sealed next and then gone; cleared away at the next start if not."""
        path = self.directory / _INCOMING / f"{os.getpid()}-{secrets.token_hex(8)}{ending}"
        try:
            yield path
        finally:
            with contextlib.suppress(OSError):
                self._disk.remove(path)

    def publish(self, drafts: Sequence[Drafted], *, keep: bool) -> None:
        """Give drafts their names. When this returns they outlast a power cut; if it raises, none of them is relied on.

        Many at once cost little more than one: the system writes them out together.
        """
        with as_storage_error():
            for draft in drafts:
                self._disk.sync_file(draft.path)
            touched: dict[Path, None] = {}
            with self._lock:
                for draft in drafts:
                    path = self._path(draft.root, kept=keep)
                    touched |= dict.fromkeys(self._make_parents(path))
                    self._disk.rename(draft.path, path)
                    touched[path.parent] = None
                for directory in touched:
                    self._disk.sync_directory(directory)
                for draft in drafts:
                    if keep:
                        self._disk.remove(self._path(draft.root, kept=False))
            for draft in drafts:
                log.info("blob_stored blob=%s size_bytes=%d kept=%s", to_text(draft.root), draft.size_bytes, keep)

    def discard(self, drafts: Iterable[Drafted]) -> None:
        """Forget drafts that nobody will publish."""
        for draft in drafts:
            with contextlib.suppress(OSError):
                self._disk.remove(draft.path)

    def begin(self, root: BlobRoot, *, sealed_bytes: int, layer: bytes, keep: bool) -> Incoming:
        """A blob about to arrive from elsewhere, piece by piece in any order (`with`).

        Raises DamagedError if `layer` isn't the blob's, StorageError if the disk hasn't the room.
        """
        merkle.check_layer(root, layer, sealed_bytes)
        if self.free_bytes() < sealed_bytes + self.spare_bytes:
            raise StorageError("the disk with Songkeep's store has no room for another song")
        draft = Drafted(self.directory / _INCOMING / secrets.token_hex(8), root, sealed_bytes)
        return Incoming(draft, layer=layer, disk=self._disk, publish=lambda whole: self.publish([whole], keep=keep))

    def keep(self, root: BlobRoot) -> None:
        """Move a cached blob to the kept shelf. Raises NotFoundError if there is none on either."""
        if not self.keeps(root) and not self._change_shelf(root, kept=True):
            raise NotFoundError("this device has no sealed copy of that")

    def release(self, root: BlobRoot) -> None:
        """Move a kept blob to the cache, from where it may be dropped. Only for one that is safe without it."""
        self._change_shelf(root, kept=False)

    def drop(self, root: BlobRoot) -> bool:
        """Remove a blob from the cache. A kept one stays. True if there was one."""
        path = self._path(root, kept=False)
        with as_storage_error(), self._lock:
            there = path.is_file()
            self._disk.remove(path)
        return there

    def trim_cache(self) -> list[BlobRoot]:
        """Drop the least recently used of the cache until it is within its bound. Returns those that went."""
        with self._lock:
            cached = sorted((blob for blob in self.stored() if not blob.kept), key=lambda blob: blob.used_ns)
            excess = sum(blob.size_bytes for blob in cached) - self.cache_bytes
            dropped = []
            for blob in cached:
                if excess <= 0:
                    break
                with contextlib.suppress(OSError):  # in use, where the system minds: next time
                    self._disk.remove(self._path(blob.root, kept=False))
                    dropped.append(blob.root)
                    excess -= blob.size_bytes
            return dropped

    # private

    def _path(self, root: BlobRoot, *, kept: bool) -> Path:
        name = to_text(root)
        shelf = self.directory if kept else self.directory / _CACHE
        return shelf / name[:2] / name[2:4] / name

    def _make_parents(self, path: Path) -> list[Path]:
        """Makes the two shard directories of `path`; returns those that hold a new name."""
        changed = []
        for directory in (path.parent.parent, path.parent):
            if not directory.is_dir():
                self._disk.make_directory(directory)
                changed.append(directory.parent)
        return changed

    def _change_shelf(self, root: BlobRoot, *, kept: bool) -> bool:
        old, new = self._path(root, kept=not kept), self._path(root, kept=kept)
        with as_storage_error(), self._lock:
            if not old.is_file():
                return False
            changed = self._make_parents(new)
            self._disk.rename(old, new)
            for directory in (*changed, new.parent, old.parent):
                self._disk.sync_directory(directory)
        return True

    def _empty_incoming(self) -> int:
        left = list((self.directory / _INCOMING).iterdir())
        for path in left:
            self._disk.remove(path)
        return len(left)


def _attached(directory: Path, cache_bytes: int, spare_bytes: int, disk: Disk) -> BlobStore:
    return BlobStore(directory, cache_bytes=cache_bytes, spare_bytes=spare_bytes, disk=disk)


def _root_of_name(name: str) -> BlobRoot | None:
    try:
        raw = from_text(name)
    except UserError:
        return None
    return BlobRoot(raw) if len(raw) == merkle.HASH_BYTES else None


def _files_two_levels_down(shelf: Path) -> Iterator[Path]:
    for outer in _directories(shelf):
        for inner in _directories(outer):
            with contextlib.suppress(FileNotFoundError), os.scandir(inner) as entries:
                yield from [Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False)]


def _directories(parent: Path) -> list[Path]:
    """The two-letter directories of `parent`."""
    with contextlib.suppress(FileNotFoundError), os.scandir(parent) as entries:
        return sorted(Path(e.path) for e in entries if len(e.name) == 2 and e.is_dir(follow_symlinks=False))
    return []
