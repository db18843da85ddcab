"""A device that others listen to stays awake; one that sleeps is named, with the time since when."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from node.doors.power import Nap, Power
from node.errors import UnavailableError
from node.flows.absent import Absent, spoken_time
from node.flows.fetch import DeviceFetch
from node.flows.sightings import Sightings
from node.flows.wakeful import Wakeful
from node.ids import BlobRoot, DeviceId
from node.library.shapes import Elsewhere
from node.peers.directory import Presence
from node.placement import Device
from tests.flows import people
from tests.flows.home import open_home
from tests.flows.test_ways import BLOB, CHUNKS, out, three, walker


class Machine(Power):
    """A machine whose sleep is in the test's hands."""

    def __init__(self) -> None:
        super().__init__(platform="none")
        self.kept_awake = asyncio.Event()
        self.may_sleep = asyncio.Event()
        self.coming: asyncio.Queue[Nap] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def awake(self) -> AsyncIterator[bool]:
        self.kept_awake.set()
        try:
            yield True
        finally:
            self.may_sleep.set()

    async def naps(self) -> AsyncGenerator[Nap, None]:
        while True:
            yield await self.coming.get()


@contextlib.asynccontextmanager
async def wakeful(machine: Machine, told: list[bool]) -> AsyncIterator[Wakeful]:
    async def announce() -> None:
        told.append(it.asleep)

    it = Wakeful(machine, announce=announce, woke=lambda: told.append(True), listened_for_s=0.05)
    task = asyncio.create_task(it.run())
    yield it
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_machine_stays_awake_while_others_listen_and_may_sleep_afterwards() -> None:
    machine = Machine()

    async def serve(root: BlobRoot, first: int, count: int) -> AsyncIterator[bytes]:
        yield b"chunk"

    async with wakeful(machine, []) as it, asyncio.timeout(60):
        assert not machine.kept_awake.is_set()
        assert [chunk async for chunk in it.noting(serve)(BlobRoot(bytes(32)), 0, 1)] == [b"chunk"]
        await machine.kept_awake.wait()
        await machine.may_sleep.wait()


async def test_going_to_sleep_and_waking_are_told() -> None:
    machine, told = Machine(), list[bool]()
    async with wakeful(machine, told):
        machine.coming.put_nowait(Nap.SLEEPS)
        await people.until(lambda: told == [True])
        machine.coming.put_nowait(Nap.WOKE)
        await people.until(lambda: told == [True, True, False])


MAY_3 = int(time.mktime((2026, 5, 3, 23, 10, 0, 0, 0, -1)) * 1_000)


@pytest.mark.parametrize(
    ("hours_later", "said"),
    [(0.2, "23:10"), (1, "yesterday 23:10"), (30, "3 May 23:10"), (9_000, "3 May 2026 23:10")],
)
def test_times_are_said_as_people_say_them(hours_later: float, said: str) -> None:
    assert spoken_time(MAY_3, MAY_3 + int(hours_later * 3_600_000)) == said


async def test_a_pc_that_sleeps_is_named_at_once_and_since_when(tmp_path: Path) -> None:
    owner, _, third = three()
    async with people.a_tracker(tmp_path / "t") as (url, _), open_home(tmp_path / "h") as home:
        pc = walker("Home PC", owner, url, ip="127.0.0.2")
        laptop = walker("Laptop", third, url, ip="127.0.0.3")
        pc.device.blobs[BLOB.root] = CHUNKS
        directory = laptop.device.directory
        sightings = Sightings(directory, home.library.index.settings)
        holdings: list[Device] = []
        absent = Absent(
            membership=laptop.device.membership,
            directory=directory,
            sightings=sightings,
            name_of=lambda member: "Home PC" if member == pc.id else "Phone",
            holders=lambda: holdings,
            now_ms=lambda: MAY_3 + 60_000,
        )
        fetch = DeviceFetch(
            laptop.device.membership,
            directory,
            laptop.ways.chunks,
            open_to=laptop.ways.open_to,
            absent=absent.why,
        )
        async with out(pc, laptop):
            assert await fetch.chunks(BLOB, 0, 4) == b"".join(CHUNKS[:4])
        falling = Presence(name="Home PC", role="node", roster=3, asleep=True)
        directory.came(url, 99, pc.id)
        directory.said(pc.id, falling, MAY_3)
        assert not directory.get(pc.id).present  # although its connection still hangs in the room
        directory.left(url, 99, MAY_3 + 45_000)
        with pytest.raises(UnavailableError, match="Home PC is asleep since 23:10"):
            await fetch.chunks(BLOB, 0, 4)
        holdings.append(Device(id=pc.id, budget_bytes=0, used_bytes=0, present=False, sealed=frozenset({BLOB.root})))
        with pytest.raises(UnavailableError, match=r"^Home PC is asleep since 23:10, which has this song"):
            await fetch.chunks(BLOB, 0, 4)
        assert absent.elsewhere({"a": [BLOB.root], "b": []}) == {
            "a": Elsewhere(
                False, "Home PC is asleep since 23:10, which has this song; it plays again when one is back."
            )
        }
        holdings.append(Device(id=DeviceId(bytes(32)), sealed=holdings[0].sealed, operator=b"seed.example"))
        assert absent.elsewhere({"a": [BLOB.root]})["a"] == (True, "It plays from seed.example.")
        await sightings._keep()
        kept = Sightings(directory, home.library.index.settings).of(DeviceId(pc.id))
        assert kept.asleep
        assert kept.seen_ms == MAY_3
