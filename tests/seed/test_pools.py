"""A seed in a tracker's pool: what it says there, by itself, and that a silent or hostile tracker changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from node.doors.seeds import SeedClient
from node.seed.options import SeedOptions
from node.seed.server import RunningSeed, running
from node.seed.trackers import TrustedTracker
from node.wire import codec
from node.wire.offer import Offer, check_offer, read_offer, read_report
from node.wire.usage import Usage, read_usage
from tests.doors.swarm.blobs import noises
from tests.seed.owner import SEED_IP, client_of, make_owner
from tests.seed.test_grants import TRACKER, granted, join
from tests.seed.test_keeping import once

DAY_MS = 86_400_000


@dataclass
class FakeTracker:
    """Hears what a seed says, and answers what a test wants."""

    answer: Callable[[], web.Response]
    base: str = ""
    offers: list[Offer] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)

    async def hear(self, request: web.Request) -> web.Response:
        offer, usages = read_report(await request.read())
        self.offers.append(read_offer(offer))
        self.usages += [read_usage(each) for each in usages]
        return self.answer()


def taken() -> web.Response:
    return web.Response(body=codec.pack({"until": 1 << 41, "refusal": "", "usages": 0}))


@contextlib.asynccontextmanager
async def a_fake_tracker(answer: Callable[[], web.Response] = taken) -> AsyncIterator[FakeTracker]:
    tracker = FakeTracker(answer)
    app = web.Application()
    app.router.add_post("/v1/pool", tracker.hear)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        tracker.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield tracker
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def a_pool_seed(home: Path, base: str) -> AsyncIterator[RunningSeed]:
    trackers = (TrustedTracker(TRACKER.id, base),)
    options = SeedOptions(home=home, host=SEED_IP, port=0, stun_port=None, capacity_bytes=1_000_000, trackers=trackers)
    async with running(options) as seed:
        yield seed


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110  nobody tells of it
            await asyncio.sleep(0.02)


async def trouble(seed: RunningSeed) -> str:
    """What the status page says of the only pool, as soon as it says something."""
    async with asyncio.timeout(60):
        while not (said := str((await seed.look())["pools"][0]["trouble"])):  # noqa: ASYNC110  nobody tells of it
            await asyncio.sleep(0.02)
    return said


async def test_it_offers_its_room_and_says_by_itself_what_it_keeps_and_what_it_releases(tmp_path: Path) -> None:
    owner = make_owner()
    volume, made = noises(60_000)
    async with a_fake_tracker() as tracker, a_pool_seed(tmp_path / "seed", tracker.base) as seed:
        await until(lambda: bool(tracker.offers))
        offer = tracker.offers[0]
        check_offer(offer, tracker=TRACKER.id, now_ms=offer.time_ms)
        assert (offer.seed, offer.url, offer.capacity_bytes) == (seed.keys.id, seed.url, 1_000_000)
        assert offer.free_bytes == 1_000_000
        async with SeedClient.open(seed.url) as anybody:
            assert await anybody.free_bytes() == 1_000_000
        await join(seed, owner, granted(seed, owner.roster.library, 100_000))
        await until(lambda: any(each.kept_bytes == 100_000 for each in tracker.usages))
        assert tracker.offers[-1].free_bytes == 900_000
        async with client_of(seed, owner.keys) as client:
            await client.put_list(owner.list_of([volume]), [volume])
            await client.push(made[0].root, once(made[0].data))
            await client.put_list(owner.list_of([], may_shrink=True))
        await join(seed, owner, granted(seed, owner.roster.library, 0, serial=2))
        await until(lambda: (tracker.usages[-1].serial, tracker.usages[-1].kept_bytes) == (2, 0))
        assert [each.time_ms for each in tracker.offers] == sorted({each.time_ms for each in tracker.offers})


async def test_a_tracker_that_is_away_or_talks_nonsense_or_refuses_changes_nothing_but_what_is_said_of_it(
    tmp_path: Path,
) -> None:
    owner = make_owner()
    volume, made = noises(60_000)

    async def kept(seed: RunningSeed) -> None:
        async with client_of(seed, owner.keys) as client:
            assert await client.chunks(made[0].root, 0, 10) == made[0].data
            assert (await client.standing()).quota_bytes == 100_000

    async with a_pool_seed(tmp_path / "seed", "http://127.0.0.1:9") as seed:
        await join(seed, owner, granted(seed, owner.roster.library, 100_000, expires_in_ms=60_000))
        async with client_of(seed, owner.keys) as client:
            await client.put_list(owner.list_of([volume]), [volume])
            await client.push(made[0].root, once(made[0].data))
        assert "can't be reached" in await trouble(seed)
        await kept(seed)
    full = {"until": 0, "refusal": "the tracker's pool is full", "usages": 1}
    for answer, said in (
        (lambda: web.Response(body=os.urandom(100)), ""),
        (lambda: web.Response(body=codec.pack(full)), "pool is full"),
        (lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:9"}), "302"),
        (lambda: web.Response(status=404), "no pool"),
    ):
        async with a_fake_tracker(answer) as tracker, a_pool_seed(tmp_path / "seed", tracker.base) as seed:
            assert said in await trouble(seed)
            assert {each.kept_bytes for each in tracker.usages} == {100_000}
            await kept(seed)
