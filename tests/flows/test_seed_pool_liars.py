"""Seeds of a pool that stall or give less than they promised: the library passes them over, and none of them stays."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from node.crypto.keys import MemberKeys, member_keys_from_random
from node.doors.seeds import SeedStanding
from node.errors import UnavailableError
from node.flows.seed_grants import SeedGrants
from node.flows.seed_links import SeedLink
from node.flows.seeds import HEARSAY_TIMEOUT_S, Seeds
from node.ids import DeviceId
from node.peers.membership import Membership
from node.seed.options import SeedOptions
from node.seed.server import running
from node.seed.trackers import TrustedTracker
from node.wire import codec
from node.wire.grants import Grant, sign_grant
from node.wire.offer import Pool
from node.wire.roster import Member, Role
from tests.flows.home import open_home
from tests.flows.seeded import KeysInMemory, founder_secrets
from tests.seed.owner import SEED_IP

TRACKER = member_keys_from_random(os.urandom(64))
SIZE_BYTES = 1_000_000
PC_IP = "127.0.0.7"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def served(**answers: Answer) -> AsyncIterator[str]:
    """HTTP at `/v1/NAME` for each; the address."""
    app = web.Application()
    for name, answer in answers.items():
        app.router.add_route("*", f"/v1/{name}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def saying(value: Any) -> Answer:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=codec.pack(value))

    return answer


def naming(*picks: tuple[DeviceId, str]) -> Answer:
    """A tracker's pool of those seeds."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=Pool(len(picks), 1 << 50, picks).packed())

    return answer


def liar_of(keys: MemberKeys, *, gives_bytes: int) -> dict[str, Answer]:
    """A seed that has all the room in the world, until it is to give it."""
    who = [keys.public.sign, keys.public.receive, {"version": "1", "free_bytes": 1 << 50}]
    return {
        "seed": saying(who),
        "challenge": saying(bytes(32)),
        "grant": saying({"quota_bytes": gives_bytes}),
    }


@dataclass
class Granting:
    """A tracker that grants what is asked for."""

    membership: Membership
    asked: list[DeviceId]

    async def ask_grant(self, tracker: str, seed: DeviceId, size_bytes: int) -> bytes:
        self.asked.append(seed)
        now_ms = _now_ms()
        grant = Grant(
            tracker=TRACKER.id,
            library=self.membership.library,
            seed=seed,
            granted_bytes=size_bytes,
            serial=len(self.asked),
            issued_ms=now_ms,
            expires_ms=now_ms + 86_400_000,
        )
        return sign_grant(TRACKER, grant)

    async def tell_usage(self, tracker: str, usage_for: Callable[[bytes], Awaitable[bytes]]) -> None:
        """It needs to know nothing."""


@contextlib.asynccontextmanager
async def a_device(
    home: Path, pool_url: str, *, hearsay_timeout_s: float = HEARSAY_TIMEOUT_S
) -> AsyncIterator[tuple[Seeds, Membership, Granting]]:
    async with open_home(home) as opened:
        membership = Membership(KeysInMemory(founder_secrets()), time_ms=_now_ms, random=os.urandom)
        granting = Granting(membership, [])
        grants = SeedGrants(
            membership,
            opened.library,
            trackers=lambda: (pool_url.replace("http", "ws"),),
            meeting=granting,
            now_ms=_now_ms,
        )
        yield (
            Seeds(
                membership=membership,
                library=opened.library,
                snapshots=cast(Any, SimpleNamespace(on_new=[])),
                now_ms=_now_ms,
                random=os.urandom,
                grants=grants,
                local_address=PC_IP,
                hearsay_timeout_s=hearsay_timeout_s,
            ),
            membership,
            granting,
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def test_a_seed_that_gives_less_than_was_granted_is_put_out_and_the_next_one_taken(tmp_path: Path) -> None:
    liar = member_keys_from_random(os.urandom(64))
    pool_tracker = TrustedTracker(TRACKER.id, "http://127.0.0.1:9")
    options = SeedOptions(home=tmp_path / "seed", host=SEED_IP, port=0, stun_port=None, trackers=(pool_tracker,))
    async with (
        running(options) as honest,
        served(**liar_of(liar, gives_bytes=SIZE_BYTES - 1)) as liar_url,
        served(pool=naming((liar.id, liar_url), (honest.keys.id, honest.url))) as pool_url,
        a_device(tmp_path / "pc", pool_url) as (seeds, membership, granting),
    ):
        assert (await seeds.add_from_pool(SIZE_BYTES))["url"] == honest.url
        assert granting.asked[0] == liar.id
        assert [each.public.id for each in membership.roster.active(Role.SEED)] == [honest.keys.id]
        assert not membership.roster.members[liar.id].active


async def test_a_seed_that_never_says_who_it_is_holds_nobody_up(tmp_path: Path) -> None:
    never = asyncio.Event()

    async def stall(_request: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    async with (
        served(seed=stall) as url,
        served(pool=naming((DeviceId(os.urandom(32)), url))) as pool_url,
        a_device(tmp_path / "pc", pool_url, hearsay_timeout_s=0.2) as (seeds, membership, granting),
    ):
        with pytest.raises(UnavailableError, match="in time"):
            await seeds.add_from_pool(SIZE_BYTES)
        assert (granting.asked, membership.roster.active(Role.SEED)) == ([], [])


def test_room_that_shrinks_without_anybodys_word_is_told_once_and_only_when_it_stays_so() -> None:
    seed = Member(
        member_keys_from_random(os.urandom(64)).public, Role.SEED, 1, (1, 1, 0), bytes(32), ("https://seed.example",)
    )
    link = SeedLink(seed, 1)
    assert link.less_warning(1_000_000_000) is None

    def look(quota_bytes: int, days_left: int | None = None) -> str | None:
        link.standing = SeedStanding(
            serial=1,
            quota_bytes=quota_bytes,
            held_bytes=0,
            held_blobs=0,
            missing_bytes=0,
            missing_blobs=0,
            trash_bytes=0,
            days_left=days_left,
        )
        return link.less_warning(1_000_000_000)

    assert [look(400_000_000), look(1_000_000_000), look(400_000_000)] == [None, None, None]
    said = look(400_000_000)
    assert said is not None
    assert "0.40 GB of the 1.00 GB" in said
    assert [look(400_000_000), look(400_000_000, days_left=30), look(400_000_000)] == [None, None, None]
