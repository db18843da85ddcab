"""The index merges as the catalog's rules say, batch by batch and snapshot by snapshot."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.catalog.batch import Batch, Head, Op, make_batch
from node.catalog.register import Key
from node.catalog.snapshot import snapshot_of
from node.catalog.state import State
from node.catalog.vocabulary import TAGS
from node.doors.index import Index
from node.errors import PeerError
from tests.catalog.devices import Device, key
from tests.catalog.test_merge import run, shuffled, steps


def document(index: Index) -> bytes:
    return b"".join(index.log.snapshot())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=steps, chance=st.randoms(use_true_random=False), size=st.integers(1, 9))
def test_the_index_ends_like_a_state_in_memory(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple], chance: random.Random, size: int
) -> None:
    _, written = run(script)
    state = State()
    for batch in written:
        state.apply(batch)
    arriving = shuffled(written, chance)
    with Index.open(tmp_path_factory.mktemp("index") / "i.db") as index:
        for at in range(0, len(arriving), size):
            index.log.apply(arriving[at : at + size])
            index.log.apply(arriving[at : at + size])
        assert document(index) == snapshot_of(state)
        assert index.log.heads() == state.heads
        assert index.log.value(key("title")) == state.shown(key("title"))
        for log in state.heads:
            assert index.log.batches(log, 0, 100) == [batch.signed for batch in written if batch.log == log]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=steps, half=st.integers(0, 40))
def test_snapshots_and_batches_mix(tmp_path_factory: pytest.TempPathFactory, script: list[tuple], half: int) -> None:
    devices, written = run(script)
    state = State()
    for batch in written:
        state.apply(batch)
    with Index.open(tmp_path_factory.mktemp("index") / "i.db") as index:
        index.log.apply(written[:half])
        for device in devices:
            index.log.load_snapshot([snapshot_of(device.state)])
        index.log.apply(written)
        assert document(index) == snapshot_of(state)
        some = next(iter(state.heads), None)
        if some is not None:  # made again from its base and the batches kept, it is the same
            assert index.log.cut(some, 1 << 40)
            assert document(index) == snapshot_of(state)


@pytest.fixture
def index(tmp_path: Path):
    with Index.open(tmp_path / "i.db") as index:
        yield index


def test_batches_that_come_early_are_named_as_missing(index: Index) -> None:
    one = Device("one")
    first, second, third = (one.write(("title", text)) for text in "abc")
    assert index.log.apply([third]).gaps == {one.log: 0}
    applied = index.log.apply([third, first])
    assert (applied.new, applied.gaps) == (1, {one.log: 1})
    applied = index.log.apply([third, second])
    assert (applied.new, applied.gaps, index.log.value(key("title"))) == (2, {}, "c")


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_log_with_two_histories_is_set_apart_alone(index: Index, at: int) -> None:
    one, twin, other = Device("one"), Device("one"), Device("other")
    mine = [one.write(("title", str(number))) for number in range(2)]
    rivals = [twin.write(("title", "0" if number < at - 1 else "rival")) for number in range(3)]
    index.log.apply(mine)
    rival = rivals[at - 1]
    applied = index.log.apply([rival])
    assert [fork.log for fork in applied.forks] == [one.log]
    known, shown = index.log.forks()[one.log]
    assert shown == rival.signed
    assert known == mine[min(at, 2) - 1].signed
    assert index.log.apply([one.write(("title", "later"))]).void == 1
    assert index.log.value(key("title")) == "1"
    assert index.log.apply([other.write(("album", "still taken"))]).new == 1


def test_what_a_revoked_device_wrote_beyond_its_last_accepted_batch_is_undone(index: Index) -> None:
    honest, thief = Device("honest"), Device("thief")
    first = honest.write(("title", "ours"), ("album", "ours"))
    thief.take(first)
    fine = thief.write(("year", 1999))
    bad = thief.write(("title", "stolen"), ("album", None))
    honest.take(fine)
    later = honest.write(("composer", "x"))
    index.log.apply([first, fine, bad, later])
    assert index.log.value(key("title")) == "stolen"
    index.log.void_after(thief.log, 1)
    assert index.log.fields("track", "t") == {"title": "ours", "album": "ours", "year": 1999, "composer": "x"}
    assert index.log.apply([bad, thief.write(("title", "again"))]).void == 2
    assert index.log.value(key("title")) == "ours"
    assert index.log.apply([honest.write(("title", "goes on"))]).new == 1


def test_a_void_part_stays_void_when_a_snapshot_has_it(index: Index) -> None:
    thief = Device("thief")
    thief.write(("title", "fine"))
    thief.write(("album", "stolen"))
    index.log.void_after(thief.log, 1)
    index.log.load_snapshot([snapshot_of(thief.state)])
    assert index.log.fields("track", "t") == {"title": "fine"}


def test_conflicting_values_are_kept_the_shown_one_first(index: Index) -> None:
    one, two = Device("one"), Device("two", clock_ms=Device("one").clock_ms + 9_000)
    index.log.apply([one.write(("title", "lost")), two.write(("title", "shown"))])
    assert index.log.values(key("title")) == ["shown", "lost"]


def test_a_hostile_value_does_not_stop_the_lists(index: Index) -> None:
    one = Device("one")
    ops = [
        Op(Key("track", "t" * 26, TAGS), "not a map"),
        Op(Key("track", "u" * 26, TAGS), {1: "fine"}),
        Op(Key("track", "u" * 26, "mobile"), [[], []]),
        Op(Key("cover", "c" * 26, "blob"), [5]),
        Op(Key("", "", ""), [[1]]),
    ]
    index.log.apply([make_batch(one.keys, incarnation=1, head=Head(), stamp=1, seen={}, ops=ops)])
    assert index.pages.ids("", 10) == ["u" * 26]


def test_a_broken_snapshot_changes_nothing(index: Index) -> None:
    one, two = Device("one"), Device("two")
    index.log.apply([one.write(("title", "a"))])
    two.write(*((f"field {number:05d}", "x" * 100) for number in range(1_000)))
    before = document(index)
    broken = snapshot_of(two.state)[:-50]
    with pytest.raises(PeerError):
        index.log.load_snapshot([broken])
    assert document(index) == before


def test_a_large_snapshot_loads_in_steps_and_deletes_what_it_has_seen_deleted(index: Index) -> None:
    home = Device("home")
    batches: list[Batch] = [
        home.write(*((f"field {part * 1_000 + number:05d}", number) for number in range(1_000))) for part in range(10)
    ]
    index.log.apply(batches)
    home.write(*((f"field {number:05d}", None) for number in range(3_000, 3_500)))
    index.log.load_snapshot([snapshot_of(home.state)])
    assert document(index) == snapshot_of(home.state)
    assert len(index.log.fields("track", "t")) == 9_500
