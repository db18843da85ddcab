"""songkeep init: make an empty library."""

from __future__ import annotations

import argparse
import os
import time

from node.cli.arguments import Subparsers, add_command
from node.cli.reach import home_of
from node.cli.terminal import Terminal
from node.doors.home import Home
from node.errors import UserError


def register(subparsers: Subparsers) -> None:
    add_command(
        subparsers,
        "init",
        run,
        summary="make an empty library and show its recovery phrase",
        more="The phrase is the only way back to your music if all your devices are lost. 'songkeep up' does this by\n"
        "itself on its first run. With --json: {library, phrase}.",
    )


def run(asked: argparse.Namespace, terminal: Terminal) -> int:
    home = home_of(asked)
    if home.vault.exists():  # said at once, also while it is in use
        raise UserError(f"there is a library in {home.path} already")
    with home.hold():
        library, phrase = begin(home)
    terminal.result({"library": library, "phrase": phrase})
    show_phrase(phrase, terminal)
    terminal.say(
        f"The library lives in {home.path}. Add music with 'songkeep add FOLDER', or play it with 'songkeep up'."
    )
    return 0


def begin(home: Home) -> tuple[str, str]:
    """Make the library in a home whose lock is held; returns its identifier and the phrase."""
    from node.flows.begin import begin_library
    from node.ids import to_text

    begun = begin_library(home.vault, now_ms=time.time_ns() // 1_000_000, random=os.urandom)
    return to_text(begun.library), begun.phrase


def show_phrase(phrase: str, terminal: Terminal) -> None:
    """The 24 words, numbered, in four columns to be copied by hand."""
    words = phrase.split()
    rows = len(words) // 4
    terminal.say()
    terminal.say("Your recovery phrase. Write it on paper, in this order; whoever has it can read your library,")
    terminal.say("and nobody, not even we, can give it back to you:")
    terminal.say()
    for row in range(rows):
        numbered = (f"{place + 1:>4}. {words[place]:<12}" for place in range(row, len(words), rows))
        terminal.say("".join(numbered).rstrip())
    terminal.say()
