"""Store, fetch and go on when a holder hangs: two holders of everything, beside Tahoe-LAFS with two whole copies."""

from __future__ import annotations

import asyncio
import shutil
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks import tahoe
from benchmarks.household import household, others_here, until
from benchmarks.measure import Row, median
from benchmarks.music import make_library
from benchmarks.streams import running
from benchmarks.transfer import counts

MIDDLE = {"Range": "bytes=2500000-"}
PARTS = 32


@dataclass
class Measured:
    """One side."""

    store_mb_s: float = 0.0
    fetch_mb_s: float = 0.0
    first_ms: list[float] = field(default_factory=list)
    gap_s: float = 0.0


async def _fetched(http: aiohttp.ClientSession, addresses: list[str], measured: Measured) -> None:
    began_s, size = time.perf_counter(), 0
    for address in addresses:
        async with http.get(address) as answer:
            answer.raise_for_status()
            size += len(await answer.read())
    measured.fetch_mb_s = size / 1e6 / (time.perf_counter() - began_s)
    for address in addresses:
        began_s = time.perf_counter()
        async with http.get(address, headers=MIDDLE) as answer:
            await answer.content.readany()
            measured.first_ms.append((time.perf_counter() - began_s) * 1_000)


async def _gap_s(http: aiohttp.ClientSession, address: str, hang: Callable[[], None]) -> float:
    """The longest wait for the next byte of a file, whose holder hangs when a third of it has come."""
    got, longest_s, hung = 0, 0.0, False
    async with http.get(address) as answer:
        size = answer.content_length or 0
        while got < size:
            if not hung and got > size // 3:
                hung = True
                hang()
            began_s = time.perf_counter()
            part = await answer.content.read(size // PARTS)
            longest_s = max(longest_s, time.perf_counter() - began_s)
            if not part:
                raise RuntimeError("the file broke off")
            got += len(part)
    return longest_s


async def _songkeep(work: Path, music: Path, large: Path, *, files: int) -> Measured:
    measured = Measured()
    async with household(work) as house:
        house.found("pc", renditions="off")
        async with running(house.environment("pc")) as pc:
            for name in ("nas", "laptop"):
                await asyncio.to_thread(house.join, "pc", name)
                await asyncio.to_thread(house.configure, name, renditions="off", budget_bytes="0")
            async with running(house.environment("nas")) as nas, running(house.environment("laptop")) as laptop:
                await until(others_here(laptop, 2), "all are here")
                began_s = time.perf_counter()
                await asyncio.to_thread(house.run, "pc", "add", str(music))
                measured.store_mb_s = _size(music) / 1e6 / (time.perf_counter() - began_s)
                await asyncio.to_thread(house.run, "pc", "add", str(large))
                for folder in (music, large):  # the second holder: the same files there are the same blobs
                    await asyncio.to_thread(house.run, "nas", "add", str(folder))
                await until(counts(laptop, files + 1), "the laptop has the catalog")
                tracks = await laptop.tracks()
                sizes = {track: await _length(laptop.http, laptop.stream(track)) for track in tracks}
                big = max(sizes, key=lambda track: sizes[track])
                await _fetched(laptop.http, [laptop.stream(each) for each in tracks if each != big], measured)
                measured.gap_s = await _gap_s(laptop.http, laptop.stream(big), _stopping(pc.process))
                pc.process.send_signal(signal.SIGCONT)
                assert nas.process.returncode is None
    return measured


async def _length(http: aiohttp.ClientSession, address: str) -> int:
    async with http.head(address) as answer:
        return answer.content_length or 0


async def _tahoe(work: Path, music: Path, large: Path) -> Measured:
    measured = Measured()
    async with tahoe.grid(work) as grid:
        contents = [await asyncio.to_thread(path.read_bytes) for path in tahoe.files_of(music)]
        began_s = time.perf_counter()
        caps = [await grid.put(data) for data in contents]
        measured.store_mb_s = _size(music) / 1e6 / (time.perf_counter() - began_s)
        [big] = [await grid.put(await asyncio.to_thread(path.read_bytes)) for path in tahoe.files_of(large)]
        await _fetched(grid.http, [grid.address(cap) for cap in caps], measured)
        for server in grid.servers:  # whichever gives it: the other goes on alone
            gap_s = await _gap_s(grid.http, grid.address(big), _stopping(server))
            server.send_signal(signal.SIGCONT)
            measured.gap_s = max(measured.gap_s, gap_s)
    return measured


def _stopping(process: asyncio.subprocess.Process) -> Callable[[], None]:
    return lambda: process.send_signal(signal.SIGSTOP)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in tahoe.files_of(folder))


def holders(work: Path, *, files: int) -> list[Row]:
    """Store, fetch, ranged first byte, and the gap when a holder hangs."""
    music, large = work / f"held-{files}", work / "large"
    make_library(music, files=files, bytes_each=4 << 20, seed=21)
    make_library(large, files=1, bytes_each=64 << 20, seed=22)
    sides: dict[str, Callable[[Path], Awaitable[Measured]]] = {
        "Songkeep": lambda place: _songkeep(place, music, large, files=files),
        "Tahoe-LAFS": lambda place: _tahoe(place, music, large),
    }
    got: dict[str, Measured] = {}
    for name, side in sides.items():
        place = work / f"holders-{name.lower()}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        got[name] = asyncio.run(_run(side, place))
    ours, theirs = got["Songkeep"], got["Tahoe-LAFS"]
    first, their_first = median(ours.first_ms), median(theirs.first_ms)
    rows = []
    for what, mine, their, unit, better in (
        ("store", ours.store_mb_s, theirs.store_mb_s, "MB/s", ours.store_mb_s > theirs.store_mb_s),
        ("fetch", ours.fetch_mb_s, theirs.fetch_mb_s, "MB/s", ours.fetch_mb_s > theirs.fetch_mb_s),
        ("first byte from the middle, p50", first, their_first, "ms", first < their_first),
        ("gap when a holder hangs", ours.gap_s, theirs.gap_s, "s", ours.gap_s < theirs.gap_s),
    ):
        rows.append(Row(f"{what}: Songkeep", f"{mine:.2f} {unit}", f"Tahoe-LAFS: {their:.2f} {unit}", better))
    return rows


async def _run(side: Callable[[Path], Awaitable[Measured]], place: Path) -> Measured:
    return await side(place)
