"""Whatever happens while music is taken in: the next start is clean, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import signal
import sys
from pathlib import Path

import pytest

from node.errors import StorageError
from node.ids import BlobRoot, from_text
from tests.disks import small_disk
from tests.faults import FaultyDisk
from tests.flows.home import open_home, until
from tests.flows.test_workers import runs
from tests.music import make_picture, make_track

TRACKS = 5
BLOBS = TRACKS * 2 + 1
"""An original and a mobile rendition of each, and the one cover."""


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    for number in range(TRACKS):
        make_track(folder / f"{number}.flac", kind="noise", seed=number, title=str(number), cover=make_picture())
    return folder


async def child(home: Path, music: Path, *, at_step: int, processes: int = 0) -> asyncio.subprocess.Process:
    arguments = (str(home), str(music), str(at_step), str(processes))
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.flows.crash_child", *arguments, stdout=asyncio.subprocess.PIPE
    )


async def check_next_start(home_path: Path, music: Path, acknowledged: set[BlobRoot]) -> None:
    """The next start has all that was acknowledged, finishes the work, and leaves nothing lying about."""
    async with open_home(home_path, keep_sealed=True, renditions=True) as home:
        assert [*(home.store.directory / "incoming").iterdir()] == []
        for root in acknowledged:
            assert home.store.keeps(root)
        assert (await home.verify.run(False, sources=False)).ok
        report = await home.ingest.add([music])
        assert report.failed == []
        await home.ingest.idle()
        found = await home.verify.run(False)
        assert found.ok
        assert (found.damaged, found.lost, found.sources_checked) == (0, 0, TRACKS)
        kept = {blob.root for blob in home.store.stored() if blob.kept}
        assert len(kept) == BLOBS
        assert acknowledged <= kept
        assert sorted(home.titles()) == [str(number) for number in range(TRACKS)]
        for track in home.library.tracks(0, 99)["items"]:
            assert await home.play(track["id"]) == (music / f"{track['title']}.flac").read_bytes()


def _acknowledged(output: bytes) -> set[BlobRoot]:
    lines = output.decode().splitlines()
    return {BlobRoot(from_text(line.split()[1])) for line in lines if line.startswith("has ") and len(line) == 56}


async def test_killed_at_any_step_of_the_store_nothing_acknowledged_is_lost(
    tmp_path: Path, music: Path, exhaustive: bool
) -> None:
    process = await child(tmp_path / "whole", music, at_step=0)
    output, _ = await process.communicate()
    assert process.returncode == 0
    steps = int(output.split()[-1])
    assert steps > 60
    chosen = range(1, steps + 1) if exhaustive else sorted(random.Random(7).sample(range(1, steps + 1), 8))
    for step in chosen:
        home = tmp_path / f"home{step}"
        process = await child(home, music, at_step=step)
        output, _ = await process.communicate()
        assert process.returncode in (-signal.SIGKILL, 0)  # threads take turns: the last steps may be fewer
        await check_next_start(home, music, _acknowledged(output))
        shutil.rmtree(home)


async def test_killed_at_any_moment_with_its_workers_nothing_acknowledged_is_lost(
    tmp_path: Path, music: Path, exhaustive: bool
) -> None:
    random_s = random.Random(3)
    for attempt in range(40 if exhaustive else 3):
        home = tmp_path / f"home{attempt}"
        process = await child(home, music, at_step=-1, processes=2)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 0.8 + random_s.random() * 2.5)
        workers = _children(process.pid)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        output, _ = await process.communicate()
        await all_end(workers)
        await check_next_start(home, music, _acknowledged(output))
        shutil.rmtree(home)


async def all_end(pids: list[int]) -> None:
    await until(lambda: not any(runs(pid) for pid in pids))


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


async def test_writes_dropped_at_any_step_lose_nothing_acknowledged(
    tmp_path: Path, music: Path, exhaustive: bool
) -> None:
    steps = range(1, 120) if exhaustive else sorted(random.Random(11).sample(range(1, 120), 8))
    for step in steps:
        disk = FaultyDisk(fail_at_step=step)
        path = tmp_path / f"home{step}"
        acknowledged: set[BlobRoot] = set()
        async with open_home(path, keep_sealed=True, renditions=True, disk=disk) as home:
            with contextlib.suppress(StorageError):
                await home.ingest.add([music])
            acknowledged = {BlobRoot(blob.root) for blob in home.index.blobs.page(b"", 1_000, stored=True)}
        disk.cut_power()
        await check_next_start(path, music, acknowledged)
        shutil.rmtree(path)


@pytest.mark.parametrize("room_bytes", [1, 50_000, 150_000, 230_000])
async def test_a_disk_that_fills_up_stops_the_work_cleanly_and_it_goes_on_with_room(
    tmp_path: Path, music: Path, room_bytes: int
) -> None:
    disk = FaultyDisk(room_bytes=room_bytes)
    async with open_home(tmp_path / "home", keep_sealed=True, disk=disk, spare_bytes=0) as home:
        home.ingest.sealing.retry_s = 0.05
        with pytest.raises(StorageError, match="full"):
            await home.ingest.add([music])
        assert home.told[0][0] == "error"
        assert sorted(home.titles()) == [str(number) for number in range(TRACKS)]
        for track in home.library.tracks(0, 99)["items"]:
            assert await home.play(track["id"])
        disk.room_bytes = 1 << 40
        await home.ingest.idle()
        assert [*(home.store.directory / "incoming").iterdir()] == []
        assert (await home.verify.run(False)).ok
    await check_next_start(tmp_path / "home", music, set())


@pytest.mark.parametrize("size_kib", [600, 900, 1_500])
async def test_a_home_on_a_real_disk_that_is_too_small_stays_whole(tmp_path: Path, music: Path, size_kib: int) -> None:
    with small_disk(tmp_path / "small", size_bytes=size_kib * 1024):
        with contextlib.suppress(StorageError):
            async with open_home(tmp_path / "small" / "home", keep_sealed=True, spare_bytes=0) as home:
                await home.ingest.add([music])
        shutil.copytree(tmp_path / "small" / "home", tmp_path / "large")
    await check_next_start(tmp_path / "large", music, set())


async def test_orphans_do_not_grow_with_crashes(tmp_path: Path, music: Path) -> None:
    """Blobs published and never recorded are the same blobs the next time."""
    home = tmp_path / "home"
    for step in (30, 45, 60):
        process = await child(home, music, at_step=step)
        await process.communicate()
    await check_next_start(home, music, set())
