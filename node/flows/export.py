"""Giving music back: every original under its own name and date, bit for bit, in a folder that the person names."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from node.doors.index import Source
from node.errors import DamagedError, SongkeepError, StorageError, UserError
from node.flows.file_names import safe_path
from node.flows.jobs import Failure, Job
from node.flows.reading import MOST_CHUNKS_WHOLE, Reading
from node.flows.stream import Streams
from node.ids import TrackId
from node.library import Library, TrackFiles

_NAMES_TRIED: Final = 1_000
_READ_BYTES: Final = 1 << 20
_AT_ONCE: Final = 4
"""Tracks that are written at the same time: while one is fetched another is opened, hashed or synced."""
_naming = threading.Lock()
_NAME_ERRORS: Final = {errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG}


@dataclass(slots=True)
class ExportReport:
    """What came of an export; counts are of files."""

    written: int = 0
    already_there: int = 0
    renamed: list[tuple[str, str]] = field(default_factory=list)
    """Names that could not be given, and the ones that were; both below the folder."""
    failed: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One file to write."""

    path: str
    mtime_ns: int
    size_bytes: int
    sha256: bytes | None
    """None: not sealed yet, so only the source itself can say what is right."""
    reading: Reading


class Export:
    """Writes originals out."""

    def __init__(self, library: Library, streams: Streams) -> None:
        self._library = library
        self._streams = streams

    async def run(self, tracks: Sequence[TrackId] | None, into: Path, *, job: Job | None = None) -> ExportReport:
        """Write the originals of `tracks` (None: of all) below `into`; a different file of the same name is left alone.

        Raises UserError if `into` can't be exported to, NotFoundError for an unknown track, StorageError if the disk
        is full; files that can't be had are in the report.
        """
        job = job or Job("export")
        report = ExportReport()
        into = await asyncio.to_thread(self._prepare, into)
        if tracks is None:
            count = await asyncio.to_thread(self._library.summary)
            job.begin("exporting", files=count["counts"]["tracks"], size_bytes=0)
        else:
            job.begin("exporting", files=len(tracks), size_bytes=0)
        files = self._library.each_file(tracks)
        turn = asyncio.Lock()

        async def worker() -> None:
            while True:
                async with turn:
                    track = await asyncio.to_thread(next, files, None)
                if track is None:
                    return
                await self._export_track(track, into, report, job)
                job.advance(files=1)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_AT_ONCE):
                    group.create_task(worker())
        except BaseExceptionGroup as several:
            raise _first(several) from None
        report.renamed.sort()
        return report

    def _prepare(self, into: Path) -> Path:
        into = Path(os.path.abspath(into))
        for folder in self._library.index.folders.all():
            if into == Path(folder.path) or Path(folder.path) in into.parents:
                raise UserError("that is inside one of your music folders, where everything would be added again")
        try:
            into.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{into} can't be used as a folder: {error.strerror}") from error
        return into

    async def _export_track(self, files: TrackFiles, into: Path, report: ExportReport, job: Job) -> None:
        wanted = await asyncio.to_thread(lambda: list(self._wanted(files)))
        if not wanted:
            report.failed.append(Failure(files.title, "nothing of it is on this device"))
        for each in wanted:
            try:
                await self._export_file(each, into, report)
                job.advance(size_bytes=each.size_bytes)
            except StorageError:
                raise
            except SongkeepError as error:
                report.failed.append(Failure(each.path, str(error)))
                job.fail(each.path, str(error))
            finally:
                each.reading.close()

    def _wanted(self, files: TrackFiles) -> Iterator[_Wanted]:
        """One for each file that the track has, and for each name of files that are not here any more.

        An original that was replaced under its own name, as by a tagger, is not given back beside its successor.
        """
        blobs = {held.rendition.blob.root: held.rendition.blob for held in files.originals}
        given: set[str] = set()
        for source in files.sources:
            if source.root in blobs:
                blob = blobs[source.root]
                here = [other for other in files.sources if other.root == source.root and other.at_hand]
                reading = self._streams.reading(blob, here)
                mtime_ns = source.fingerprint.mtime_ns
                yield _Wanted(source.path, mtime_ns, blob.size_bytes, blob.sha256, reading)
            elif source.at_hand and source.stream is not None:
                yield self._unsealed(source)
            else:
                continue
            given.add(source.path)
        newest_first = sorted((held.rendition for held in files.originals), key=lambda each: -each.mtime_ns)
        for rendition in newest_first:
            if rendition.path not in given:
                given.add(rendition.path)
                blob, reading = rendition.blob, self._streams.reading(rendition.blob, ())
                yield _Wanted(rendition.path, rendition.mtime_ns, blob.size_bytes, blob.sha256, reading)

    def _unsealed(self, source: Source) -> _Wanted:
        facts = source.fingerprint
        return _Wanted(source.path, facts.mtime_ns, facts.size_bytes, None, self._streams.reading_unsealed(source))

    async def _export_file(self, wanted: _Wanted, into: Path, report: ExportReport) -> None:
        try:
            written = await self._write(wanted, into.joinpath(*safe_path(wanted.path)))
        except _NameRefusedError:
            written = await self._write(wanted, into.joinpath(*safe_path(wanted.path, strictly=True)))
        if written is None:
            report.already_there += 1
            return
        report.written += 1
        name = written.relative_to(into).as_posix()
        if name != wanted.path:
            report.renamed.append((wanted.path, name))

    async def _write(self, wanted: _Wanted, target: Path) -> Path | None:
        """The name that the file got; None if the same file was there already. Raises _NameRefusedError."""
        if await asyncio.to_thread(_is_there, target, wanted):
            return None
        with await asyncio.to_thread(_Draft, target) as draft:
            reading = wanted.reading.read(0, wanted.size_bytes, most_chunks=MOST_CHUNKS_WHOLE)
            async with contextlib.aclosing(reading) as parts:
                async for part in parts:
                    await asyncio.to_thread(draft.write, part)
            return await asyncio.to_thread(draft.finish, wanted)


class _NameRefusedError(UserError):
    """The disk can't hold a file of that name."""


class _Draft:
    """A file being written beside its future name; gone unless finished. Blocks."""

    def __init__(self, target: Path) -> None:
        """Raises _NameRefusedError, UserError, StorageError."""
        self._target = target
        self._path = target.with_name(f".songkeep-{secrets.token_hex(8)}.part")
        self._sha = hashlib.sha256()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(os.open(self._path, flags, 0o666), "wb", buffering=0)  # noqa: SIM115 - close() does
        except OSError as error:
            raise _refusal(error) from error

    def write(self, data: bytes) -> None:
        try:
            self._sha.update(data)
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise _refusal(error) from error

    def finish(self, wanted: _Wanted) -> Path | None:
        """The name that the file got; None if the same file was there already. Raises DamagedError, StorageError."""
        if wanted.sha256 is not None and self._sha.digest() != wanted.sha256:
            raise DamagedError("what was read is not what was stored")
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            os.utime(self._path, ns=(wanted.mtime_ns, wanted.mtime_ns))
            for target in _free_names(self._target):
                if _is_same(target, self._sha.digest()):
                    return None
                if _give_name(self._path, target):
                    return target
        except OSError as error:
            raise _refusal(error) from error
        raise UserError("there are too many files of that name already")

    def __enter__(self) -> _Draft:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def _give_name(draft: Path, target: Path) -> bool:
    """Give the draft its name unless something has it; False if so."""
    try:
        os.link(draft, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno in _NAME_ERRORS:
            raise
        with _naming:
            if os.path.lexists(target):  # no hard links on this disk
                return False
            os.rename(draft, target)
    return True


def _first(several: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = several
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _free_names(target: Path) -> Iterator[Path]:
    yield target
    for number in range(2, _NAMES_TRIED):
        yield target.with_name(f"{target.stem} ({number}){target.suffix}")


def _is_there(target: Path, wanted: _Wanted) -> bool:
    """Whether exactly this file was exported before."""
    if wanted.sha256 is None:
        return False
    for name in _free_names(target):
        try:
            if os.stat(name).st_size == wanted.size_bytes and _is_same(name, wanted.sha256):
                return True
        except OSError:
            return False
    return False


def _is_same(path: Path, sha256: bytes) -> bool:
    sha = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_READ_BYTES):
                sha.update(block)
    except OSError:
        return False
    return sha.digest() == sha256


def _refusal(error: OSError) -> SongkeepError:
    if error.errno in _NAME_ERRORS:
        return _NameRefusedError("this disk can't hold a file of that name")
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StorageError("the disk that you export to is full")
    if error.errno == errno.EROFS:
        return StorageError("the disk that you export to is read-only")
    return UserError(f"it can't be written there: {error.strerror}")
