"""Batches from outside: read with limits, believed only if signed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.catalog.batch import MAX_OPS, Head, Op, check_same, decode_batch, make_batch
from node.catalog.hlc import DOUBT_MS, MAX_MS, is_doubted, next_stamp, stamp_ms
from node.catalog.register import Key
from node.catalog.vector import log_id
from node.crypto.labels import LABEL_SIGN_BATCH
from node.errors import PeerError, SongkeepError, UnknownFormatError
from node.wire.codec import pack
from tests.catalog.devices import NOW_MS, Device, member

KEYS = member("writer")
OTHER = log_id(member("other").id, 3)


def signed(
    *, version: object = 1, device: object = KEYS.id, incarnation: object = 1, seq: object = 1,
    previous: object = bytes(32), stamp: object = 5, seen: object = (),
    ops: object = (["track", "t", "title", "x"],), more: tuple[object, ...] = (),
) -> bytes:  # fmt: skip
    body = pack([version, device, incarnation, seq, previous, stamp, seen, ops, *more])
    return KEYS.sign(LABEL_SIGN_BATCH, body) + body


def test_a_batch_comes_back_as_it_was_written() -> None:
    ops = [
        Op(Key("track", "t", "title"), "東京"),
        Op(Key("track", "t", "gone"), None),
        Op(Key("a", "b", "c"), {1: [b"x"]}),
    ]
    batch = make_batch(KEYS, incarnation=7, head=Head(4, b"h" * 32), stamp=-12, seen={OTHER: 9}, ops=ops)
    assert decode_batch(batch.signed) == batch
    assert (batch.seq, batch.previous, batch.log) == (5, b"h" * 32, log_id(KEYS.id, 7))


def test_a_writer_does_not_claim_to_have_seen_its_own_log() -> None:
    own = log_id(KEYS.id, 1)
    batch = make_batch(
        KEYS, incarnation=1, head=Head(), stamp=1, seen={own: 3, OTHER: 2}, ops=[Op(Key("a", "b", "c"), 1)]
    )
    assert batch.seen == {OTHER: 2}


@pytest.mark.parametrize("at", [0, 63, 64, 100, -1])
def test_one_changed_bit_is_refused(at: int) -> None:
    raw = bytearray(Device("writer").write(("title", "x")).signed)
    raw[at] ^= 1
    with pytest.raises(PeerError):
        decode_batch(bytes(raw))


def test_a_batch_signed_by_another_device_is_refused() -> None:
    with pytest.raises(PeerError):
        decode_batch(signed(device=member("other").id))


def test_a_newer_version_is_told_from_a_broken_one() -> None:
    with pytest.raises(UnknownFormatError):
        decode_batch(signed(version=2))
    decode_batch(signed(more=("a field of a newer writer",)))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"short",
        bytes(200),
        signed(device=b"x"),
        signed(incarnation=-1),
        signed(incarnation=1 << 32),
        signed(seq=0),
        signed(seq=True),
        signed(seq=1 << 53),
        signed(previous=b"x"),
        signed(stamp=1 << 63),
        signed(stamp=None),
        signed(seen=[[OTHER, 1], [OTHER, 1]]),
        signed(seen=[[b"x" * 36, 1], [b"a" * 36, 1]]),
        signed(seen=[[log_id(KEYS.id, 1), 1]]),
        signed(seen={OTHER: 1}),
        signed(seen=[[number.to_bytes(36, "big"), 1] for number in range(1_025)]),
        signed(ops=[]),
        signed(ops=[["track", "t", "title", 1]] * (MAX_OPS + 1)),
        signed(ops=[["track", "t", "title"]]),
        signed(ops=[["t" * 33, "t", "title", 1]]),
        signed(ops=[["track", "t" * 257, "title", 1]]),
        signed(ops=[["track", "t", "f" * 129, 1]]),
        signed(ops=[["track", "t", 5, 1]]),
        signed(ops=[["track", "t", "title", b"x" * 65_537]]),
        signed(ops=[["track", "t", "title", ["x" * 1_000] * 66]]),
        signed(ops=[["track", "t", "title", b"x" * 60_000]] * 20),
    ],
)
def test_what_no_device_writes_is_refused(raw: bytes) -> None:
    with pytest.raises(PeerError):
        decode_batch(raw)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_noise_is_refused_and_nothing_else(noise: bytes) -> None:
    body = noise
    for raw in (noise, KEYS.sign(LABEL_SIGN_BATCH, body) + body):
        with pytest.raises(SongkeepError):
            decode_batch(raw)


@pytest.mark.parametrize("count", [0, MAX_OPS + 1])
def test_a_writer_can_not_make_a_batch_that_others_refuse(count: int) -> None:
    with pytest.raises(ValueError, match="1,024"):
        make_batch(KEYS, incarnation=1, head=Head(), stamp=1, seen={}, ops=[Op(Key("a", "b", "c"), 1)] * count)


def test_a_batch_seen_again_must_be_the_same() -> None:
    one, twin = Device("one").write(("title", "a")), Device("one").write(("title", "b"))
    check_same(one, known_hash=one.hash)
    with pytest.raises(PeerError):
        check_same(twin, known_hash=one.hash)


def test_stamps_rise_even_when_the_clock_stands_or_goes_back() -> None:
    first = next_stamp(NOW_MS, 0)
    second = next_stamp(NOW_MS, first)
    third = next_stamp(NOW_MS - 86_400_000, second)
    assert first < second < third
    assert stamp_ms(third) == NOW_MS


def test_a_clock_far_past_all_that_was_seen_is_doubted_and_loses_to_all_that_are_not() -> None:
    seen = next_stamp(NOW_MS, 0)
    believed = next_stamp(NOW_MS + DOUBT_MS, seen)
    doubted = next_stamp(NOW_MS + DOUBT_MS + 1, seen)
    assert is_doubted(NOW_MS + DOUBT_MS + 1, seen)
    assert doubted < 0 < seen < believed
    assert stamp_ms(doubted) == NOW_MS + DOUBT_MS + 1
    assert next_stamp(NOW_MS + 2 * DOUBT_MS, seen) > doubted


@given(st.integers(), st.integers(0, (1 << 63) - 1))
def test_every_clock_gives_a_stamp_that_a_batch_can_carry(now_ms: int, newest: int) -> None:
    stamp = next_stamp(now_ms, newest)
    assert -(1 << 63) <= stamp < 1 << 63
    assert 0 <= stamp_ms(stamp) <= MAX_MS
