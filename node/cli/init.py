"""songkeep init: make an empty library."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence

from node.cli.arguments import Subparsers, add_command
from node.cli.reach import home_of
from node.cli.terminal import Terminal
from node.config import load_settings
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
    trackers = load_settings(home.settings).trackers
    with home.hold():
        library, phrase = begin(home)
    terminal.result({"library": library, "phrase": phrase})
    show_phrase(phrase, terminal, trackers=trackers)
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


def show_phrase(
    phrase: str, terminal: Terminal, *, trackers: Sequence[str] = (), seeds: Sequence[str] = (), first: bool = True
) -> None:
    """The 24 words, numbered, in four columns to be copied by hand, and the addresses that must stand beside them."""
    words = phrase.split()
    rows = len(words) // 4
    terminal.say()
    which = "Your recovery phrase" if first else "A further recovery phrase"
    terminal.say(f"{which}. Write it on paper, in this order; whoever has it can read your library,")
    terminal.say("and nobody, not even we, can give it back to you:")
    terminal.say()
    for row in range(rows):
        numbered = (f"{place + 1:>4}. {words[place]:<12}" for place in range(row, len(words), rows))
        terminal.say("".join(numbered).rstrip())
    terminal.say()
    addresses = [("seed", each) for each in seeds] + [("tracker", each.partition("#")[0]) for each in trackers]
    if addresses:
        terminal.say("Write beside it where your library is found; with the words alone nobody could look for it:")
        for kind, address in addresses:
            terminal.say(f"    {kind:<8} {address}")
    else:
        terminal.say(
            "The words open what a seed keeps, and you have no seed yet: until then, your music is only on your"
        )
        terminal.say("devices. When you add a seed or a tracker, write its address beside the words.")
    terminal.say()
