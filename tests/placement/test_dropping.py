"""What may be evicted, against which receipts, and what clocks that jump can do to it: nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.crypto.blob import Purpose
from node.errors import RefusedError
from node.placement import Device, Locks, Proven, SteadyClock, check_drop, plan_audits, plan_drops
from node.placement.facts import DAY_MS, FRESH_MS, LOCK_MS
from tests.placement.people import SIZE, blob, device, name, root


def proven(holder: int, *, number: int = 1, asked_ms: int = 0, lock_ms: int = LOCK_MS) -> Proven:
    return Proven(holder=name(holder), root=root(number), asked_ms=asked_ms, lock_ms=lock_ms)


def members(*devices: Device) -> dict[Any, Device]:
    return {each.id: each for each in devices}


ME = device(0, sealed=[1])
THREE = members(ME, device(1, sealed=[1]), device(2, sealed=[1]))


def test_with_two_fresh_receipts_of_others_a_blob_may_go() -> None:
    check_drop(name(0), blob(1), [proven(1), proven(2)], THREE, now_ms=FRESH_MS)


@pytest.mark.parametrize(
    ("receipts", "now_ms"),
    [
        ([], 0),
        ([proven(1)], 0),
        ([proven(1), proven(1)], 0),
        ([proven(1), proven(0)], 0),
        ([proven(1), proven(2, number=2)], 0),
        ([proven(1), proven(9)], 0),
        ([proven(1), proven(2)], FRESH_MS + 1),
        ([proven(1, asked_ms=5), proven(2, asked_ms=5)], 4),
        ([proven(1), proven(2, lock_ms=FRESH_MS)], 1),
    ],
    ids=["none", "one", "one twice", "its own", "of another blob", "a stranger's", "old", "of the future", "unlocked"],
)
def test_it_stays_with_fewer_than_two_receipts_that_count(receipts: list[Proven], now_ms: int) -> None:
    with pytest.raises(RefusedError, match="other devices have proved"):
        check_drop(name(0), blob(1), receipts, THREE, now_ms=now_ms)


def test_at_most_one_seed_of_one_operator_counts() -> None:
    seeds = members(ME, device(1, sealed=[1], operator=b"vps"), device(2, sealed=[1], operator=b"vps"))
    with pytest.raises(RefusedError, match="only 1 of 2"):
        check_drop(name(0), blob(1), [proven(1), proven(2)], seeds, now_ms=0)


def test_who_was_caught_lying_proves_nothing() -> None:
    liar = members(ME, device(1, sealed=[1]), device(2, sealed=[1], trusted=False))
    with pytest.raises(RefusedError):
        check_drop(name(0), blob(1), [proven(1), proven(2)], liar, now_ms=0)


def test_an_original_is_never_dropped_where_it_was_added_whoever_proves_it() -> None:
    home = device(0, sealed=[1], added=[1])
    original = blob(1, purpose=Purpose.ORIGINAL)
    with pytest.raises(RefusedError, match="where it was added"):
        check_drop(name(0), original, [proven(1), proven(2)], {**THREE, home.id: home}, now_ms=0)
    assert plan_drops(name(0), [home, device(1, sealed=[1]), device(2, sealed=[1])], [original], free_bytes=1) == []


def test_only_what_others_say_they_hold_is_tried_and_only_as_much_as_is_needed() -> None:
    others = [device(number, sealed=range(8)) for number in (1, 2)]
    away = device(3, sealed=range(20), present=False)
    drops = plan_drops(
        name(0), [device(0, sealed=range(12)), *others, away], [blob(n) for n in range(12)], free_bytes=3 * SIZE
    )
    assert len(drops) == 3
    assert all(set(drop.ask) == {name(1), name(2)} for drop in drops)
    assert all(drop.blob.root in others[0].sealed for drop in drops)
    assert plan_drops(name(0), [device(0, sealed=range(12)), *others], [], free_bytes=3 * SIZE) == []


def test_what_is_dear_or_wished_goes_last_or_not_at_all() -> None:
    blobs = [blob(number, purpose=Purpose.ORIGINAL, weight=number) for number in range(5)]
    devices = [device(number, sealed=range(5)) for number in range(3)]
    drops = plan_drops(name(0), devices, blobs, free_bytes=3 * SIZE, wished={root(1)})
    assert [drop.blob.weight for drop in drops] == [0, 2, 3]


def test_of_two_that_rely_on_each_other_only_one_can_go() -> None:
    first, second = Locks(), Locks()
    first.begin_drop(root(1), 0)
    assert second.lock([root(1)], 0)
    assert first.lock([root(1)], 0) == {}
    with pytest.raises(RefusedError, match="because this one keeps it"):
        second.begin_drop(root(1), LOCK_MS - 1)
    first.end_drop(root(1))
    assert first.lock([root(1)], 1)
    assert second.ended(LOCK_MS) == [root(1)]
    second.begin_drop(root(1), LOCK_MS)
    with pytest.raises(RefusedError, match="already"):
        second.begin_drop(root(1), LOCK_MS)


def test_a_clock_that_jumps_by_over_a_day_or_back_ends_no_lock() -> None:
    clock = SteadyClock()
    start = clock.tick(1_000_000)
    assert clock.tick(1_000_000 + 400 * DAY_MS) == start
    assert clock.tick(5) == start
    assert clock.tick(6) == start + 1


@given(st.lists(st.integers(-3 * DAY_MS, 3 * DAY_MS), max_size=30))
def test_steady_time_never_goes_back_nor_more_than_a_day_at_once(steps: list[int]) -> None:
    clock, wall_ms = SteadyClock(), 10_000 * DAY_MS
    before = clock.tick(wall_ms)
    for step in steps:
        wall_ms += step
        now = clock.tick(wall_ms)
        assert 0 <= now - before <= DAY_MS
        before = now


def test_audits_ask_present_holders_for_leaves_that_they_have() -> None:
    big = blob(1, size=100 * 16_384)
    devices = [device(0), device(1, sealed=[1, 2]), device(2, sealed=[1], present=False)]
    asked = iter(range(10_000))
    audits = plan_audits(name(0), devices, [big, blob(2)], random_below=lambda bound: next(asked) % bound, leaves=101)
    assert {audit.holder for audit in audits} == {name(1)}
    assert sorted(audit.leaf for audit in audits if audit.blob is big) == list(range(100))
    assert [audit.leaf for audit in audits if audit.blob is not big] == [0]
