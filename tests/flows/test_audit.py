"""A seed that lies is found out: by audits, by players, and by whoever recovers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from node.doors.seeds import SeedClient
from node.errors import DamagedError
from node.flows.audit import EVERY_MS, LEAVES, Audits
from node.flows.seed_links import SeedLink
from node.seed.server import RunningSeed
from tests.flows.home import until
from tests.flows.seeded import PC_IP, SeededHome, seeded_home
from tests.music import make_track
from tests.seed.owner import a_seed
from tests.seed.test_keeping import until as until_standing
from tests.seed.test_scrub import blob_files

LIAR_IP = "127.0.0.9"
PASSED_ON = ("Host", "Authorization", "Range", "Content-Type")


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(3):
        make_track(folder / f"{number}.flac", seed=number, title=f"T{number}", seconds=3)
    return folder


@contextlib.asynccontextmanager
async def filled(tmp_path: Path, music: Path, seed: RunningSeed) -> AsyncIterator[tuple[SeededHome, SeedLink]]:
    async with seeded_home(tmp_path / "pc") as pc:
        await pc.home.ingest.add([music])
        await pc.home.ingest.idle()
        await pc.seeds.add(await seed.invite(100_000_000))
        await pc.until_filled(blobs=3)
        [link] = pc.seeds.links.values()
        await until(lambda: link.audit is not None)
        yield pc, link


@dataclass
class Liar:
    """A seed's face that answers for it, and, once it lies, gives noise of the right length for every blob."""

    url: str
    behind: str = ""
    lies: bool = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method,
                self.behind + request.path_qs,
                data=await request.read(),
                headers={name: request.headers[name] for name in PASSED_ON if name in request.headers},
            ) as told,
        ):
            body = await told.read()
            if self.lies and request.method == "GET" and request.path.startswith("/v1/blobs/"):
                body = os.urandom(len(body))
            kept = {name: told.headers[name] for name in ("Content-Type", "Content-Range") if name in told.headers}
            return web.Response(status=told.status, body=body, headers=kept)


@contextlib.asynccontextmanager
async def a_liar() -> AsyncIterator[Liar]:
    liar = Liar("")
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", liar.answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, LIAR_IP, 0).start()
        liar.url = f"http://{LIAR_IP}:{runner.addresses[0][1]}"
        yield liar
    finally:
        await runner.cleanup()


def later(pc: SeededHome, *, days: float) -> Audits:
    return Audits(
        pc.home.library,
        now_ms=lambda: int(days * EVERY_MS) + 10**13,
        random_below=lambda bound: int.from_bytes(os.urandom(8), "big") % bound,
    )


@contextlib.asynccontextmanager
async def client_for(pc: SeededHome, link: SeedLink) -> AsyncIterator[SeedClient]:
    async with SeedClient.open(link.url, local_address=PC_IP) as client:
        await client.sign_in(pc.membership.keys)
        yield client


async def test_an_honest_seed_passes_and_is_asked_once_a_day(tmp_path: Path, music: Path) -> None:
    async with a_seed(tmp_path / "seed") as seed, filled(tmp_path, music, seed) as (pc, link):
        assert link.audit is not None
        assert (link.audit.passed > 0, link.audit.failed) == (True, 0)
        assert link.audit.passed <= LEAVES
        async with client_for(pc, link) as client:
            audits = later(pc, days=1)
            assert await audits.if_due(link.member.public.id, client, link.volumes) is not None
            assert await audits.if_due(link.member.public.id, client, link.volumes) is None
            assert await later(pc, days=2.1).if_due(link.member.public.id, client, link.volumes) is not None
        assert [each.failed for each in audits.of(link.member.public.id)] == [0, 0, 0]


async def test_rot_that_an_audit_finds_is_healed(tmp_path: Path, music: Path) -> None:
    async with a_seed(tmp_path / "seed") as seed, filled(tmp_path, music, seed) as (pc, link):
        for path in blob_files(seed.options.home):
            path.write_bytes(bytes(path.stat().st_size))
        async with client_for(pc, link) as client:
            audit = await later(pc, days=1).audit(link.member.public.id, client, link.volumes)
            assert audit is not None
            assert (audit.passed, audit.failed > 0) == (0, True)
            assert (await client.standing()).missing_blobs == 3
            pc.seeds.wake()
            await until_standing(client.standing, lambda each: each.held_blobs == 3)
            audit = await later(pc, days=2).audit(link.member.public.id, client, link.volumes)
            assert audit is not None
            assert audit.failed == 0


async def test_a_seed_that_lies_is_found_out_and_nothing_false_is_ever_played(tmp_path: Path, music: Path) -> None:
    async with a_liar() as liar, a_seed(tmp_path / "seed", url=liar.url) as seed:
        liar.behind = f"http://{seed.options.host}:{seed.port}"
        async with filled(tmp_path, music, seed) as (pc, link):
            assert link.audit is not None
            assert link.audit.failed == 0
            liar.lies = True
            async with client_for(pc, link) as client:
                audit = await later(pc, days=1).audit(link.member.public.id, client, link.volumes)
                assert audit is not None
                assert audit.passed == 0
                assert audit.failed > 0
                assert (await client.standing()).held_blobs == 3  # so it still says
            await asyncio.to_thread(shutil.rmtree, music)
            for track in pc.home.library.tracks(0, 10)["items"]:
                with pytest.raises(DamagedError):
                    await pc.home.play(track["id"], "original")
