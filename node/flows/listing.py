"""Listing: what lies in a music folder now, beside what was known, and what the new files say of themselves."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from node.catalog.model import Fingerprint, Stream, Tags
from node.doors import audio, tags
from node.doors.index import CoverFound, KnownSource, SourceRead
from node.doors.sources import Found, OpenSource, Scan, SourceMissingError, Wanted, is_empty, scan, stat_one
from node.doors.tags import CoverArt, folder_cover, is_cover_name, is_music_name
from node.errors import SongkeepError
from node.flows.stumbling import blamed_on_its_file

Known = TypeVar("Known")

NOT_DOWNLOADED: Final = "it is only in the cloud; have your cloud program download it, and it will be added"
_UNKNOWN_STREAM: Final = Stream(
    codec="", mime="application/octet-stream", duration_ms=0, sample_rate_hz=0, channels=0, bitrate_bps=0
)
BATCH_FILES: Final = 32
"""Read by one worker at a time."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """A file that lies under another name than before."""

    source_id: int
    path: str
    fingerprint: Fingerprint


@dataclass(slots=True)
class Differences:
    """What a scan found beside what was known."""

    to_read: list[Found] = field(default_factory=list)
    renamed: list[Renamed] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    same: int = 0


def look_through(
    folder: Path,
    known: Mapping[str, KnownSource],
    *,
    under: Collection[str] = (),
    skip: Collection[str] = (),
    again: bool = False,
) -> Scan:
    """What lies in `folder`, or in its directories `under` only, beside what is known of it. Blocks.

    Not in the directories `skip`. A directory that is no longer there is empty. `again`: files that could not be read
    are new. Raises SourceMissingError if `folder` itself can't be listed.
    """

    def number(path: str, found: Fingerprint) -> int | None:
        source = known.get(path)
        if source is None or source.fingerprint != found or source.state == "missing" or (again and source.unread):
            return None
        return source.id

    return _scan(folder, Wanted(music=is_music_name, cover=is_cover_name, known=number), under, skip)


def _scan(folder: Path, wanted: Wanted, under: Collection[str], skip: Collection[str]) -> Scan:
    if not under:
        return scan(folder, wanted=wanted, skip=skip)
    whole = Scan()
    is_empty(folder)  # raises if the folder itself is not there
    for directory in under:
        try:
            part = scan(folder, wanted=wanted, under=directory, skip=skip)
        except SourceMissingError:
            if os.path.lexists(folder / directory):
                whole.blind.append(directory)
            continue
        whole.files += part.files
        whole.same |= part.same
        whole.beside |= part.beside
        whole.problems += part.problems
        whole.blind += part.blind
    return whole


def scan_single_files(folder: Path, paths: Collection[str]) -> Scan:
    """What became of single files below `folder`. Blocks."""
    result = Scan()
    for path in paths:
        try:
            result.files.append(stat_one(folder, path))
        except SourceMissingError:
            continue
    return result


def compare(
    scanned: Scan, known: Mapping[str, KnownSource], *, moved: bool = False, again: bool = False
) -> Differences:
    """Tell new, changed, renamed, missing and returned files apart. Pure.

    `known` holds what the scan could have seen. A file under a new name with the size, time and inode of one that
    is gone is that file, and so is one of the same name and times with another inode: some disks number their files
    anew whenever they are mounted. Where the person says that a whole folder was `moved`, size and time are enough:
    what is sealed from a file is compared again whenever any of it leaves. `again`: files that could not be read are
    new.
    """
    found = Differences()
    seen = {file.path for file in scanned.files}
    found.same = sum(not source.failed for source in known.values() if source.id in scanned.same)
    gone = {
        path: source
        for path, source in known.items()
        if source.id not in scanned.same and path not in seen and scanned.saw(path)
    }
    by_body = {_body(source.fingerprint): path for path, source in gone.items() if source.fingerprint.inode}
    for file in scanned.files:
        source = known.get(file.path)
        if source is None:
            old_path = by_body.pop(_body(file.fingerprint), None)
            if old_path is None:
                found.to_read.append(file)
            else:
                found.renamed.append(Renamed(gone.pop(old_path).id, file.path, file.fingerprint))
        elif source.fingerprint != file.fingerprint and _same_file(source.fingerprint, file.fingerprint, moved=moved):
            found.renamed.append(Renamed(source.id, file.path, file.fingerprint))
        elif source.fingerprint != file.fingerprint or (again and source.unread):
            found.to_read.append(file)
        else:
            found.same += not source.failed
            if source.state == "missing":
                found.returned.append(source.id)
    found.missing = [source.id for source in gone.values() if source.state != "missing"]
    return found


def _body(fingerprint: Fingerprint) -> tuple[int, int, int]:
    """What a rename leaves as it was."""
    return fingerprint.size_bytes, fingerprint.mtime_ns, fingerprint.inode


def _same_file(before: Fingerprint, now: Fingerprint, *, moved: bool) -> bool:
    """Whether a file of the same name is the same although its fingerprint differs."""
    looks = before.size_bytes == now.size_bytes and before.mtime_ns == now.mtime_ns
    return looks and (moved or before.ctime_ns == now.ctime_ns)


def batches(files: Sequence[Found]) -> Iterator[list[Found]]:
    """In the order of their folders, so that a cover beside the music is read once for most of an album."""
    ordered = sorted(files, key=lambda file: file.path.rpartition("/")[::2])
    for at in range(0, len(ordered), BATCH_FILES):
        yield ordered[at : at + BATCH_FILES]


@dataclass(frozen=True, slots=True)
class Read:
    """What one file said, and what a person should know although it went in."""

    source: SourceRead
    note: str = ""


def read_batch(folder: str, files: Sequence[Found], pictures: Mapping[str, Sequence[str]] | None = None) -> list[Read]:
    """What each of some files below `folder` says of itself. In a worker.

    `pictures` are the names of possible covers by directory; None: nobody has looked.
    """
    covers: dict[str, CoverFound | None] = {}
    return [_read_one(folder, file, covers, pictures) for file in files]


def _read_one(
    folder: str, file: Found, covers: dict[str, CoverFound | None], pictures: Mapping[str, Sequence[str]] | None
) -> Read:
    if not file.here:
        read = SourceRead(
            path=file.path, fingerprint=file.fingerprint, tags=Tags(), stream=_UNKNOWN_STREAM, error=NOT_DOWNLOADED
        )
        return Read(read, NOT_DOWNLOADED)
    try:
        directory = file.path.rpartition("/")[0]
        if directory not in covers:
            names = None if pictures is None else pictures.get(directory, ())
            covers[directory] = _cover_beside(folder, directory, names)
        return _read_here(folder, file, covers[directory])
    except SongkeepError as error:
        return Read(SourceRead(path=file.path, fingerprint=file.fingerprint, error=str(error)))


@blamed_on_its_file
def _read_here(folder: str, file: Found, beside: CoverFound | None) -> Read:
    full_path = Path(folder, file.path)
    with OpenSource(full_path) as source:
        facts = tags.read_tags(full_path, probe=audio.read_stream)
        source.check()
        fingerprint = source.fingerprint
    cover = _found(facts.cover, None) if facts.cover is not None else beside
    read = SourceRead(path=file.path, fingerprint=fingerprint, tags=facts.tags, stream=facts.stream, cover=cover)
    return Read(read, facts.damage)


def _cover_beside(folder: str, directory: str, names: Sequence[str] | None) -> CoverFound | None:
    art = folder_cover(Path(folder, directory), names)
    if art is None:
        return None
    return _found(art, f"{directory}/{art.file_name}" if directory else art.file_name)


def _found(art: CoverArt, file: str | None) -> CoverFound:
    return CoverFound(sha256=hashlib.sha256(art.data).digest(), mime=art.mime, size_bytes=len(art.data), file=file)


def pictures_mark(pictures: Sequence[tuple[str, int, int]]) -> bytes:
    """16 bytes that stand for the pictures in one directory: their names, sizes and times."""
    return hashlib.sha256(repr(sorted(pictures)).encode("utf-8", "surrogateescape")).digest()[:16]


def in_scope(known: Mapping[str, Known], under: Collection[str]) -> Mapping[str, Known]:
    """What of the `known`, by path, a scan of the directories `under` could have seen; all if there are none."""
    if not under or "" in under:
        return known
    prefixes = tuple(f"{directory}/" for directory in under)
    return {path: source for path, source in known.items() if path.startswith(prefixes)}
