"""What goes out keeps to its limit, however many take from it, and a changed limit counts at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from node.flows.pace import Meter, Pace, left_s, paced
from node.ids import BlobRoot

ROOT = BlobRoot(bytes(32))


async def chunks(_root: BlobRoot, _first: int, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(10_000)


async def taken_s(pace: Pace, *, readers: int, each: int) -> float:
    began_s = time.monotonic()

    async def read() -> None:
        async for _ in paced(chunks, pace)(ROOT, 0, each):
            pass

    await asyncio.gather(*(read() for _ in range(readers)))
    return time.monotonic() - began_s


async def test_several_readers_share_one_limit() -> None:
    pace = Pace(1_000_000)
    assert await taken_s(pace, readers=5, each=8) >= 0.39  # 400 kB at 1 MB a second
    assert pace.total_bytes == 400_000


async def test_without_a_limit_nobody_waits_and_all_is_counted() -> None:
    pace = Pace()
    await asyncio.wait_for(taken_s(pace, readers=5, each=1_000), 60)
    assert pace.total_bytes == 50_000_000


async def test_another_limit_counts_at_once_and_others_hear_of_it() -> None:
    pace, heard = Pace(10_000), list[int]()
    pace.on_limit.append(heard.append)
    pace.set_limit(0)
    await asyncio.wait_for(taken_s(pace, readers=1, each=1_000), 60)  # it would take 1,000 seconds
    pace.set_limit(500_000)
    assert heard == [0, 500_000]
    assert await taken_s(pace, readers=1, each=10) >= 0.19


async def test_the_rate_is_of_the_last_seconds_and_falls_to_nothing() -> None:
    pace = Pace(400_000)
    reading = asyncio.create_task(taken_s(pace, readers=1, each=80))
    async with asyncio.timeout(60):
        while not (rate := pace.rate_bytes_per_s):  # noqa: ASYNC110 - a clock tells nobody
            await asyncio.sleep(0.05)
    assert 0 < rate <= 500_000
    await reading
    async with asyncio.timeout(60):
        while pace.rate_bytes_per_s:  # noqa: ASYNC110  nobody tells of it
            await asyncio.sleep(0.1)


def test_a_rate_is_known_after_the_first_second_and_that_of_a_young_transfer_is_not_too_low() -> None:
    now_s = 100.5
    meter = Meter(now_s=lambda: now_s)
    assert meter.rate_bytes_per_s == 0
    meter.count(1_000)
    assert meter.rate_bytes_per_s == 0
    now_s = 102.0
    meter.count(9_000)  # of a second that isn't over
    assert meter.rate_bytes_per_s == pytest.approx(1_000 / 1.5)
    now_s = 103.5
    assert meter.rate_bytes_per_s == pytest.approx(10_000 / 2.5)
    now_s = 107.0
    assert meter.rate_bytes_per_s == pytest.approx(9_000 / 5)
    now_s = 200.0
    assert meter.rate_bytes_per_s == 0
    assert meter.total_bytes == 10_000


def test_no_time_left_is_told_where_nothing_passes() -> None:
    assert left_s(1_000, 100.0) == 10
    assert left_s(1_000, 0.0) is None
    assert left_s(1_000, 0.01) is None
    assert left_s(0, 100.0) is None
