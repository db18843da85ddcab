"""Lyrics as lines with times."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from node.flows.words import read_lyrics


def test_times_are_read_in_every_usual_form() -> None:
    text = "[00:01.50]a\n[0:02.5]b\n[00:03]c\n[00:04:25]d\n[00:05.123]e\n[120:00.00]f"
    assert [time_ms for time_ms, _ in read_lyrics(text)] == [1_500, 2_500, 3_000, 4_250, 5_123, 7_200_000]


def test_a_line_with_several_times_is_sung_several_times_in_order() -> None:
    text = "[00:10.00][00:02.00]chorus\n[00:05.00]verse"
    assert read_lyrics(text) == [(2_000, "chorus"), (5_000, "verse"), (10_000, "chorus")]


def test_headers_are_no_words_and_the_offset_moves_all() -> None:
    text = "[ti:Name]\n[ar: Somebody]\n[offset:+500]\n[00:01.00]a\n[00:00.20]b"
    assert read_lyrics(text) == [(0, "b"), (500, "a")]


def test_times_inside_a_line_are_taken_out() -> None:
    assert read_lyrics("[00:01.00]<00:01.00>one <00:01.50>two") == [(1_000, "one two")]


def test_plain_words_keep_their_lines_and_lose_the_empty_ends() -> None:
    assert read_lyrics("\n\nfirst\n\nsecond\n\n") == [(None, "first"), (None, ""), (None, "second")]


def test_a_bracket_that_is_no_time_is_a_word() -> None:
    assert read_lyrics("[Chorus]\nla la") == [(None, "[Chorus]"), (None, "la la")]
    assert read_lyrics("") == []


@given(st.text(alphabet="[]:.<>0123456789abc offset\n", max_size=300))
def test_no_text_breaks_the_reader_and_times_are_in_order(text: str) -> None:
    times = [time_ms for time_ms, _ in read_lyrics(text)]
    if times and times[0] is not None:
        assert times == sorted(times, key=lambda each: each or 0)
        assert all(time_ms is not None and time_ms >= 0 for time_ms in times)
    else:
        assert not any(times)
