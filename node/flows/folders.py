"""The music folders: which there are, adding, removing and moving them, and seeing what happens in them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.doors.index import Folder, FolderState
from node.doors.watch import WatchUnavailableError, changes
from node.errors import NotFoundError, SongkeepError, UserError
from node.flows.breadth import refuse_too_wide
from node.flows.ingest import AddReport, Ingest
from node.flows.places import is_below, single_files
from node.library import Library

log = logging.getLogger(__name__)

CHECK_S: Final = 2.0
"""How often it is looked whether folders are there, away, or others than before."""
POLL_S: Final = 10.0
"""How often folders are scanned where the system tells of no changes."""
_POLL_SHARE: Final = 20
"""In a library too large to be watched, at most a twentieth of the time goes into that."""
SWEEP_S: Final = 900.0
"""How often all are scanned although nothing was told: changes on network disks come without a word."""
LISTEN_S: Final = 60.0
"""How long the system may take until it tells of changes; after that folders are looked after without."""
MOST_DIRECTORIES: Final = 200
"""With more changed directories than this, the whole folder is scanned."""
_PAGE: Final = 1_000


Changes = Callable[[Sequence[str], asyncio.Event], AsyncGenerator[set[str], None]]
_Seen = dict[int, tuple[str, int, int] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderView:
    """One music folder, as a person sees it."""

    id: int
    path: str
    state: FolderState
    tracks: int
    """What the files that went in are; two files of one recording are one."""
    files: int
    """How many went in: what `add` told as added or known."""
    failed: int
    """How many lie there and did not: what `add` told as failed."""
    whole: bool
    """False: only files of it that were added one by one are the library's."""
    note: str
    """A sentence where something needs attention; '' where nothing does."""


@dataclass(frozen=True, slots=True)
class RemoveReport:
    """What became of a removed folder's tracks: they stay in the library, playable here or not."""

    tracks_kept: int
    tracks_without_copy: int


class Folders:
    """What a person does with music folders, and the watch over them."""

    def __init__(self, library: Library, ingest: Ingest, *, changes: Changes = changes, poll_s: float = POLL_S) -> None:
        """`changes` is how the system tells of changes; `poll_s` how often to look where it doesn't."""
        self._library = library
        self._changes = changes
        self._poll_s = poll_s
        self._ingest = ingest
        self._changed = asyncio.Event()
        self._listens = asyncio.Event()
        self._scans: set[asyncio.Task[None]] = set()

    async def list(self) -> list[FolderView]:
        """Every music folder, in the order they were added."""
        folders = await asyncio.to_thread(self._library.index.folders.all)
        counts = await asyncio.to_thread(self._library.index.sources.counts)
        tracks = await asyncio.to_thread(self._library.index.sources.tracks)
        chosen = await asyncio.to_thread(single_files, self._library.index)
        return [
            _view(folder, counts.get(folder.id, {}), tracks=tracks.get(folder.id, 0), whole=folder.id not in chosen)
            for folder in folders
        ]

    async def add(self, path: Path, *, sure: bool = False) -> FolderView:
        """Watch a folder from now on; its music is listed in the background.

        Raises UserError, and UnsureError for a whole home or drive, unless the person is `sure`.
        """
        await self._ingest.refuse_too_wide([path], sure=sure)
        place = await asyncio.to_thread(_whole, path)
        folder_id = await self._ingest.register(place)
        for folder in await asyncio.to_thread(self._library.index.folders.all):
            if folder.id == folder_id or is_below(folder.path, place):
                self._begin_scan(folder.id)
        self._changed.set()
        return await self._view_of(folder_id)

    async def remove(self, folder_id: int) -> RemoveReport:
        """Stop watching a folder; no file is touched. What is sealed of its tracks, and they themselves, stay."""
        report = await asyncio.to_thread(self._remove, folder_id)
        self._changed.set()
        return report

    async def move(self, old: int | Path, new: Path) -> AddReport:
        """The folder's files are now at `new`: only what changed is sealed again. Raises UserError, NotFoundError."""
        folder = await asyncio.to_thread(self._find, old)
        place = await asyncio.to_thread(_whole, new)
        await asyncio.to_thread(refuse_too_wide, place, sure=True)
        await asyncio.to_thread(self._library.index.folders.move, folder.id, place)
        self._changed.set()
        return await self._ingest.rescan(folder.id, moved=True)

    async def watch(self) -> None:
        """See what happens in the folders, for ever: seconds after it happened."""
        seen = await asyncio.to_thread(self._look)
        other: list[int] = []
        before = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            while True:
                # Listens before it scans, and anew before it listens no more: what comes in between is scanned twice
                # rather than never.
                stop, listens = asyncio.Event(), asyncio.Event()
                group.create_task(self._listen(seen, stop, listens))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(listens.wait(), LISTEN_S)
                listens.set()
                self._listens.set()
                before.set()
                now = await self._guard(seen, other)
                before = stop
                other = [folder_id for folder_id, identity in now.items() if identity != seen.get(folder_id, ())]
                seen = now

    async def listens(self) -> None:
        """Wait until changes from now on are seen, with `watch` running."""
        await self._listens.wait()

    async def close(self) -> None:
        """Stop scanning."""
        for task in self._scans:
            task.cancel()
        await asyncio.gather(*self._scans, return_exceptions=True)

    # private

    async def _listen(self, seen: _Seen, stop: asyncio.Event, listens: asyncio.Event) -> None:
        """Scan what the system says has changed, until `stop` is set; sets `listens` once it will say so."""
        present = [identity[0] for identity in seen.values() if identity is not None]
        if not present:
            listens.set()
            return
        try:
            async with contextlib.aclosing(self._changes(present, stop)) as told:
                async for paths in told:
                    if not listens.is_set():
                        listens.set()
                    elif not paths:
                        await self._rescan()  # what happened meanwhile was not told
                    await self._see(paths)
        except WatchUnavailableError:
            log.warning("watch_unavailable folders=%d", len(present))
            listens.set()
            loop, took_s = asyncio.get_running_loop(), 0.0
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), max(self._poll_s, took_s * _POLL_SHARE))
                began_s = loop.time()
                await self._rescan()
                took_s = loop.time() - began_s

    async def _guard(self, seen: _Seen, other: Sequence[int]) -> _Seen:
        """Scan the `other` folders; returns what is there as soon as it is not what was `seen`.

        Now and then all are scanned.
        """
        for folder_id in other:
            await self._rescan(folder_id)
        loop = asyncio.get_running_loop()
        sweep_s = loop.time() + SWEEP_S
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), CHECK_S)
            self._changed.clear()
            now = await asyncio.to_thread(self._look)
            if now != seen:
                return now
            if loop.time() > sweep_s:
                sweep_s = loop.time() + SWEEP_S
                await self._rescan()

    def _look(self) -> _Seen:
        """What lies where each folder should be: another disk there is another folder. None: nothing."""
        found: _Seen = {}
        for folder in self._library.index.folders.all():
            try:
                facts = os.stat(folder.path)
                found[folder.id] = (folder.path, facts.st_dev, facts.st_ino)
            except OSError:
                found[folder.id] = None
        return found

    async def _see(self, paths: Collection[str]) -> None:
        for folder in await asyncio.to_thread(self._library.index.folders.all):
            root = folder.path.rstrip(os.sep) + os.sep
            below = {path[len(root) :] for path in paths if path.startswith(root)}
            if folder.path in paths:
                below.add("")
            directories = {os.path.dirname(path).replace(os.sep, "/") for path in below}
            # a name that came through garbled can't be looked for
            if len(directories) > MOST_DIRECTORIES or any("\ufffd" in path for path in below):
                await self._rescan(folder.id)
            elif below:
                await self._rescan(folder.id, under=_outermost(directories))

    async def _rescan(self, folder_id: int | None = None, *, under: Collection[str] = ()) -> None:
        try:
            await self._ingest.rescan(folder_id, under=under)
        except SongkeepError as error:
            log.warning("rescan_failed error=%s", type(error).__name__)

    def _begin_scan(self, folder_id: int) -> None:
        task = asyncio.create_task(self._rescan(folder_id))
        self._scans.add(task)
        task.add_done_callback(self._scans.discard)

    async def _view_of(self, folder_id: int) -> FolderView:
        return next(view for view in await self.list() if view.id == folder_id)

    def _find(self, which: int | Path) -> Folder:
        if isinstance(which, int):
            return self._library.index.folders.get(which)
        place = os.path.abspath(which)
        for folder in self._library.index.folders.all():
            if folder.path == place:
                return folder
        raise NotFoundError(f"{place} is not one of the music folders")

    def _remove(self, folder_id: int) -> RemoveReport:
        tracks: set[str] = set()
        after = 0
        while page := self._library.index.sources.page(folder_id, after, _PAGE):
            tracks |= {source.track_id for source in page if source.track_id is not None}
            after = page[-1].id
        self._library.remove_folder(folder_id)
        kept = without = 0
        for track_id in tracks:
            stored = self._library.index.tracks.stored(track_id)
            here = any(where != "none" and not damaged for where, damaged in stored.values())
            here = here or any(source.at_hand for source in self._library.index.sources.of_track(track_id))
            kept, without = kept + here, without + (not here)
        return RemoveReport(kept, without)


def _whole(path: Path) -> str:
    place = os.path.abspath(path)
    if not os.path.isdir(place):
        raise UserError(f"there is no folder at {place}")
    return place


def _view(folder: Folder, counts: dict[str, int], *, tracks: int, whole: bool) -> FolderView:
    failed, elsewhere = counts.get("failed", 0), counts.get("cloud", 0)
    notes = ((failed, "did not go in"), (elsewhere, "went in, but are only in the cloud"))
    note = "; ".join(f"{number:,} of its files {what}" for number, what in notes if number)
    if folder.state == "away":
        note = "it is away; its songs wait for it"
    return FolderView(
        id=folder.id,
        path=folder.path,
        state=folder.state,
        tracks=tracks,
        files=counts.get("present", 0) + counts.get("changed", 0) + elsewhere,
        failed=failed,
        whole=whole,
        note=note,
    )


def _outermost(directories: set[str]) -> set[str]:
    """Those of `directories` that lie in no other of them."""
    return {
        each
        for each in directories
        if not any(each != other and (other == "" or each.startswith(other + "/")) for other in directories)
    }
