"""A process that takes music in until it is killed: `python -m tests.flows.crash_child HOME MUSIC STEP PROCESSES`.

It kills itself at the given step of the store's work on the disk (0: never; the number of steps is printed), and says
which blobs it has acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from node.doors.blobs import Disk
from node.ids import to_text
from tests.flows.home import open_home


class DeadlyDisk(Disk):
    """Ends the process, as kill -9 does, before the step that it was told."""

    def __init__(self, at_step: int) -> None:
        self.at_step = at_step
        self.steps = 0

    def _step(self) -> None:
        self.steps += 1
        if self.steps == self.at_step:
            os.kill(os.getpid(), signal.SIGKILL)

    def create(self, path: Path) -> int:
        self._step()
        return super().create(path)

    def write(self, fd: int, data: bytes | memoryview, offset: int) -> None:
        half = len(data) // 2
        super().write(fd, data[:half], offset)
        self._step()
        super().write(fd, data[half:], offset + half)

    def sync_file(self, path: Path) -> None:
        self._step()
        super().sync_file(path)

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        super().rename(old, new)
        self._step()

    def make_directory(self, path: Path) -> None:
        self._step()
        super().make_directory(path)

    def sync_directory(self, path: Path) -> None:
        self._step()
        super().sync_directory(path)

    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)


async def take_in(home_path: Path, music: Path, at_step: int, processes: int) -> None:
    disk = DeadlyDisk(at_step)
    async with open_home(
        home_path, keep_sealed=True, renditions=True, processes=processes, disk=disk if at_step >= 0 else None
    ) as home:
        said: set[bytes] = set()

        def say_acknowledged(_revision: int) -> None:
            for blob in home.index.blobs.page(b"", 1_000, stored=True):
                if blob.root not in said:
                    said.add(blob.root)
                    print("has", to_text(blob.root), flush=True)

        home.library.on_change(say_acknowledged)
        await home.ingest.add([music])
        await home.ingest.idle()
    print("steps", disk.steps, flush=True)


if __name__ == "__main__":
    asyncio.run(take_in(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
