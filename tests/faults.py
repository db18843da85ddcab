"""A disk that fills up, lies, fails at a chosen step, and forgets at a power cut whatever was not synced."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from node.doors.blobs import Disk


class FaultyDisk(Disk):
    """A real directory that goes wrong as it is told.

    `cut_power` undoes, as a disk without power may, every write that no `sync_file` and every name that no
    `sync_directory` has made last.
    """

    def __init__(
        self,
        *,
        room_bytes: int = 1 << 40,
        flip_at: int | None = None,
        fail_at_step: int | None = None,
        gone_from_step: int | None = None,
    ) -> None:
        self.room_bytes = room_bytes
        self.flip_at = flip_at
        self.fail_at_step = fail_at_step
        self.gone_from_step = gone_from_step
        self.steps = 0
        self._dirty: set[Path] = set()
        """Files whose bytes are only in memory, under the names they have now."""
        self._undo: list[tuple[Path, Path | None, Path]] = []
        """What to take back, oldest first: the directory to be synced, the name before (None: new), the name now."""
        self._by_fd: dict[int, Path] = {}

    def _step(self) -> None:
        self.steps += 1
        if self.steps == self.fail_at_step:
            raise OSError(errno.EIO, "injected")
        if self.gone_from_step is not None and self.steps >= self.gone_from_step:
            raise OSError(errno.ENODEV, "injected")

    def mend(self) -> None:
        """From now on nothing goes wrong any more."""
        self.room_bytes, self.fail_at_step, self.gone_from_step = 1 << 40, None, None

    def remove(self, path: Path) -> None:
        if self.gone_from_step is not None:
            self._step()
        super().remove(path)

    def create(self, path: Path) -> int:
        self._step()
        fd = super().create(path)
        self._by_fd[fd] = path
        self._dirty.add(path)
        self._undo.append((path.parent, None, path))
        return fd

    def write(self, fd: int, data: bytes | memoryview, offset: int) -> None:
        self._step()
        if len(data) > self.room_bytes:
            super().write(fd, data[: self.room_bytes], offset)
            raise OSError(errno.ENOSPC, "injected")
        self.room_bytes -= len(data)
        if self.flip_at is not None and offset <= self.flip_at < offset + len(data):
            wrong = bytearray(data)
            wrong[self.flip_at - offset] ^= 4
            data = bytes(wrong)
        super().write(fd, data, offset)
        self._dirty.add(self._by_fd[fd])

    def sync_file(self, path: Path) -> None:
        self._step()
        self._dirty.discard(path)

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        super().rename(old, new)
        if old in self._dirty:
            self._dirty.discard(old)
            self._dirty.add(new)
        self._undo.append((new.parent, old, new))

    def make_directory(self, path: Path) -> None:
        self._step()
        super().make_directory(path)
        self._undo.append((path.parent, None, path))

    def sync_directory(self, path: Path) -> None:
        self._step()
        self._undo = [change for change in self._undo if change[0] != path]

    def free_bytes(self, path: Path) -> int:
        return self.room_bytes

    def cut_power(self) -> None:
        for path in self._dirty:
            if path.exists():
                os.truncate(path, 0)
        for _, before, now in reversed(self._undo):
            if before is not None and now.exists():
                before.parent.mkdir(parents=True, exist_ok=True)
                os.replace(now, before)
            elif before is None and now.is_dir():
                _forget_directory(now)
            elif before is None:
                now.unlink(missing_ok=True)
        self._dirty.clear()
        self._undo.clear()


def _forget_directory(directory: Path) -> None:
    """A directory whose name was not on the disk takes everything in it along."""
    for path in sorted(directory.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    directory.rmdir()
