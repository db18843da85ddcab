"""The few acts by which sealed bytes come to stay on a disk, one call each, so that a test can make any fail."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from node.errors import StorageError
from node.positions import write_at

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
_CREATE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


def storage_error(error: OSError) -> StorageError:
    """What an OSError of the store means to a person."""
    if error.errno in _FULL:
        return StorageError("the disk with Songkeep's store is full; free some space and it will go on")
    if error.errno == errno.EROFS:
        return StorageError("the disk with Songkeep's store is read-only")
    if error.errno in (errno.EACCES, errno.EPERM):
        return StorageError("Songkeep may not write to its own store; check who owns that folder")
    return StorageError(f"the disk with Songkeep's store refused: {os.strerror(error.errno or errno.EIO)}")


@contextlib.contextmanager
def as_storage_error() -> Iterator[None]:
    """Turns an OSError into ours."""
    try:
        yield
    except OSError as error:
        raise storage_error(error) from error


class Disk:
    """The real one. Every method raises OSError as the system does."""

    def create(self, path: Path) -> int:
        """A new private file, open for reading and writing."""
        return os.open(path, _CREATE_FLAGS, 0o600)

    def write(self, fd: int, data: bytes | memoryview, offset: int) -> None:
        """All of `data` at `offset`."""
        view = memoryview(data)
        while view:
            written = write_at(fd, view, offset)
            view = view[written:]
            offset += written

    def sync_file(self, path: Path) -> None:
        """The file's bytes are on the disk when this returns."""
        fd = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        os.replace(old, new)

    def make_directory(self, path: Path) -> None:
        path.mkdir(mode=0o700, exist_ok=True)

    def sync_directory(self, path: Path) -> None:
        """Names made in, moved into or removed from `path` stay so; a no-op where the system has no such thing."""
        if os.name == "nt":
            return
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def free_bytes(self, path: Path) -> int:
        return shutil.disk_usage(path).free


def open_for_reading(path: Path) -> int:
    """A descriptor on a plain file of the store."""
    return os.open(path, _READ_FLAGS)
