"""Ranges of a track (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.faces.ranges import NotSatisfiableError, names_tag, range_still_holds, wanted_range


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-99", (0, 100)),
        ("bytes=0-", (0, 1_000)),
        ("bytes=999-", (999, 1_000)),
        ("bytes=500-5000", (500, 1_000)),
        ("bytes=-1", (999, 1_000)),
        ("bytes=-5000", (0, 1_000)),
        (f"bytes=7-{'9' * 30}", (7, 1_000)),
        ("BYTES = 0-1".replace(" ", ""), (0, 2)),
        ("bytes=0-0", (0, 1)),
    ],
)
def test_a_range_is_cut_to_the_track(header: str, wanted: tuple[int, int]) -> None:
    assert wanted_range(header, 1_000) == wanted


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes=",
        "bytes=-",
        "bytes=5-4",
        "bytes=a-b",
        "bytes=\u0661-",
        "bytes=0-1,5-6",
        "items=0-1",
        "bytes=1" * 100,
    ],
)
def test_what_is_no_single_range_is_answered_whole(header: str | None) -> None:
    assert wanted_range(header, 1_000) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=1000-", 1_000), ("bytes=0-", 0), ("bytes=-0", 5), ("bytes=-1", 0), (f"bytes={'9' * 30}-", 1_000)],
)
def test_a_range_beyond_the_end_can_not_be_satisfied(header: str, size: int) -> None:
    with pytest.raises(NotSatisfiableError):
        wanted_range(header, size)


@given(st.text(max_size=40), st.integers(0, 10_000))
def test_no_header_gives_bytes_that_are_not_there(header: str, size: int) -> None:
    try:
        wanted = wanted_range("bytes=" + header, size)
    except NotSatisfiableError:
        return
    assert wanted is None or 0 <= wanted[0] < wanted[1] <= size


def test_a_tag_is_named_in_a_list_weakly_or_by_a_star() -> None:
    assert names_tag('"a", W/"b"', "b")
    assert names_tag("*", "anything")
    assert not names_tag('"a"', "b")
    assert not names_tag("a", "a")
    assert not names_tag(None, "a")


def test_if_range_holds_for_the_same_tag_only() -> None:
    assert range_still_holds(None, etag="a")
    assert range_still_holds('"a"', etag="a")
    assert not range_still_holds('W/"a"', etag="a")
    assert not range_still_holds('"b"', etag="a")
    assert not range_still_holds("Wed, 21 Oct 2015 07:28:00 GMT", etag="a")
