"""What lies in a music folder: files that may be music, and pictures beside them."""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

from node.catalog.model import Fingerprint
from node.doors.sources.opening import SourceMissingError, fingerprint, is_placeholder, why_unreadable

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
    """Without those that are exactly as they were known."""
    same: set[int] = field(default_factory=set)
    """The numbers of those (`Wanted.known`)."""
    beside: dict[str, list[tuple[str, int, int]]] = field(default_factory=dict)
    """For each directory the pictures that may be covers: name, size, modification time in ns."""
    problems: list[tuple[str, str]] = field(default_factory=list)
    """Path below the folder and why it could not be looked at."""
    blind: list[str] = field(default_factory=list)
    """Directories (paths below the folder) whose contents could not be seen: nothing there counts as gone."""

    def saw(self, path: str) -> bool:
        """Whether this scan could have seen `path` (below the folder)."""
        return not any(place == "" or path.startswith(place + "/") for place in self.blind)

    @property
    def is_empty(self) -> bool:
        """Whether not one file that may be music was found."""
        return not self.files and not self.same


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a scan looks for."""

    music: Callable[[str], bool]
    """Whether a file of that name may be music."""
    cover: Callable[[str], bool] = lambda name: False
    """Whether a file of that name may be the picture of the music beside it."""
    known: Callable[[str, Fingerprint], int | None] = lambda path, fingerprint: None
    """The number of the file at a path if it is known exactly so: nothing else is kept of it, there may be many."""


def is_empty(folder: Path) -> bool:
    """Whether nothing at all lies in `folder`. Raises SourceMissingError if it can't be listed."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except (OSError, ValueError) as error:
        raise SourceMissingError(
            why_unreadable(error) if isinstance(error, OSError) else "no folder has that name"
        ) from error


def scan(folder: Path, *, wanted: Wanted, under: str = "", skip: Collection[str] = ()) -> Scan:
    """Every file below `folder` (or below its directory `under`) that is `wanted`. Blocks.

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
        if len(result.files) + len(result.same) > MAX_FILES:
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
    wanted: Wanted,
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
        elif wanted.cover(entry.name):
            facts = entry.stat()
            result.beside.setdefault(place.below, []).append((entry.name, facts.st_size, facts.st_mtime_ns))
        elif wanted.music(name := _downloaded_name(entry.name)):
            # Windows' directory entries know neither inode nor exact times
            facts = os.stat(entry.path) if os.name == "nt" else entry.stat()
            if not modes.S_ISREG(facts.st_mode):
                raise SourceMissingError("it is not a plain file")
            here = name == entry.name and not is_placeholder(facts)
            found = _found(path[: len(path) - len(entry.name)] + name, facts, here)
            number = wanted.known(found.path, found.fingerprint)
            if number is None:
                result.files.append(found)
            else:
                result.same.add(number)
    except OSError as error:
        if wanted.music(entry.name):
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
