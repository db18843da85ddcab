"""What a command says: results on standard output, everything else on standard error."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from node.errors import RefusedError, SongkeepError, UserError

MAX_SECRET_CHARS = 1_000
_WIDE = frozenset("WF")
_WITHOUT_WIDTH = frozenset(("Mn", "Me", "Cf"))
_TURNING = frozenset(("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"))
"""Kinds of characters that set the direction of what follows; single letters carry their own."""


class Terminal:
    """Words for a person, or with `as_json` one JSON value for a program."""

    def __init__(self, *, as_json: bool, verbose: bool = False) -> None:
        self.as_json = as_json
        self.verbose = verbose
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A title in a script that this terminal can't show must not end the command.
                stream.reconfigure(errors="backslashreplace")

    @property
    def interactive(self) -> bool:
        """Whether a person is there to be asked."""
        return not self.as_json and sys.stdin.isatty() and sys.stderr.isatty()

    def result(self, value: object) -> None:
        """The command's one JSON value, if JSON was asked for."""
        if self.as_json:
            print(json.dumps(value, indent=None, separators=(",", ":")), flush=True)

    def event(self, event: str, **about: object) -> None:
        """One of the JSON values, a line each, that a command prints while it goes on, if JSON was asked for."""
        if self.as_json:
            print(json.dumps({"event": event, **about}), flush=True)

    def say(self, text: str = "") -> None:
        """A line of the answer, for a person: one line, whatever names stand in it."""
        if not self.as_json:
            print(plain(text), flush=True)

    def note(self, text: str) -> None:
        """A line beside the answer: one, whatever names stand in it."""
        with contextlib.suppress(OSError):
            print(plain(text), file=sys.stderr, flush=True)

    def fail(self, error: SongkeepError) -> None:
        """What went wrong, as a sentence."""
        if self.as_json:
            self.result({"error": {"code": error.code, "message": str(error)}})
        sentence = str(error)
        ended = "\n" in sentence or sentence.endswith((".", "?", "!"))
        sentence = sentence[:1].upper() + sentence[1:]
        for line in (sentence + ("" if ended else ".")).split("\n"):
            self.note(line)

    def ask(self, question: str, *, default: bool) -> bool:
        """A yes or no from the person; `default` if nobody is there."""
        if not self.interactive:
            return default
        print(f"{question} [{'Y/n' if default else 'y/N'}] ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline().strip().lower()
        return default if answer == "" else answer in ("y", "yes")

    def ask_secret(self, question: str, *, instead: str = "") -> str:
        """Something typed without being shown. Raises RefusedError, which says what to do `instead`."""
        if not sys.stdin.isatty():
            raise RefusedError(f"nobody is at the terminal to type it; {instead}")
        from getpass import getpass

        return getpass(question + " ", stream=sys.stderr)

    def ask_new_secret(self, question: str) -> str:
        """A secret to be set: typed twice, or from a program the first line of standard input. Raises UserError."""
        if not sys.stdin.isatty():
            given = sys.stdin.readline(MAX_SECRET_CHARS + 2).rstrip("\r\n")
            if not 0 < len(given) <= MAX_SECRET_CHARS:
                raise UserError("type it at a terminal, or give it as the first line of standard input")
            return given
        typed = self.ask_secret(question)
        if typed != self.ask_secret("Once more:"):
            raise UserError("the two were not the same; nothing was changed")
        return typed


def plain(text: str) -> str:
    """`text` as one line without control characters: a title can't move the cursor, paint the terminal, turn the text
    around, or forge a line of its own. What Persian, Hindi or an emoji needs inside a word stays.
    """
    return "".join("\N{REPLACEMENT CHARACTER}" if _rules_the_terminal(char) else char for char in text)


def _rules_the_terminal(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Zl", "Zp") or unicodedata.bidirectional(char) in _TURNING


def width(text: str) -> int:
    """How many columns a terminal gives `text`."""
    return sum(0 if unicodedata.category(char) in _WITHOUT_WIDTH else 2 if _is_wide(char) else 1 for char in text)


def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in _WIDE


def fit(text: str, columns: int) -> str:
    """`text` in exactly `columns` columns: cut with an ellipsis, or filled with spaces."""
    text = plain(text)
    if width(text) > columns:
        while width(text) > columns - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (columns - width(text))


def table(rows: Iterable[Sequence[str]], columns: Sequence[int]) -> Iterable[str]:
    """Each row with its cells in columns of the given widths; the last cell is left as it is."""
    for row in rows:
        *cells, last = row
        yield "  ".join((*(fit(cell, wide) for cell, wide in zip(cells, columns, strict=False)), plain(last))).rstrip()


def spoken_duration(duration_ms: int) -> str:
    """A length as a player shows it: 3:05, 1:02:03."""
    seconds = duration_ms // 1_000
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def spoken_moment(time_ms: int) -> str:
    """A date and a time of day, as clocks here show it."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(time_ms / 1_000))


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: 1 track, 12 tracks."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def names(people: Sequence[dict[str, Any]]) -> str:
    """Names of artists as one text."""
    return ", ".join(person["name"] for person in people)


def named(track: dict[str, Any]) -> str:
    """A track's title, and whose it is if that is known."""
    return plain(" - ".join(part for part in (track["title"], names(track["artists"])) if part))
