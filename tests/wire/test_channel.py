"""The chunk channel's messages and books: bounded, in order, and nothing that was not asked for."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import PeerError, UnavailableError
from node.ids import BlobRoot
from node.wire import channel
from node.wire.channel import Ask, Asked, Cancel, Data, End, Get, No, Reason, Reply, Served

ROOT = BlobRoot(b"r" * 32)
numbers = st.integers(0, 2**32 - 1)
messages = st.one_of(
    st.builds(
        Get, numbers, st.binary(min_size=32, max_size=32).map(BlobRoot), st.integers(0, 2**31), st.integers(1, 256)
    ),
    st.builds(Cancel, numbers),
    st.builds(Data, numbers, numbers, st.binary(min_size=1, max_size=200)),
    st.builds(End, numbers),
    st.builds(No, numbers, st.sampled_from(Reason)),
    st.builds(Ask, numbers, st.text(max_size=20), st.dictionaries(st.text(max_size=4), st.integers(0, 99), max_size=3)),
    st.builds(Reply, numbers, st.booleans(), st.binary(max_size=200)),
)


@given(messages)
def test_a_message_comes_as_it_was_sent(message: channel.Message) -> None:
    assert channel.decode(channel.encode(message)) == message


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_the_peers_fault(data: bytes) -> None:
    with contextlib.suppress(PeerError):
        channel.decode(data)


def test_a_chunk_of_full_size_fits_into_a_message() -> None:
    data = Data(1, 2, bytes(16_384))
    assert channel.decode(channel.encode(data)) == data
    with pytest.raises(ValueError, match="limit"):
        channel.encode(Ask(1, "x", bytes(20_000)))


def test_chunks_must_come_in_order_and_no_more_than_asked() -> None:
    asked = Asked()
    request = asked.get(ROOT, 5, 2).request
    assert asked.receive(Data(request, 5, b"a"))
    with pytest.raises(PeerError):
        asked.receive(Data(request, 7, b"c"))
    assert asked.receive(Data(request, 6, b"b"))
    with pytest.raises(PeerError):
        asked.receive(Data(request, 7, b"c"))
    assert asked.receive(End(request))
    assert not asked.receive(End(request))


def test_an_end_before_all_chunks_have_come_is_refused() -> None:
    asked = Asked()
    request = asked.get(ROOT, 0, 2).request
    assert asked.receive(Data(request, 0, b"a"))
    with pytest.raises(PeerError):
        asked.receive(End(request))


def test_an_answer_of_the_wrong_kind_is_refused() -> None:
    asked = Asked()
    with pytest.raises(PeerError):
        asked.receive(Data(asked.ask("catalog", None).request, 0, b"a"))
    with pytest.raises(PeerError):
        asked.receive(Reply(asked.get(ROOT, 0, 1).request, False, b""))


def test_what_comes_after_a_cancel_is_passed_over() -> None:
    asked = Asked()
    request = asked.get(ROOT, 0, 5).request
    assert asked.cancel(request) == Cancel(request)
    assert asked.cancel(request) is None
    assert not asked.receive(Data(request, 0, b"a"))


def test_no_more_than_64_requests_are_open_on_either_side() -> None:
    asked, served = Asked(), Served()
    for _ in range(channel.MAX_OPEN):
        assert served.open(asked.get(ROOT, 0, 1)) is None
    with pytest.raises(UnavailableError):
        asked.ask("catalog", None)
    assert served.open(Get(1_000, ROOT, 0, 1)) == No(1_000, Reason.TOO_MANY)
    served.close(1)
    assert served.open(Get(1_000, ROOT, 0, 1)) is None


def test_a_number_in_use_is_not_taken_twice() -> None:
    served = Served()
    served.open(Get(1, ROOT, 0, 1))
    with pytest.raises(PeerError):
        served.open(Ask(1, "x", None))


def test_an_endless_answer_is_cut() -> None:
    asked = Asked()
    request = asked.ask("catalog", None).request
    part = bytes(channel.MAX_PART_BYTES)
    for _ in range(channel.MAX_REPLY_BYTES // channel.MAX_PART_BYTES):
        assert asked.receive(Reply(request, True, part))
    with pytest.raises(PeerError):
        asked.receive(Reply(request, True, b"x"))
