"""The recovery phrase as people write it down and type it in again."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.cli.phrase import read_phrase_file
from node.crypto.phrase import entropy_from_phrase, phrase_from_entropy
from node.errors import UserError

ENTROPY = bytes(range(32))
PHRASE = phrase_from_entropy(ENTROPY)
WORDS = PHRASE.split()
SHOWN = "\n".join("".join(f"{row + at + 1:>4}. {WORDS[row + at]:<12}" for at in (0, 6, 12, 18)) for row in range(6))
"""In four columns, as the program shows it."""


@pytest.mark.parametrize(
    "typed",
    [
        PHRASE.upper(),
        "  " + " \n\t ".join(WORDS) + " ",
        "\u00a0".join(WORDS),
        ", ".join(WORDS),
        SHOWN,
        SHOWN.replace(".", " "),
    ],
    ids=["upper case", "spaces", "no-break spaces", "commas", "as it was shown", "numbers without dots"],
)
def test_the_right_words_open_however_they_were_written(typed: str) -> None:
    assert entropy_from_phrase(typed) == ENTROPY


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (" ".join(["abandn", *WORDS[1:]]), "word 1 "),
        (" ".join([*WORDS[:23], "é"]), "word 24 "),
        (" ".join(["zoo", *WORDS[1:]]), "one is wrong or out of place"),
        (" ".join([WORDS[1], WORDS[0], *WORDS[2:]]), "one is wrong or out of place"),
        (" ".join(WORDS[1:]), "this one has 23"),
        (SHOWN.replace(" 7.", " 8."), "this one has 48"),
        ("", "this one has 0"),
    ],
    ids=["misspelt", "not ASCII", "another word", "swapped", "one is missing", "a number twice", "nothing"],
)
def test_wrong_words_are_refused_by_what_is_wrong_with_them(typed: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as refused:
        entropy_from_phrase(typed)
    assert not any(word in str(refused.value).split() for word in WORDS if word not in ("one", "word", "has"))


def test_a_file_of_an_editor_that_marks_its_beginning_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes(b"\xef\xbb\xbf" + PHRASE.encode() + b"\r\n")
    assert entropy_from_phrase(read_phrase_file(str(tmp_path / "words.txt"))) == ENTROPY
