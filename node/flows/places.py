"""Where what a person names belongs: to a music folder that there is, or to a new one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from node.doors.index import Folder, Index
from node.library import Library

_SINGLE_FILES: Final = "folders_of_single_files"
"""Setting: folders of which only chosen files are the library's."""


@dataclass(frozen=True, slots=True)
class Before:
    """How the music folders were before something was added."""

    folders: frozenset[int]
    single: frozenset[int]
    newest: int
    """The number of the file that had come last."""


@dataclass(frozen=True, slots=True)
class Named:
    """Something that a person named, and what lies there."""

    path: str
    kind: Literal["folder", "file", "absent"]


def look_at(paths: Sequence[Path]) -> list[Named]:
    """What lies at each of `paths`, as whole paths. Blocks."""
    found: list[Named] = []
    for path in map(os.path.abspath, paths):
        found.append(Named(path, "folder" if os.path.isdir(path) else "file" if os.path.exists(path) else "absent"))
    return found


def is_below(path: str, folder: str) -> bool:
    """Whether `path` is inside `folder`, and not it."""
    return path.startswith(folder.rstrip("/") + "/") and path != folder


def single_files(index: Index) -> set[int]:
    """The music folders of which only chosen files are the library's. Blocks."""
    return set(index.settings.get(_SINGLE_FILES, []))


class Places:
    """The music folders, as places that files belong to. Blocks."""

    def __init__(self, library: Library, *, now_ms: Callable[[], int]) -> None:
        self._library = library
        self._index = library.index
        self._now_ms = now_ms

    def of_folder(self, path: str) -> tuple[Folder, str]:
        """The music folder for the directory `path`, made if need be, and where below it the directory lies.

        Inside it, folders of single files are whole ones from now on.
        """
        self._set_single(self._single() - {folder.id for folder in self.inside(path)})
        around = self._around(path)
        if around is not None:
            return around, path[len(around.path.rstrip("/")) + 1 :]
        folder = self._index.folders.add(path, self._now_ms())
        self._set_single(self._single() - {folder.id})
        return folder, ""

    def of_file(self, path: str) -> tuple[Folder, str]:
        """The music folder for the file `path`, made for single files if need be, and the file's path below it."""
        around = self._around(path)
        if around is not None:
            return around, path[len(around.path.rstrip("/")) + 1 :]
        directory, name = os.path.split(path)
        folder = self._index.folders.add(directory, self._now_ms())
        self._set_single(self._single() | {folder.id})
        return folder, name

    def inside(self, path: str) -> list[Folder]:
        """Music folders within the directory `path`."""
        return [folder for folder in self._index.folders.all() if is_below(folder.path, path)]

    def holds_single_files(self, folder: Folder) -> bool:
        """Whether only chosen files of the folder are the library's."""
        return folder.id in self._single()

    def before(self) -> Before:
        """How it is now, for `take_back`."""
        folders = frozenset(folder.id for folder in self._index.folders.all())
        return Before(folders, frozenset(self._single()), self._index.sources.newest())

    def narrow(self, places: Sequence[Named], before: Before) -> list[Folder]:
        """Make folders of single files of those that adding `places` made, or made whole; returns them."""
        named = {place.path for place in places}
        new = named | {os.path.dirname(path) for path in named}
        made = [
            folder
            for folder in self._index.folders.all()
            if (folder.path in new and folder.id not in before.folders)
            or (folder.id in before.single and any(is_below(folder.path, path) or folder.path in new for path in named))
        ]
        self._set_single(self._single() | {folder.id for folder in made})
        return made

    def take_back(self, folders: Sequence[Folder], before: Before) -> None:
        """Forget what came since into `folders` and was never sealed; a new folder of which nothing is left goes."""
        for folder in folders:
            self._index.sources.forget(self._index.sources.never_sealed(folder.id, before.newest))
            self._index.folders.set_unseen(folder.id, {})
            if folder.id not in before.folders and not self._index.sources.page(folder.id, 0, 1):
                self._library.remove_folder(folder.id)
                self._set_single(self._single() - {folder.id})

    def _around(self, path: str) -> Folder | None:
        single = self._single()
        around = [
            folder for folder in self._index.folders.all() if folder.id not in single and is_below(path, folder.path)
        ]
        return max(around, key=lambda folder: len(folder.path), default=None)

    def _single(self) -> set[int]:
        return single_files(self._index)

    def _set_single(self, folders: set[int]) -> None:
        if folders != self._single():
            self._index.settings.set(_SINGLE_FILES, sorted(folders))
