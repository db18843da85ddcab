"""Snapshots: the same state from the same document, and nothing else from anything else."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.catalog.batch import Op, decode_batch
from node.catalog.snapshot import SnapshotReader, snapshot_of, state_of
from node.catalog.state import State
from node.catalog.vector import log_id
from node.errors import PeerError, SongkeepError, UnknownFormatError
from node.wire.codec import pack
from tests.catalog.devices import Device, key, member

LOG = log_id(member("one").id, 1)


def document(*values: object, version: int = 1) -> bytes:
    return bytes((version,)) + zlib.compress(b"".join(pack(value) for value in values))


def filled() -> State:
    one, two = Device("one"), Device("two")
    one.write(("title", "a"), ("album", {"nested": [1, None, b"x"]}))
    two.write(("title", "b"))
    one.state.merge(two.state)
    return one.state


def test_a_snapshot_gives_an_empty_device_the_same_state() -> None:
    state = filled()
    copy = state_of(snapshot_of(state))
    assert (copy.registers, copy.heads, copy.newest) == (dict(state.settled()), state.heads, state.newest)
    assert snapshot_of(copy) == snapshot_of(state)


def test_an_empty_state_has_a_snapshot_too() -> None:
    assert state_of(snapshot_of(State())).registers == {}


def test_writing_goes_on_after_a_snapshot() -> None:
    one, two = Device("one"), Device("two")
    one.write(("title", "a"))
    two.state.merge(state_of(snapshot_of(one.state)))
    two.take(decode_batch(one.write(("title", "b")).signed))
    assert two.shows("title") == "b"


def test_a_snapshot_read_in_small_parts_is_the_same() -> None:
    whole = snapshot_of(filled())
    reader = SnapshotReader([whole[at : at + 7] for at in range(0, len(whole), 7)])
    assert dict(reader.registers()) == dict(filled().settled())


def test_a_newer_version_is_told_from_a_broken_one() -> None:
    with pytest.raises(UnknownFormatError):
        state_of(document([[], 0], 0, version=2))


ROW = ["track", "t", [["title", [[0, 1, 5, "x"]]]]]
HEADER = [[[LOG, 1, bytes(32)]], 5]


def test_the_smallest_whole_document_is_read() -> None:
    assert state_of(document(HEADER, ROW, 1)).shown(key("title")) == "x"


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\1",
        b"\1noise",
        document(),
        document(HEADER),
        document(HEADER, ROW),
        document(HEADER, ROW, 2),
        document(HEADER, ROW, 1, ROW),
        document(HEADER, ROW, 1)[:-5],
        document(HEADER, ROW, 1) + b"more",
        document(HEADER, ROW, ROW, 2),
        document([[[LOG, 1, b"x"]], 5], 0),
        document([[[LOG, 1, bytes(32)]] * 2, 5], 0),
        document([[[LOG, 1, bytes(32)]], "x"], 0),
        document(HEADER, ["t" * 33, "t", []], 1),
        document(HEADER, ["track", "t", [["title", [[1, 1, 5, "x"]]]]], 1),
        document(HEADER, ["track", "t", [["title", [[0, 2, 5, "x"]]]]], 1),
        document(HEADER, ["track", "t", [["title", [[0, 1, 5, None]]]]], 1),
        document(HEADER, ["track", "t", [["title", [[0, 1, 5, "x"], [0, 1, 5, "y"]]]]], 1),
        document(HEADER, ["track", "t", [["title", [[0, 1, 5, "x"]], [[b"short", 1]]]]], 1),
        document(HEADER, ["track", "t", "no list"], 1),
    ],
)
def test_what_no_device_writes_is_refused(broken: bytes) -> None:
    with pytest.raises(PeerError):
        state_of(broken)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_noise_is_refused_and_nothing_else(noise: bytes, packed: bool) -> None:
    with pytest.raises(SongkeepError):
        state_of(b"\1" + zlib.compress(noise) if packed else noise)


def test_a_document_that_unpacks_to_far_more_than_it_weighs_is_refused() -> None:
    bomb = b"\1" + zlib.compress(pack(HEADER) + b"\xc6\x40\0\0\0" + bytes(40_000_000))
    with pytest.raises(PeerError):
        state_of(bomb)


def test_writes_are_not_lost_between_the_snapshot_and_the_logs_that_continue_it() -> None:
    one, two, late = Device("one"), Device("two"), Device("late")
    first = one.write(("title", "a"))
    two.take(first)
    unseen = two.write(("album", "b"))
    before = snapshot_of(one.state)
    one.take(unseen)
    late.state.merge(state_of(before))
    late.take(unseen)
    assert snapshot_of(late.state) == snapshot_of(one.state)
    assert Op(key("album"), "b") in unseen.ops
