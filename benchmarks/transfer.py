"""Music between two devices: the first byte of a song that only the other holds, and bulk beside Syncthing."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.household import household, others_here, until
from benchmarks.measure import Row, median, note, percentile
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
    music = work / "far"
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
