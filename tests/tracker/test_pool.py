"""The tracker's pool of seeds: who may stand there, who may not, and what hostile seeds come to."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from node.crypto.keys import MemberKeys, member_keys_from_random
from node.errors import NotFoundError, PeerError, RefusedError
from node.ids import DeviceId, LibraryId, from_text, to_text
from node.wire import codec
from node.wire.offer import LIFETIME_MS, MAX_PICKS, MAX_USAGES, Offer, pack_report, read_pool, sign_offer
from node.wire.usage import Usage, sign_usage
from tests.flows.people import a_tracker
from tests.tracker.test_ledger import KEYS, PLANS, Clock
from tracker.database import Database
from tracker.ledger import Ledger, system_ms
from tracker.pool import MAX_SEEDS, MAX_SEEDS_PER_HOST, SeedPool
from tracker.pooldoor import NEWCOMERS, WORDS

LIBRARY = LibraryId(b"L" * 32)
SEED = member_keys_from_random(b"s" * 64)


@contextlib.asynccontextmanager
async def a_pool(folder: Path) -> AsyncIterator[tuple[SeedPool, Ledger, Clock]]:
    clock = Clock()
    async with Database.open(folder / "tracker.sqlite") as database:
        yield SeedPool(database, KEYS.id, now_ms=clock), Ledger(database, KEYS, PLANS, now_ms=clock), clock


def offer_of(
    keys: MemberKeys, now_ms: int, *, tracker: bytes = KEYS.id, url: str = "https://seed.example", free_bytes: int = 900
) -> Offer:
    return Offer(
        tracker=tracker,
        seed=keys.id,
        url=url,
        capacity_bytes=1_000,
        free_bytes=free_bytes,
        time_ms=now_ms,
        expires_ms=now_ms + LIFETIME_MS,
    )


def number(count: int) -> MemberKeys:
    return member_keys_from_random(count.to_bytes(2, "big") * 32)


def as_it_is(_seeds: list[object]) -> None:
    """No other order."""


async def free(pool: SeedPool) -> tuple[int, int]:
    """Seeds in the pool, and bytes that are free there."""
    now = await pool.look(0, as_it_is)
    return now.seeds, now.free_bytes


async def test_an_offer_stands_until_it_ends_and_a_newer_one_takes_its_place(tmp_path: Path) -> None:
    async with a_pool(tmp_path) as (pool, _, clock):
        first = offer_of(SEED, clock.now_ms)
        await pool.keep(pool.check(sign_offer(SEED, first)))
        assert await free(pool) == (1, 900)
        clock.now_ms += 1_000
        await pool.keep(offer_of(SEED, clock.now_ms, free_bytes=200, url="https://elsewhere.example"))
        assert await free(pool) == (1, 200)
        with pytest.raises(RefusedError, match="newer word"):
            await pool.keep(pool.check(sign_offer(SEED, first)))  # somebody says an old word of it again
        assert (await pool.look(100, as_it_is)).picks == ((SEED.id, "https://elsewhere.example"),)
        clock.now_ms += LIFETIME_MS
        assert await free(pool) == (0, 0)


async def test_nobody_offers_in_anothers_name_or_with_a_word_to_another_tracker(tmp_path: Path) -> None:
    thief = member_keys_from_random(os.urandom(64))
    async with a_pool(tmp_path) as (pool, _, clock):
        good = offer_of(SEED, clock.now_ms)
        payload, _ = codec.unpack(sign_offer(SEED, good), max_bytes=1_024)
        _, by_thief = codec.unpack(sign_offer(thief, replace(good, seed=thief.id)), max_bytes=1_024)
        with pytest.raises(PeerError):
            pool.check(codec.pack([payload, by_thief]))
        with pytest.raises(RefusedError, match="another tracker"):
            pool.check(sign_offer(SEED, replace(good, tracker=thief.id)))
        for wrong in ({"time_ms": clock.now_ms + 700_000}, {"expires_ms": clock.now_ms + 3 * LIFETIME_MS}):
            with pytest.raises(RefusedError):
                pool.check(sign_offer(SEED, replace(good, **wrong)))
        assert await free(pool) == (0, 0)


async def test_who_floods_the_pool_fills_one_host_and_never_drives_out_who_stands_there(tmp_path: Path) -> None:
    async with a_pool(tmp_path) as (pool, _, clock):
        await pool.keep(offer_of(SEED, clock.now_ms))
        for count in range(MAX_SEEDS_PER_HOST):
            url = f"https://flood.example:{1_000 + count}"
            await pool.keep(offer_of(number(count), clock.now_ms, url=url))
        with pytest.raises(RefusedError, match="under one name"):
            await pool.keep(offer_of(number(50), clock.now_ms, url="https://flood.example"))
        for count in range(100, 100 + MAX_SEEDS - MAX_SEEDS_PER_HOST - 1):
            await pool.keep(offer_of(number(count), clock.now_ms, url=f"https://{count}.example"))
        with pytest.raises(RefusedError, match="full"):
            await pool.keep(offer_of(number(9_999), clock.now_ms, url="https://one.more.example"))
        clock.now_ms += 1
        await pool.keep(offer_of(SEED, clock.now_ms, free_bytes=10))  # who stands there renews its word
        assert (await free(pool))[0] == MAX_SEEDS
        assert len((await pool.look(0, as_it_is)).picks) == MAX_PICKS


async def test_what_was_granted_since_a_seeds_word_is_not_free_any_more_and_too_large_a_word_is_cut(
    tmp_path: Path,
) -> None:
    async with a_pool(tmp_path) as (pool, ledger, clock):
        await ledger.admit(LIBRARY, "")
        await pool.keep(offer_of(SEED, clock.now_ms, free_bytes=1 << 50))
        assert await free(pool) == (1, 1_000)  # its own capacity
        clock.now_ms += 1
        await ledger.grant(LIBRARY, SEED.id, 600)
        assert await free(pool) == (1, 400)
        assert (await pool.look(500, as_it_is)).picks == ()
        clock.now_ms += 1
        await pool.keep(offer_of(SEED, clock.now_ms, free_bytes=400))
        assert await free(pool) == (1, 400)


async def test_a_seed_that_was_shut_out_is_named_to_nobody_and_comes_back_only_when_it_is_taken_back(
    tmp_path: Path,
) -> None:
    async with a_pool(tmp_path) as (pool, _, clock):
        await pool.keep(offer_of(SEED, clock.now_ms))
        with pytest.raises(NotFoundError):
            pool.shut_out("zzzzz", shut_out=True)
        pool.shut_out(to_text(SEED.id)[:8], shut_out=True)
        assert await free(pool) == (0, 0)
        clock.now_ms += 2 * LIFETIME_MS
        with pytest.raises(RefusedError, match="shut"):
            await pool.keep(offer_of(SEED, clock.now_ms))
        pool.shut_out(to_text(SEED.id)[:8], shut_out=False)
        await pool.keep(offer_of(SEED, clock.now_ms))
        assert await free(pool) == (1, 900)


async def test_over_http_usages_count_also_of_a_seed_that_is_refused_and_one_address_says_only_so_much(
    tmp_path: Path,
) -> None:
    async with a_tracker(tmp_path) as (url, tracker), aiohttp.ClientSession() as session:
        base, key = url.replace("ws://", "http://"), from_text(tracker.key)

        async def report(
            keys: MemberKeys, usages: list[bytes], *, tracker: bytes = key, host: str = "a"
        ) -> tuple[int, Any]:
            offer = offer_of(keys, system_ms(), tracker=tracker, url=f"https://{host}.example")
            body = pack_report(sign_offer(keys, offer), usages)
            async with session.post(f"{base}/v1/pool", data=body) as answer:
                told = await answer.read()
                return answer.status, codec.unpack(told, max_bytes=10_000) if answer.status == 200 else told

        usage = Usage(
            seed=SEED.id, library=LIBRARY, tracker=key, serial=0, kept_bytes=0, used_bytes=0, time_ms=system_ms()
        )
        status, told = await report(SEED, [sign_usage(SEED, usage)])
        assert (status, told["refusal"], told["usages"]) == (200, "", 0)  # no such account: of no use, and no harm
        status, told = await report(SEED, [], tracker=bytes(32))
        assert (status, told["until"]) == (200, 0)
        assert "another tracker" in told["refusal"]
        for body in (b"", b"\xc1", pack_report(b"x", []), pack_report(b"x" * 2_000, []), b"x" * 40_000):
            async with session.post(f"{base}/v1/pool", data=body) as answer:
                assert answer.status == 403, body[:10]
        status, _ = await report(SEED, [b"u"] * (MAX_USAGES + 1))
        assert status == 403
        async with session.get(f"{base}/v1/pool", params={"bytes": "5"}) as answer:
            assert read_pool(await answer.read()).picks == ((SEED.id, "https://a.example"),)
        for wrong in ("-1", "x", "9" * 40):
            async with session.get(f"{base}/v1/pool", params={"bytes": wrong}) as answer:
                assert answer.status == 403
        refused = [
            told["refusal"]
            for count in range(int(NEWCOMERS.burst) + 2)
            for status, told in [await report(number(count), [], host=f"n{count}")]
            if status == 200 and told["refusal"]
        ]
        assert refused
        assert "one address" in refused[-1]
        statuses = set()
        for _ in range(int(WORDS.burst) + 5):
            async with session.get(f"{base}/v1/pool") as answer:
                statuses.add(answer.status)
        assert statuses == {200, 429}


async def test_a_seeds_own_word_over_http_frees_what_it_keeps_no_more(tmp_path: Path) -> None:
    async with a_pool(tmp_path) as (_, ledger, clock):
        await ledger.admit(LIBRARY, "")
        await ledger.grant(LIBRARY, SEED.id, 1_000)
        other = DeviceId(b"o" * 32)
        await ledger.grant(LIBRARY, SEED.id, 0)
        with pytest.raises(RefusedError):
            await ledger.grant(LIBRARY, other, 500)  # the old seed has not said yet that it keeps it no more
        released = Usage(
            seed=SEED.id, library=LIBRARY, tracker=KEYS.id, serial=2, kept_bytes=0, used_bytes=0, time_ms=clock.now_ms
        )
        thief = member_keys_from_random(os.urandom(64))
        await ledger.keep_usage(LIBRARY, sign_usage(thief, replace(released, seed=thief.id)))
        with pytest.raises(RefusedError):
            await ledger.grant(LIBRARY, other, 500)  # and nobody says it in its place
        await ledger.keep_usage(LIBRARY, sign_usage(SEED, released))
        assert await ledger.grant(LIBRARY, other, 500)
