"""Two nodes that know of each other and have nothing to do: memory and CPU of their main processes.

The home PC's library is made up, with a small rendition of each track; the laptop has heard of all of it by the room.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from benchmarks.household import asked, household, others_here, until
from benchmarks.library import fill_home
from benchmarks.measure import Row, note
from benchmarks.streams import Node, running

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
BUDGET = "50GB"
SETTLE_S = 30.0
"""After the last thing that happened: rounds that follow from it are over."""


def idle(work: Path, *, tracks: int, seconds: float) -> list[Row]:
    """After the catalog went from one to the other, and again after both were started anew."""
    place = work / "idle"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    return asyncio.run(_measured(place, tracks, seconds))


async def _measured(work: Path, tracks: int, seconds: float) -> list[Row]:
    async with household(work) as home:
        await asyncio.to_thread(home.found, "pc", renditions="off")
        await asyncio.to_thread(fill_home, work / "pc", work / "music", tracks, rendered=tracks)
        async with running(home.environment("pc")) as pc:
            await asyncio.to_thread(home.join, "pc", "laptop")
            # Paused: there are no bytes behind these songs, so each copy would fail and be tried again.
            await asyncio.to_thread(home.configure, "laptop", budget_bytes=BUDGET, pause="on")
            async with running(home.environment("laptop")) as laptop:
                await until(others_here(pc), "the PC sees the laptop")

                async def has_all() -> bool:
                    return bool((await asked(laptop, "/api/v1/library"))["counts"]["tracks"] == tracks)

                await until(has_all, "the laptop has the catalog", every_s=1.0)
                first = await _idle("after the catalog came", (("home PC", pc), ("laptop", laptop)), seconds)
        async with running(home.environment("pc")) as pc, running(home.environment("laptop")) as laptop:
            await until(others_here(pc), "the PC sees the laptop")
            return first + await _idle("after a start", (("home PC", pc), ("laptop", laptop)), seconds)


async def _idle(when: str, nodes: Sequence[tuple[str, Node]], seconds: float) -> list[Row]:
    note(f"idle {when} ...")
    await asyncio.sleep(min(SETTLE_S, seconds))
    before = [_cpu_s(node) for _, node in nodes]
    await asyncio.sleep(seconds)
    rows = []
    for (name, node), before_s in zip(nodes, before, strict=True):
        resident_mb, cpu = node.resident_mb(), (_cpu_s(node) - before_s) / seconds
        rows += [
            Row(f"{name}, {when}: main process", f"{resident_mb:.0f} MB", "150 MB", resident_mb < 150),
            Row(f"{name}, {when}: of a core", f"{cpu * 100:.2f} %", "1 %", cpu < 0.01),
        ]
    return rows


def _cpu_s(node: Node) -> float:
    """Of the main process alone."""
    fields = Path(f"/proc/{node.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS
