"""A node that was killed while it wrote: how long the next start takes until it answers with the library."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from pathlib import Path

from benchmarks.household import asked
from benchmarks.ingest import SONGKEEP, fresh_home
from benchmarks.measure import Row, median, note, timed
from benchmarks.music import make_library
from benchmarks.streams import running

AIM_S = 5.0
WRITING_TIMEOUT_S = 60.0
_SMALL_BYTES = 25_000
_WRITTEN_BYTES = 2_000_000
_KILLED_WITHIN_S = 1.0


def reopening(work: Path, *, tracks: int, rounds: int) -> list[Row]:
    """Seal `tracks` real files, then again and again: have it write more, kill -9, start, ask for the first page."""
    note(f"making {tracks:,} files ...")
    make_library(work / "small", files=tracks, bytes_each=_SMALL_BYTES, seed=5)
    make_library(work / "more", files=60 * rounds, bytes_each=_WRITTEN_BYTES, seed=6)
    environment = fresh_home(work, keep_sealed="on", renditions="off")
    note("sealing them ...")
    timed([*SONGKEEP, "add", str(work / "small"), "--json"], environment=environment, output=work / "added.json")
    assert json.loads((work / "added.json").read_text())["added"] == tracks
    chance = random.Random(1)
    took = []
    for number in range(rounds):
        note(f"  round {number + 1} of {rounds} ...")
        asyncio.run(_killed_while_writing(environment, work / "more", chance.uniform(0, _KILLED_WITHIN_S)))
        took.append(asyncio.run(_reopened(environment, tracks)))
    unhurt = [asyncio.run(_reopened(environment, tracks)) for _ in range(rounds)]
    return [
        Row(
            f"{tracks:,} tracks kept sealed, killed while it wrote: from the command to the first page, the slowest",
            f"{max(took):.2f} s of {rounds} starts, median {median(took):.2f} s",
            f"{AIM_S:.0f} s",
            max(took) < AIM_S,
        ),
        Row("the same after it was ended in peace", f"{max(unhurt):.2f} s, median {median(unhurt):.2f} s"),
    ]


async def _killed_while_writing(environment: dict[str, str], music: Path, wait_s: float) -> None:
    """Have a node take more music in, and kill it some time after it began to write sealed bytes."""
    incoming = Path(environment["SONGKEEP_HOME"]) / "blobs" / "incoming"
    process = await asyncio.create_subprocess_exec(
        *SONGKEEP, "add", str(music), "--json",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, env={**os.environ, **environment},
    )  # fmt: skip
    try:
        async with asyncio.timeout(WRITING_TIMEOUT_S):
            while not any(incoming.iterdir()):  # noqa: ASYNC110 - another process tells nobody
                await asyncio.sleep(0.005)
        await asyncio.sleep(wait_s)
        if process.returncode is not None:
            raise RuntimeError("it had written everything before it could be killed")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _reopened(environment: dict[str, str], tracks: int) -> float:
    """Seconds from running the command to the first page of tracks; all that were acknowledged are there."""
    started = time.perf_counter()
    async with running(environment) as node:
        assert len(await node.tracks()) >= min(500, tracks)
        took_s = time.perf_counter() - started
        assert (await asked(node, "/api/v1/library"))["counts"]["tracks"] >= tracks
        return took_s
