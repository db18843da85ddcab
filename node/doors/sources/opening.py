"""One of the person's own files, open for reading, and whether it is what it was."""

from __future__ import annotations

import errno
import os
import stat as modes
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from node.catalog.model import Fingerprint
from node.errors import UnavailableError
from node.files import OpenFile
from node.positions import read_at

_WINDOWS_NOT_HERE: Final = 0x1000 | 0x40000 | 0x400000
"""FILE_ATTRIBUTE_OFFLINE, _RECALL_ON_OPEN, _RECALL_ON_DATA_ACCESS: reading would download the file."""
_MAC_NOT_HERE: Final = 0x40000000
"""SF_DATALESS."""
_OPEN_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
)


class SourceChangedError(UnavailableError):
    """The file is no longer the one that was read before."""


class SourceMissingError(UnavailableError):
    """The file isn't there, or not to be opened."""


class NotDownloadedError(SourceMissingError):
    """A cloud service keeps only the file's name here; reading it would download it."""


def fingerprint(facts: os.stat_result) -> Fingerprint:
    """The four facts that stand for a file's contents."""
    return Fingerprint(facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)


def is_placeholder(facts: os.stat_result) -> bool:
    """Whether a cloud service left only the file's name here (OneDrive, iCloud and their like)."""
    attributes: int = getattr(facts, "st_file_attributes", 0)
    flags: int = getattr(facts, "st_flags", 0)
    return bool(attributes & _WINDOWS_NOT_HERE or (sys.platform == "darwin" and flags & _MAC_NOT_HERE))


def why_unreadable(error: OSError) -> str:
    """A sentence part for a person: why a file or folder of theirs could not be read."""
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return "you may not read it"
        case errno.ENOENT:
            return "it is not there (any more), or it is a link that points to nothing"
        case errno.ELOOP:
            return "it is a link that points to itself"
        case errno.ENAMETOOLONG:
            return "its name is too long for this system"
        case errno.EIO:
            return "the disk could not read it; the disk may be failing"
        case _:
            return f"the system could not read it ({os.strerror(error.errno or errno.EIO)})"


def fingerprint_of(path: Path | str) -> Fingerprint:
    """The fingerprint that the file at `path` has now. Raises SourceMissingError."""
    try:
        return fingerprint(os.stat(path))
    except OSError as error:
        raise SourceMissingError(why_unreadable(error)) from error


class OpenSource(OpenFile):
    """One file of the person's, open for reading (`with`). Several threads may read at once."""

    def __init__(self, path: Path | str, *, expected: Fingerprint | None = None) -> None:
        """Raises SourceMissingError, NotDownloadedError, or SourceChangedError if it isn't as `expected`."""
        self.path = os.fspath(path)
        try:
            if is_placeholder(os.stat(self.path)):
                raise NotDownloadedError("it is only in the cloud; have your cloud program download it first")
            super().__init__(os.open(self.path, _OPEN_FLAGS))
        except OSError as error:
            raise SourceMissingError(why_unreadable(error)) from error
        except ValueError as error:  # a zero byte in the name
            raise SourceMissingError("no file can have that name") from error
        try:
            facts = os.fstat(self._fd)
            if not modes.S_ISREG(facts.st_mode):
                raise SourceMissingError("it is not a plain file")
            self.fingerprint = fingerprint(facts)
            self.device = facts.st_dev
            if expected is not None:
                self._compare(expected)
        except BaseException:
            self.close()
            raise

    @property
    def size_bytes(self) -> int:
        return self.fingerprint.size_bytes

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes. Raises SourceChangedError if the file has become shorter, SourceMissingError."""
        try:
            data = read_at(self._fd, length, offset)
        except OSError as error:
            raise SourceMissingError(why_unreadable(error)) from error
        if len(data) != length:
            raise SourceChangedError("the file became shorter while it was read")
        return data

    def blocks(self, size_bytes: int) -> Iterator[bytes]:
        """The whole file, in order, in blocks of `size_bytes` (the last may be shorter)."""
        for offset in range(0, self.size_bytes, size_bytes):
            yield self.read(offset, min(size_bytes, self.size_bytes - offset))

    def check(self) -> None:
        """Raises SourceChangedError if the file was changed since it was opened."""
        self._compare(fingerprint(os.fstat(self._fd)))

    def _compare(self, other: Fingerprint) -> None:
        if other != self.fingerprint:
            raise SourceChangedError("the file was changed since it was read")
