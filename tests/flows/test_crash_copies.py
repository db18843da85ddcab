"""Killed at any step while a catalog is merged, copies are brought and dropped: what was acknowledged is there again.

Every write, sync, rename and removal of the store and both edges of every transaction are moments. At each chosen one
the home is copied as it lies there, which is what a kill leaves; later the copy is opened and the work goes on in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from node.catalog.batch import Batch, decode_batch
from node.catalog.model import BlobRef
from node.catalog.vector import LogId
from node.crypto.blob import Purpose
from node.crypto.keys import member_keys_from_random
from node.doors.blobs import Disk
from node.errors import StorageError
from node.flows.bring import Bringing
from node.flows.evict import drop_blob
from node.flows.pace import Pace
from node.flows.root_times import RootTimes
from node.ids import BlobRoot, DeviceId
from node.placement.facts import DAY_MS
from tests.faults import FaultyDisk
from tests.flows.home import FOUNDER, Home, open_home
from tests.music import make_track

LAPTOP = member_keys_from_random(bytes(range(64)))
PC = FOUNDER.id
OPENING_S = 5.0
SAMPLED = 10
EXHAUSTIVE = 2_000
AT_ONCE = 200
"""So many copies of the home lie beside each other."""
TRASH = "trash"


@dataclass(frozen=True)
class Given:
    """What the PC has: its log, and its sealed originals."""

    batches: Sequence[Batch]
    blobs: dict[BlobRoot, tuple[BlobRef, bytes]]

    async def take(self, member: DeviceId, root: BlobRoot, first: int, count: int) -> AsyncGenerator[bytes, None]:
        assert member == PC
        yield self.blobs[root][1][first * 16_384 : (first + count) * 16_384]


@dataclass(frozen=True)
class Facts:
    """What has been acknowledged."""

    heads: dict[LogId, int] = field(default_factory=dict)
    kept: frozenset[BlobRoot] = frozenset()
    gone: frozenset[BlobRoot] = frozenset()
    trash: frozenset[BlobRoot] = frozenset()


class Moments(Disk):
    """A real disk that tells of each act, before it is done."""

    def __init__(self, reached: Callable[[], None]) -> None:
        self._reached = reached

    def create(self, path: Path) -> int:
        self._reached()
        return super().create(path)

    def write(self, fd: int, data: bytes | memoryview, offset: int) -> None:
        half = len(data) // 2
        super().write(fd, data[:half], offset)
        self._reached()
        super().write(fd, data[half:], offset + half)

    def sync_file(self, path: Path) -> None:
        self._reached()
        super().sync_file(path)

    def rename(self, old: Path, new: Path) -> None:
        self._reached()
        super().rename(old, new)
        self._reached()

    def make_directory(self, path: Path) -> None:
        self._reached()
        super().make_directory(path)

    def sync_directory(self, path: Path) -> None:
        self._reached()
        super().sync_directory(path)

    def remove(self, path: Path) -> None:
        self._reached()
        super().remove(path)
        self._reached()


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Given:
    folder = tmp_path_factory.mktemp("pc")
    (folder / "music").mkdir()
    for number in range(150 if request.config.getoption("--exhaustive") else 4):
        make_track(folder / "music" / f"{number}.flac", kind="noise", seconds=0.5, seed=number, title=f"Song {number}")
    return asyncio.run(_give(folder))


async def _give(folder: Path) -> Given:
    async with open_home(folder / "home", keep_sealed=True) as home:
        await home.ingest.add([folder / "music"])
        await home.ingest.idle()
        log = next(iter(home.index.log.heads()))
        batches = [decode_batch(each) for each in home.index.log.batches(log, 0, 10_000)]
        blobs = {}
        for stored in home.index.blobs.page(b"", 1_000, stored=True):
            ref = home.library.blob_ref(stored.root)
            assert ref is not None
            with home.store.reader(stored.root) as reader:
                blobs[BlobRoot(stored.root)] = ref, reader.chunks(0, 10_000)
    return Given(batches, blobs)


def bringing(home: Home, given: Given) -> Bringing:
    async def on_lie(_member: DeviceId) -> None:
        raise AssertionError("the PC doesn't lie")

    return Bringing(
        home.library, home.store, given.take, Pace(), now_ms=lambda: time.time_ns() // 1_000_000, on_lie=on_lie
    )


async def live(home: Home, given: Given, acknowledge: Callable[[Facts], None]) -> None:
    """Merge the PC's catalog in two steps, keep all its songs, note one as removed, drop two; what is done already
    is passed over.
    """
    facts = Facts()

    def now(**changed: object) -> None:
        nonlocal facts
        facts = replace(facts, **changed)  # type: ignore[arg-type]
        acknowledge(facts)

    half = len(given.batches) // 2
    for batches in (given.batches[:half], given.batches):
        await asyncio.to_thread(home.index.log.apply, batches)
        now(heads={name: head.seq for name, head in home.index.log.heads().items()})
    bring, roots = bringing(home, given), sorted(given.blobs)
    for root in roots:
        if not home.store.keeps(root):
            await bring.bring(given.blobs[root][0], Purpose.ORIGINAL, [PC])
        now(kept=facts.kept | {root})
    times = RootTimes(home.library, TRASH)
    await asyncio.to_thread(times.save, {roots[0]: DAY_MS})
    now(trash=frozenset(roots[:1]))
    for root in roots[:2]:
        now(kept=facts.kept - {root})
        await asyncio.to_thread(drop_blob, home.library, home.store, root)
        now(gone=facts.gone | {root})


@contextlib.asynccontextmanager
async def laptop(path: Path, reached: Callable[[], None] = lambda: None) -> AsyncIterator[Home]:
    async with open_home(path, keys=LAPTOP, disk=Moments(reached)) as home:
        database = home.index._database
        before, after = database.before_commit, database.after_commit
        database.before_commit = lambda step: (before(step), reached())[0]
        database.after_commit = lambda step: (reached(), after(step))[1]
        yield home


async def check(path: Path, given: Given, facts: Facts, *, go_on: bool = True) -> None:
    """The next start: quick, whole, with everything that was acknowledged; and the rest of the work can be done."""
    began_s = time.monotonic()
    async with laptop(path) as home:
        assert time.monotonic() - began_s < OPENING_S
        assert [*(home.store.directory / "incoming").iterdir()] == []
        heads = {name: head.seq for name, head in home.index.log.heads().items()}
        assert all(heads.get(name, 0) >= seq for name, seq in facts.heads.items())
        counted = {BlobRoot(each.root) for each in home.index.blobs.page(b"", 1_000, stored=True)}
        assert facts.kept <= counted
        assert all(home.store.has(root) for root in counted)  # never a count without bytes
        assert all(home.store.keeps(root) for root in facts.kept)
        assert not any(root in counted or home.store.keeps(root) for root in facts.gone)
        assert facts.trash <= RootTimes(home.library, TRASH).load().keys()
        own = home.operations() - sum(heads.values())
        assert own == 0  # what happened here is told to nobody as a change of the library
        if not go_on:
            return
        await live(home, given, lambda _facts: None)
        assert (await home.verify.run(False, sources=False)).ok
        assert {each.root for each in home.store.stored() if each.kept} == set(sorted(given.blobs)[2:])


async def test_killed_at_any_moment_nothing_acknowledged_is_lost(
    tmp_path: Path, given: Given, exhaustive: bool
) -> None:
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 1

    async with laptop(tmp_path / "whole", count) as home:
        await live(home, given, lambda _facts: None)
    assert counted > (EXHAUSTIVE if exhaustive else 60)
    moments = range(1, counted + 1)
    chosen = moments if exhaustive else sorted(random.Random(5).sample(moments, SAMPLED))
    passes = math.ceil(len(chosen) / AT_ONCE)
    tried = 0
    for number in range(passes):
        tried += await _killed(tmp_path, given, set(chosen[number::passes]))
    assert tried >= len(chosen) - 5 * passes  # moments of two threads are counted a little differently each time


async def _killed(tmp_path: Path, given: Given, chosen: Set[int]) -> int:
    """One life in which the home is copied at each chosen moment, and then all the next starts; how many."""
    facts, seen, left = Facts(), 0, list[tuple[Path, Facts]]()

    def reached() -> None:
        nonlocal seen
        seen += 1
        if seen in chosen:
            copy = tmp_path / f"at{seen}"
            shutil.copytree(tmp_path / "home", copy)
            left.append((copy, facts))

    def acknowledge(known: Facts) -> None:
        nonlocal facts
        facts = known

    async with laptop(tmp_path / "home", reached) as home:
        await live(home, given, acknowledge)
    shutil.rmtree(tmp_path / "home")
    for number, (path, known) in enumerate(left):
        await check(path, given, known, go_on=len(left) <= SAMPLED or number % 10 == 0)
        shutil.rmtree(path)
    return len(left)


@pytest.mark.parametrize("kind", ["an error", "no room", "the disk is gone"])
async def test_a_disk_that_fails_at_any_call_leaves_nothing_half_done_and_tells_no_deletion(
    tmp_path: Path, given: Given, exhaustive: bool, kind: str
) -> None:
    steps = range(1, 60) if exhaustive else sorted(random.Random(9).sample(range(1, 40), 4))
    for step in steps:
        path = tmp_path / f"home{step}"
        if kind == "an error":
            disk = FaultyDisk(fail_at_step=step)
        elif kind == "no room":
            disk = FaultyDisk(room_bytes=4_000_000_000 + 40_000 * (step % 8))
        else:
            disk = FaultyDisk(gone_from_step=step)
        async with open_home(path, keys=LAPTOP, disk=disk, spare_bytes=0) as home:
            await asyncio.to_thread(home.index.log.apply, given.batches)
            heads = home.index.log.heads()
            if kind == "no room":
                disk.room_bytes = 40_000 * (step % 8)
            with contextlib.suppress(StorageError):
                await live(home, given, lambda _facts: None)
                assert disk.steps < step or kind == "no room"
            assert home.index.log.heads() == heads
            counted = [each.root for each in home.index.blobs.page(b"", 1_000, stored=True)]
            disk.mend()
            assert all(home.store.has(root) for root in counted)
            assert [*(home.store.directory / "incoming").iterdir()] == [] or kind == "the disk is gone"
        await check(path, given, Facts())
        shutil.rmtree(path)
