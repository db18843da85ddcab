"""Music between two devices: the first byte of a song that only the other holds, and bulk beside Syncthing."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import syncthing
from benchmarks.household import asked, household, others_here, told, until
from benchmarks.measure import Row, cpu_s, median, note, percentile
from benchmarks.music import make_library
from benchmarks.streams import Node, running


async def _first_byte_ms(node: Node, track: str, headers: dict[str, str]) -> float:
    began_s = time.perf_counter()
    async with node.http.get(node.stream(track), headers=headers) as answer:
        answer.raise_for_status()
        await answer.content.readany()
        taken_ms = (time.perf_counter() - began_s) * 1_000
        answer.close()
    return taken_ms


async def _first_bytes(work: Path, *, files: int, starts: int) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds to the first byte: right after a start, of a song never asked for, and in the middle of one."""
    music = work / f"far-{files}"
    make_library(music, files=files, bytes_each=4_000_000, seed=5)
    cold: list[float] = []
    warm: list[float] = []
    seeks: list[float] = []
    async with household(work) as house:
        house.found("pc", renditions="off")
        async with running(house.environment("pc")) as pc:
            await asyncio.to_thread(house.run, "pc", "add", str(music))
            await asyncio.to_thread(house.join, "pc", "laptop")
            tracks = await pc.tracks()
            for start in range(starts):
                async with running(house.environment("laptop")) as laptop:
                    await until(others_here(laptop), "the PC is here", every_s=0.005)
                    if start == 0:
                        await until(_has(laptop, len(tracks)), "the laptop has the catalog")
                    cold.append(await _first_byte_ms(laptop, tracks[start % len(tracks)], {"Range": "bytes=0-"}))
                    if start < starts - 1:
                        continue
                    for track in tracks:
                        await asyncio.sleep(0.02)
                        warm.append(await _first_byte_ms(laptop, track, {"Range": "bytes=0-"}))
                        seeks.append(await _first_byte_ms(laptop, track, {"Range": "bytes=2500000-"}))
    return cold, warm, seeks


def _has(node: Node, count: int) -> Callable[[], Awaitable[bool]]:
    async def has() -> bool:
        return len(await node.tracks()) >= count

    return has


def first_byte(work: Path, *, files: int, starts: int) -> list[Row]:
    """First byte of a song held only by another device."""
    place = work / "first-byte"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    cold, warm, seeks = asyncio.run(_first_bytes(place, files=files, starts=starts))
    rows = []
    for name, taken_ms, aim_ms in (("right after the start", cold, 60), ("warm", warm, 15), ("seeking", seeks, 15)):
        p50, p99 = median(taken_ms), percentile(taken_ms, 99)
        note(f"{name}: {len(taken_ms)} songs, worst {max(taken_ms):.1f} ms")
        rows += [
            Row(
                f"first byte of a song that another device holds, {name}, p50",
                f"{p50:.1f} ms",
                f"{aim_ms} ms",
                p50 <= aim_ms,
            ),
            Row(f"the same, p99 of {len(taken_ms)}", f"{p99:.1f} ms", "300 ms", p99 <= 300),
        ]
    return rows


@dataclass(frozen=True, slots=True)
class Moved:
    """What one transfer took."""

    wall_s: float
    cpu_s: float
    """Of both sides together."""


async def _by_songkeep(work: Path, music: Path, *, files: int) -> Moved:
    async with household(work) as house:
        house.found("pc", renditions="off")
        async with running(house.environment("pc")) as pc:
            await asyncio.to_thread(house.run, "pc", "add", str(music))
            await asyncio.to_thread(house.join, "pc", "laptop")
            await asyncio.to_thread(house.configure, "laptop", renditions="off", pause="on", budget_bytes="50GB")
            async with running(house.environment("laptop")) as laptop:
                await until(others_here(laptop), "the PC is here")
                await until(counts(laptop, files), "the laptop has the catalog")

                async def whole() -> bool:
                    return _kept(work / "laptop") >= files

                pids = [pc.process.pid, laptop.process.pid]
                before_s, began_s = cpu_s(pids), time.perf_counter()
                await told(laptop, "/api/v1/config", {"pause": False})
                await until(whole, "the laptop holds everything", every_s=0.1)
                return Moved(time.perf_counter() - began_s, cpu_s(pids) - before_s)


def _kept(home: Path) -> int:
    """How many sealed files lie whole in the store."""
    return sum(len(names) for at, _, names in os.walk(home / "blobs") if len(Path(at).name) == 2)


def counts(node: Node, count: int) -> Callable[[], Awaitable[bool]]:
    """Whether a node shows so many tracks."""

    async def enough() -> bool:
        return bool((await asked(node, "/api/v1/status"))["counts"]["tracks"] >= count)

    return enough


async def _by_syncthing(work: Path, music: Path, *, files: int) -> Moved:
    async with syncthing.two_devices(work, music) as (giver, taker, pids):
        before_s, began_s = cpu_s(pids), time.perf_counter()
        await syncthing.fetch_all(giver, taker, files)
        return Moved(time.perf_counter() - began_s, cpu_s(pids) - before_s)


def transfer(work: Path, *, files: int, bytes_each: int, rounds: int) -> list[Row]:
    """Many files from one device to another, both with fsync, beside Syncthing."""
    music = work / f"moved-{files}"
    note(f"making {files} files ...")
    size_bytes = make_library(music, files=files, bytes_each=bytes_each, seed=11)
    ours: list[Moved] = []
    theirs: list[Moved] = []
    for turn in range(rounds):
        note(f"  round {turn + 1} of {rounds} ...")
        for place in (work / "songkeep", work / "syncthing"):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
        ours.append(asyncio.run(_by_songkeep(work / "songkeep", music, files=files)))
        theirs.append(asyncio.run(_by_syncthing(work / "syncthing", music, files=files)))
    gib, mb = size_bytes / 2**30, size_bytes / 1e6
    cpu, their_cpu = (median([each.cpu_s for each in side]) / gib for side in (ours, theirs))
    rate, their_rate = (mb / median([each.wall_s for each in side]) for side in (ours, theirs))
    return [
        Row("CPU of both sides, Songkeep", f"{cpu:.2f} s/GiB", "under Syncthing's", cpu < their_cpu),
        Row("CPU of both sides, Syncthing", f"{their_cpu:.2f} s/GiB"),
        Row("ratio", f"{cpu / their_cpu:.2f}"),
        Row("speed, Songkeep", f"{rate:.0f} MB/s", "over Syncthing's", rate > their_rate),
        Row("speed, Syncthing", f"{their_rate:.0f} MB/s"),
        Row("ratio", f"{rate / their_rate:.2f}"),
    ]
