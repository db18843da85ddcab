"""QR codes."""

from __future__ import annotations

from node.doors.qr import modules

FINDER = ("1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111")


def test_a_code_is_a_square_with_a_finder_in_three_corners() -> None:
    rows = modules("https://music.example.org/#pair=abcd")
    assert {len(row) for row in rows} == {len(rows)}
    assert (len(rows) - 17) % 4 == 0
    assert tuple(row[:7] for row in rows[:7]) == FINDER
    assert tuple(row[-7:] for row in rows[:7]) == FINDER
    assert tuple(row[:7] for row in rows[-7:]) == FINDER
    assert not all(row[-7:] == finder for row, finder in zip(rows[-7:], FINDER, strict=True))


def test_another_text_gives_another_code() -> None:
    assert modules("https://a.example/") != modules("https://b.example/")
