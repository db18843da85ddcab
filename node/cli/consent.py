"""Asking before something is done that is not easily taken back."""

from __future__ import annotations

import argparse

from node.cli.terminal import Terminal
from node.errors import RefusedError, UnsureError


class DeclinedError(RefusedError):
    """The person was asked and said no. No program is to take that for done."""

    def __init__(self) -> None:
        super().__init__("nothing was changed")


def add_yes(parser: argparse.ArgumentParser) -> None:
    """The option that agrees beforehand."""
    parser.add_argument("--yes", action="store_true", help="don't ask")


def agree(asked: argparse.Namespace, terminal: Terminal, question: str) -> None:
    """Returns if the person agrees, now or beforehand.

    Raises DeclinedError if they don't, UnsureError if nobody is there to be asked.
    """
    if asked.yes:
        return
    if not terminal.interactive:
        raise UnsureError("nothing was changed: nobody is at the terminal to agree; --yes says that it is meant")
    if not terminal.ask(question, default=False):
        raise DeclinedError
