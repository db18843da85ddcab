"""Asking before something is done that is not easily taken back."""

from __future__ import annotations

import argparse

from node.cli.terminal import Terminal
from node.errors import UnsureError


def add_yes(parser: argparse.ArgumentParser) -> None:
    """The option that agrees beforehand."""
    parser.add_argument("--yes", action="store_true", help="don't ask")


def agreed(asked: argparse.Namespace, terminal: Terminal, question: str, *, default: bool = False) -> bool:
    """Whether the person agrees, now or beforehand; else they are told that nothing was changed.

    Raises UnsureError if nobody is there to agree: a program must not take that for done.
    """
    if asked.yes:
        return True
    if not terminal.interactive and not default:
        raise UnsureError("nothing was changed: nobody is at the terminal to agree; --yes says that it is meant")
    if terminal.ask(question, default=default):
        return True
    terminal.note("Nothing was changed.")
    return False
