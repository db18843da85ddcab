"""Words for a person at a terminal."""

from __future__ import annotations

import pytest

from node.cli.main import unsupported
from node.cli.terminal import Terminal, counted, fit, plain, spoken_duration, table, width
from node.config import Settings, change
from node.errors import UserError
from node.sizes import spoken_bytes


def test_a_title_can_not_move_the_cursor_or_turn_the_text_around() -> None:
    assert plain("a\x1b[2Jb\x07\u202ec\x9bd") == "a\ufffd[2Jb\ufffd\ufffdc\ufffdd"
    assert plain("a\u2067b\u2069") == "a\ufffdb\ufffd"
    assert plain("naïve 曲 🎵") == "naïve 曲 🎵"


def test_a_name_with_a_line_break_forges_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(as_json=False)
    terminal.say("a file: x.mp3\nEverything is safe.")
    terminal.note("y.mp3\nNothing failed.\u2028Nor here.")
    said = capsys.readouterr()
    assert said.out == "a file: x.mp3\ufffdEverything is safe.\n"
    assert said.err == "y.mp3\ufffdNothing failed.\ufffdNor here.\n"


def test_an_error_is_a_sentence_and_the_name_of_a_setting_stays_as_it_is_typed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(UserError) as refused:
        change(Settings(), {"lan": "perhaps"})
    for error in (refused.value, UserError("name one of them:\n  a\n  b")):
        Terminal(as_json=False).fail(error)
    assert capsys.readouterr().err == "The setting lan is on or off.\nName one of them:\n  a\n  b\n"


@pytest.mark.parametrize("text", ["می\u200cخواهم", "क्\u200dष", "👨\u200d👩\u200d👧", "❤\ufe0f"])
def test_what_a_script_or_an_emoji_needs_inside_a_word_stays(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    "text", ["", "short", "a rather long title of a song", "曲名がとても長い歌", "e\u0301" * 30, "\x1b[31m" * 9]
)
def test_a_cell_is_exactly_as_wide_as_its_column(text: str) -> None:
    assert width(fit(text, 12)) == 12


def test_a_table_keeps_its_columns_in_any_script() -> None:
    first, second = table([("日本語の題名です", "x", "end"), ("plain", "y", "end")], (8, 3))
    assert width(first) == width(second)


@pytest.mark.parametrize(
    ("size", "spoken"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (43_000_000_000, "43 GB"),
        (999_999, "1.0 MB"),
        (5e12, "5.00 TB"),
    ],
)
def test_sizes_are_spoken_in_thousands(size: float, spoken: str) -> None:
    assert spoken_bytes(size) == spoken


@pytest.mark.parametrize(("ms", "spoken"), [(0, "0:00"), (59_600, "0:59"), (185_000, "3:05"), (3_723_000, "1:02:03")])
def test_lengths_are_spoken_as_a_player_shows_them(ms: int, spoken: str) -> None:
    assert spoken_duration(ms) == spoken


def test_numbers_agree_with_their_nouns() -> None:
    assert [counted(number, "track") for number in (0, 1, 2, 12_345)] == [
        "0 tracks",
        "1 track",
        "2 tracks",
        "12,345 tracks",
    ]


def test_an_unsupported_system_is_told_so_in_one_sentence() -> None:
    assert unsupported((3, 11, 0), "linux") is None
    assert unsupported((3, 13, 2), "win32") is None
    for version, platform in (
        ((3, 10, 9), "linux"),
        ((3, 14, 0), "darwin"),
        ((2, 7, 18), "linux"),
        ((3, 12, 0), "emscripten"),
    ):
        sentence = unsupported(version, platform)
        assert sentence is not None
        assert sentence.count(".\n") == 0
        assert sentence.endswith(".")
