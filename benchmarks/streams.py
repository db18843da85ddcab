"""Streams of one node: the first byte while others listen, and how fast one process opens sealed blobs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from benchmarks.ingest import SONGKEEP, fresh_home
from benchmarks.measure import Row, median, note, percentile, timed
from benchmarks.music import make_library

LISTENERS = 50
LISTENER_BYTES_PER_S = 40_000
"""320 kbit/s: what a listener of these files takes."""
_PART_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Node:
    """A running `songkeep up` and a session with it."""

    process: asyncio.subprocess.Process
    http: aiohttp.ClientSession
    base: str
    token: str
    media_key: str

    async def tracks(self) -> list[str]:
        """Identifiers of up to 500 tracks."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.http.get(f"{self.base}/api/v1/tracks?limit=500", headers=headers) as answer:
            return [each["id"] for each in (await answer.json())["items"]]

    def stream(self, track: str, rendition: str = "original") -> str:
        """Where a track's bytes are."""
        return f"{self.base}/api/v1/tracks/{track}/stream?rendition={rendition}&key={self.media_key}"

    def resident_mb(self, line_named: str = "VmRSS") -> float:
        """Memory of the node's main process in 10^6 bytes, where the system tells it; VmHWM: the most so far."""
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
                if line.startswith(line_named):
                    return int(line.split()[1]) * 1_024 / 1e6
        return 0.0


@contextlib.asynccontextmanager
async def running(environment: dict[str, str]) -> AsyncIterator[Node]:
    """A node in the home that `environment` names, signed in to."""
    process = await asyncio.create_subprocess_exec(
        *SONGKEEP, "up", "--no-browser", "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env={**os.environ, **environment},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        told = json.loads(await process.stdout.readline())
        base, _, code = told["url"].partition("/#signin=")
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            async with http.post(f"{base}/api/v1/session", json={"code": code}) as answer:
                session = await answer.json()
            yield Node(process, http, base, session["token"], session["media_key"])
    finally:
        process.terminate()
        await process.wait()


async def _listen(node: Node, track: str) -> None:
    """Take a stream at a listener's pace until cancelled."""
    while True:
        async with node.http.get(node.stream(track)) as answer:
            async for part in answer.content.iter_chunked(_PART_BYTES):
                await asyncio.sleep(len(part) / LISTENER_BYTES_PER_S)


async def _first_bytes(node: Node, tracks: list[str], count: int) -> list[float]:
    taken_ms = []
    for number in range(count):
        started = time.perf_counter()
        async with node.http.get(node.stream(tracks[number % len(tracks)]), headers={"Range": "bytes=0-"}) as answer:
            await answer.content.readany()
            taken_ms.append((time.perf_counter() - started) * 1_000)
            answer.close()
        await asyncio.sleep(0.01)
    return taken_ms


async def _first_byte_while_others_listen(environment: dict[str, str], count: int) -> tuple[list[float], float]:
    async with running(environment) as node, asyncio.TaskGroup() as group:
        tracks = await node.tracks()
        listening = [group.create_task(_listen(node, tracks[at % len(tracks)])) for at in range(LISTENERS)]
        await asyncio.sleep(2)  # the listeners' own beginnings are over
        taken = await _first_bytes(node, tracks, count)
        resident = node.resident_mb()
        for task in listening:
            task.cancel()
    return taken, resident


async def _throughput(environment: dict[str, str], seconds: float) -> float:
    """MB/s of one process over several full reads at once."""
    async with running(environment) as node:
        tracks = await node.tracks()
        taken = 0

        async def read_on(track: str) -> None:
            nonlocal taken
            while True:
                async with node.http.get(node.stream(track)) as answer:
                    async for part in answer.content.iter_any():
                        taken += len(part)

        started = time.perf_counter()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for track in tracks[:4]:
                    group.create_task(read_on(track))
        return taken / (time.perf_counter() - started) / 1e6


def streams(work: Path, *, files: int, count: int, seconds: float) -> list[Row]:
    """First byte of a stream from sources, and throughput from sealed blobs whose sources are gone."""
    music = work / "streamed"
    note(f"making {files} files ...")
    make_library(music, files=files, bytes_each=9_000_000, seed=3)
    environment = fresh_home(work, keep_sealed="on", renditions="off")
    timed([*SONGKEEP, "add", str(music), "--json"], environment=environment)
    taken_ms, resident_mb = asyncio.run(_first_byte_while_others_listen(environment, count))
    shutil.rmtree(music)
    rates = [asyncio.run(_throughput(environment, seconds)) for _ in range(3)]
    p50, p99 = median(taken_ms), percentile(taken_ms, 99)
    rate = median(rates)
    return [
        Row(f"first byte with {LISTENERS} streams running, p50", f"{p50:.1f} ms", "5 ms", p50 <= 5),
        Row(f"first byte with {LISTENERS} streams running, p99", f"{p99:.1f} ms", "20 ms", p99 <= 20),
        Row("sealed blobs opened and served by one process, sources gone", f"{rate:.0f} MB/s", "400 MB/s", rate >= 400),
        Row("main process while serving", f"{resident_mb:.0f} MB", "150 MB", resident_mb < 150),
    ]
