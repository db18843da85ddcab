"""Asking before something is done that is not easily taken back."""

from __future__ import annotations

import argparse

from node.cli.terminal import Terminal


def add_yes(parser: argparse.ArgumentParser) -> None:
    """The option that agrees beforehand."""
    parser.add_argument("--yes", action="store_true", help="don't ask")


def agreed(asked: argparse.Namespace, terminal: Terminal, question: str, *, default: bool = False) -> bool:
    """Whether the person agrees, now or beforehand; else they are told that nothing was changed."""
    if asked.yes or terminal.ask(question, default=default):
        return True
    hint = "" if terminal.interactive else "; --yes says that it is meant"
    terminal.note(f"Nothing was changed{hint}.")
    return False
