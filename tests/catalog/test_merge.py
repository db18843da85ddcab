"""Whatever the order, all devices end alike."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.catalog.batch import Batch, ForkError, GapError, Head, Op, make_batch
from node.catalog.snapshot import snapshot_of, state_of
from node.catalog.state import State
from tests.catalog.devices import NOW_MS, Device, key

YEAR_2099_MS = 4_070_908_800_000
FIELDS = ("title", "album", "year")

steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("write"), st.integers(0, 4), st.sampled_from(FIELDS), st.one_of(st.none(), st.integers(0, 9))
        ),
        st.tuples(st.just("pass"), st.integers(0, 4), st.integers(0, 4), st.integers(1, 3)),
        st.tuples(st.just("clock"), st.integers(0, 4), st.sampled_from((0, NOW_MS, YEAR_2099_MS)), st.just(0)),
        st.tuples(st.just("snapshot"), st.integers(0, 4), st.integers(0, 4), st.just(0)),
    ),
    max_size=40,
)


def run(script: list[tuple]) -> tuple[list[Device], list[Batch]]:
    """Devices that write, pass on some of what they know, and load each other's snapshots; and all that was written."""
    devices = [Device(f"device {number}") for number in range(5)]
    written: list[Batch] = []
    for what, one, other, amount in script:
        device = devices[one]
        if what == "write":
            written.append(device.write((other, amount)))
        elif what == "clock":
            device.clock_ms = other
        elif what == "snapshot":
            device.state.merge(state_of(snapshot_of(devices[other].state)))
        else:  # only the oldest few of one log: others may have seen what does not arrive
            unseen = [b for b in written if b.log == devices[other].log and b.seq > device.state.vector.get(b.log, 0)]
            device.take(*unseen[:amount])
    return devices, written


@settings(max_examples=150, deadline=None)
@given(steps, st.randoms(use_true_random=False))
def test_devices_that_know_the_same_batches_have_the_same_state(script: list[tuple], chance: random.Random) -> None:
    devices, written = run(script)
    ends = []
    for device in devices:
        state = device.state
        for batch in shuffled(written, chance):
            state.apply(batch)
            state.apply(batch)
        ends.append(snapshot_of(state))
    fresh = State()
    for batch in shuffled(written, chance):
        fresh.apply(batch)
    assert {*ends, snapshot_of(fresh)} == {ends[0]}


@settings(max_examples=100, deadline=None)
@given(steps)
def test_merging_snapshots_is_the_same_as_exchanging_batches(script: list[tuple]) -> None:
    devices, written = run(script)
    by_batches = State()
    for batch in sorted(written, key=lambda batch: (batch.log, batch.seq)):
        by_batches.apply(batch)
    forth, back = State(), State()
    for device in devices:
        forth.merge(device.state)
        forth.merge(device.state)
    for device in reversed(devices):
        back.merge(state_of(snapshot_of(device.state)))
    assert snapshot_of(forth) == snapshot_of(back) == snapshot_of(by_batches)


def shuffled(batches: list[Batch], chance: random.Random) -> list[Batch]:
    """In any order that keeps each log's own."""
    logs: dict[bytes, list[Batch]] = {}
    for batch in batches:
        logs.setdefault(batch.log, []).append(batch)
    order = [batch.log for batch in batches]
    chance.shuffle(order)
    return [logs[log].pop(0) for log in order]


def test_a_write_that_saw_another_wins_whatever_the_clocks_say() -> None:
    future, honest = Device("future", clock_ms=YEAR_2099_MS), Device("honest")
    honest.take(future.write(("title", "from 2099")))
    future.take(honest.write(("title", "from today")))
    assert future.shows("title") == honest.shows("title") == "from today"


def test_a_clock_gone_to_2099_loses_to_concurrent_writes_of_devices_in_use() -> None:
    honest, gone = Device("honest"), Device("gone")
    gone.take(honest.write(("album", "before")))
    gone.clock_ms = YEAR_2099_MS
    wrong, right = gone.write(("title", "wrong clock")), honest.write(("title", "right clock"))
    honest.take(wrong)
    gone.take(right)
    assert honest.shows("title") == gone.shows("title") == "right clock"
    assert honest.state.registers[key("title")].others == ["wrong clock"]


def test_a_clock_gone_to_2099_does_not_carry_the_others_with_it() -> None:
    honest, gone = Device("honest"), Device("gone")
    gone.take(honest.write(("album", "before")))
    gone.clock_ms = YEAR_2099_MS
    honest.take(gone.write(("title", "wrong clock")))
    assert honest.write(("title", "next")).stamp >> 16 < NOW_MS + 60_000


def test_concurrent_writes_stand_side_by_side_until_one_has_seen_both() -> None:
    one, two = Device("one"), Device("two", clock_ms=NOW_MS + 5_000)
    first, second = one.write(("title", "a")), two.write(("title", "b"))
    one.take(second)
    two.take(first)
    assert one.shows("title") == two.shows("title") == "b"
    assert one.state.registers[key("title")].others == ["a"]
    one.write(("title", "c"))
    assert one.state.registers[key("title")].others == []


def test_what_is_removed_stays_removed_and_leaves_nothing_behind() -> None:
    one, two = Device("one"), Device("two")
    added = one.write(("title", "a"))
    two.take(added)
    removed = two.write(("title", None))
    one.take(removed)
    assert one.state.registers == {}
    late = State()
    late.apply(removed)
    late.apply(added)
    assert late.shown(key("title")) is None
    assert snapshot_of(late) == snapshot_of(one.state)


def test_a_write_that_had_not_seen_the_removal_stands() -> None:
    one, two = Device("one"), Device("two")
    two.take(one.write(("title", "a")))
    removal, edit = one.write(("title", None)), two.write(("title", "edited"))
    one.take(edit)
    two.take(removal)
    assert one.shows("title") == two.shows("title") == "edited"


def test_a_device_that_returns_after_a_snapshot_keeps_its_own_edits_and_drops_what_was_deleted() -> None:
    home, away = Device("home"), Device("away")
    away.take(home.write(("title", "old"), ("album", "old")))
    mine = away.write(("year", 1999))
    home.write(("title", None), ("album", "new"))
    away.state.merge(state_of(snapshot_of(home.state)))
    assert (away.shows("title"), away.shows("album"), away.shows("year")) == (None, "new", 1999)
    home.take(mine)
    assert snapshot_of(home.state) == snapshot_of(away.state)


def test_the_last_of_several_writes_of_one_batch_to_one_place_counts() -> None:
    one = Device("one")
    one.write(("title", "a"), ("title", "b"))
    assert one.shows("title") == "b"
    one.write(("title", "c"), ("title", None))
    assert one.shows("title") is None


def test_a_batch_before_its_predecessor_is_a_gap() -> None:
    one, two = Device("one"), Device("two")
    one.write(("title", "a"))
    with pytest.raises(GapError) as caught:
        two.take(one.write(("title", "b")))
    assert caught.value.have == 0


def test_a_log_with_two_histories_is_told_with_both() -> None:
    one, two = Device("one"), Device("two")
    two.take(one.write(("title", "a")))
    rival = make_batch(one.keys, incarnation=1, head=Head(1, b"x" * 32), stamp=5, seen={}, ops=[Op(key("title"), "b")])
    with pytest.raises(ForkError) as caught:
        two.take(rival)
    assert caught.value.log == one.log
    assert caught.value.other == rival.signed


def test_two_states_that_end_a_log_differently_do_not_merge() -> None:
    one, twin, other = Device("one"), Device("one"), Device("other")
    one.write(("title", "a"))
    twin.write(("title", "b"))
    other.state.merge(one.state)
    with pytest.raises(ForkError):
        other.state.merge(twin.state)
