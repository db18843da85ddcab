"""The person's own files: found, opened for reading, and watched for change. Nothing here ever writes to them."""

from __future__ import annotations

import errno
import os
import stat as modes
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple, Self

from node.catalog.model import Fingerprint
from node.errors import UnavailableError
from node.positions import read_at

MAX_DEPTH: Final = 64
"""Folders within folders; deeper is a mistake or a trap."""
MAX_FILES: Final = 1_000_000
"""In one music folder."""
_NOT_MUSIC: Final = frozenset((
    "$recycle.bin", "#recycle", "@eadir", "system volume information", "lost+found", "__macosx",
    ".git", ".trash", ".trashes", ".trash-1000", ".spotlight-v100", ".fseventsd", ".temporaryitems",
    ".documentrevisions-v100", ".appledouble", ".stfolder", ".stversions", ".dropbox.cache", ".sync", ".thumbnails",
))  # fmt: skip
"""Folders that systems and other programs keep for themselves; lower case."""
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


class OpenSource:
    """One file of the person's, open for reading (`with`). Several threads may read at once."""

    def __init__(self, path: Path | str, *, expected: Fingerprint | None = None) -> None:
        """Raises SourceMissingError, NotDownloadedError, or SourceChangedError if it isn't as `expected`."""
        self.path = os.fspath(path)
        try:
            if is_placeholder(os.stat(self.path)):
                raise NotDownloadedError("it is only in the cloud; have your cloud program download it first")
            self._fd = os.open(self.path, _OPEN_FLAGS)
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
            os.close(self._fd)
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

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Found:
    """One file that may hold music, as a scan saw it. `path` is below the folder, '/' between its parts."""

    path: str
    fingerprint: Fingerprint
    here: bool
    """False for a cloud placeholder."""


@dataclass(slots=True)
class Scan:
    """What lies in a folder at one moment."""

    files: list[Found] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    """Path below the folder and why it could not be looked at."""
    blind: list[str] = field(default_factory=list)
    """Directories (paths below the folder) whose contents could not be seen: nothing there counts as gone."""

    def saw(self, path: str) -> bool:
        """Whether this scan could have seen `path` (below the folder)."""
        return not any(place == "" or path.startswith(place + "/") for place in self.blind)


def is_empty(folder: Path) -> bool:
    """Whether nothing at all lies in `folder`. Raises SourceMissingError if it can't be listed."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except (OSError, ValueError) as error:
        raise SourceMissingError(
            why_unreadable(error) if isinstance(error, OSError) else "no folder has that name"
        ) from error


def scan(folder: Path, *, wanted: Callable[[str], bool], under: str = "", skip: Collection[str] = ()) -> Scan:
    """Every file below `folder` (or below its directory `under`) whose name is `wanted`. Blocks.

    The directories `skip` (paths below `folder`) are left out.
    Links are followed, each directory is entered once, and what can't be looked at is named in `problems`.
    Raises SourceMissingError if `folder` itself can't be listed.
    """
    result = Scan()
    entered: set[tuple[int, int]] = set()
    start = folder / under if under else folder
    is_empty(start)
    pending = [_Place(os.fspath(start), under, under.count("/") + bool(under))]
    while pending:
        place = pending.pop()
        try:
            if place.below in skip or _seen_before(place.path, entered):
                continue
            with os.scandir(place.path) as entries:
                for entry in entries:
                    _look_at(entry, place, wanted, result, pending)
        except OSError as error:
            result.problems.append((place.below, why_unreadable(error)))
            result.blind.append(place.below)
        if len(result.files) > MAX_FILES:
            raise SourceMissingError(f"there are over {MAX_FILES:,} files in it; add its parts one by one")
    return result


class _Place(NamedTuple):
    path: str
    below: str
    depth: int


def _seen_before(place: str, entered: set[tuple[int, int]]) -> bool:
    facts = os.stat(place)
    key = (facts.st_dev, facts.st_ino)
    if facts.st_ino and key in entered:
        return True
    entered.add(key)
    return False


def _look_at(
    entry: os.DirEntry[str],
    place: _Place,
    wanted: Callable[[str], bool],
    result: Scan,
    pending: list[_Place],
) -> None:
    path = f"{place.below}/{entry.name}" if place.below else entry.name
    try:
        if entry.is_dir():
            if entry.name.lower() in _NOT_MUSIC:
                return
            if place.depth == MAX_DEPTH:
                result.problems.append((path, f"it lies more than {MAX_DEPTH} folders deep"))
                result.blind.append(path)
                return
            pending.append(_Place(entry.path, path, place.depth + 1))
        elif wanted(name := _downloaded_name(entry.name)):
            # Windows' directory entries know neither inode nor exact times
            facts = os.stat(entry.path) if os.name == "nt" else entry.stat()
            if not modes.S_ISREG(facts.st_mode):
                raise SourceMissingError("it is not a plain file")
            here = name == entry.name and not is_placeholder(facts)
            result.files.append(_found(path[: len(path) - len(entry.name)] + name, facts, here))
    except OSError as error:
        if wanted(entry.name):
            result.problems.append((path, why_unreadable(error)))
    except SourceMissingError as error:
        result.problems.append((path, str(error)))


def _downloaded_name(name: str) -> str:
    """iCloud's older way: `.Song.mp3.icloud` stands for Song.mp3 that isn't here."""
    if name.startswith(".") and name.endswith(".icloud"):
        return name[1 : -len(".icloud")]
    return name


def stat_one(folder: Path, path: str) -> Found:
    """What a scan would say of one file below `folder`, whatever its ending. Raises SourceMissingError."""
    try:
        facts = os.stat(folder / path)
    except OSError as error:
        raise SourceMissingError(why_unreadable(error)) from error
    except ValueError as error:
        raise SourceMissingError("no file can have that name") from error
    if not modes.S_ISREG(facts.st_mode):
        raise SourceMissingError("it is not a plain file")
    return _found(path, facts, not is_placeholder(facts))


def _found(path: str, facts: os.stat_result, here: bool) -> Found:
    body = fingerprint(facts)
    # once downloaded it must look changed, and nothing else of it need be
    return Found(path, body if here else replace(body, ctime_ns=0), here)
