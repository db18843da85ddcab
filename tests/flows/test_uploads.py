"""What goes out is counted for who takes it and by the file, whatever the order it is asked for in."""

from __future__ import annotations

from collections.abc import AsyncIterator

from node.flows.uploads import MAX_GOING, SHOWN_S, Uploads
from node.ids import BlobRoot, DeviceId

PHONE, LAPTOP = DeviceId(b"p" * 32), DeviceId(b"l" * 32)
SONG, OTHER = BlobRoot(b"s" * 32), BlobRoot(b"o" * 32)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


async def chunks(_root: BlobRoot, _first: int, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(1_000)


async def test_each_taker_has_its_own_count_of_the_same_song() -> None:
    uploads = Uploads(now_s=Clock())
    for taker, count in ((PHONE, 3), (LAPTOP, 7)):
        async for _ in uploads.noting(chunks, taker)(SONG, 0, count):
            pass
    assert {each.taker: each.meter.total_bytes for each in uploads.going()} == {PHONE: 3_000, LAPTOP: 7_000}
    assert {taker: meter.total_bytes for taker, meter in uploads.meters.items()} == {PHONE: 3_000, LAPTOP: 7_000}


async def test_what_was_made_but_not_taken_is_not_counted() -> None:
    uploads = Uploads(now_s=Clock())
    served = uploads.noting(chunks, PHONE)(SONG, 0, 5)
    for _ in range(2):
        await anext(served)
    assert [each.meter.total_bytes for each in uploads.going()] == [1_000]


def test_the_fastest_is_first_and_each_has_the_rate_of_the_last_seconds() -> None:
    clock = Clock()
    uploads = Uploads(now_s=clock)
    for _ in range(4):
        uploads.count(PHONE, 10_000, of=SONG)
        uploads.count(LAPTOP, 50_000, of=OTHER)
        clock.now_s += 1
    shown = [(each.taker, each.root, each.meter.rate_bytes_per_s) for each in uploads.going()]
    assert shown == [(LAPTOP, OTHER, 50_000), (PHONE, SONG, 10_000)]
    assert uploads.meters[LAPTOP].rate_bytes_per_s == 50_000


def test_a_song_is_shown_a_little_longer_and_then_begins_anew() -> None:
    clock = Clock()
    uploads = Uploads(now_s=clock)
    uploads.count(PHONE, 10, of=SONG)
    clock.now_s += SHOWN_S
    uploads.count(PHONE, 10, of=SONG)
    assert [each.meter.total_bytes for each in uploads.going()] == [20]
    clock.now_s += SHOWN_S + 1
    assert uploads.going() == []
    uploads.count(PHONE, 5, of=SONG)
    assert [each.meter.total_bytes for each in uploads.going()] == [5]
    assert uploads.meters[PHONE].total_bytes == 25


def test_what_goes_by_another_way_counts_for_its_taker_alone() -> None:
    uploads = Uploads(now_s=Clock())
    uploads.count(PHONE, 1_000)
    assert uploads.going() == []
    assert uploads.meters[PHONE].total_bytes == 1_000


def test_a_taker_that_asks_for_a_bit_of_everything_fills_no_memory() -> None:
    uploads = Uploads(now_s=Clock())
    for number in range(3 * MAX_GOING):
        uploads.count(PHONE, 1, of=BlobRoot(number.to_bytes(32, "big")))
    newest = BlobRoot((3 * MAX_GOING - 1).to_bytes(32, "big"))
    assert len(uploads.going()) == MAX_GOING
    assert newest in {each.root for each in uploads.going()}
