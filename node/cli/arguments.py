"""Small pieces that several commands share: adding a subcommand, naming tracks, whole paths."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable
from typing import Any

from node.cli.client import Client, segment
from node.cli.terminal import Terminal, named
from node.errors import NotFoundError, UserError

Run = Callable[[argparse.Namespace, Terminal], int]
Subparsers = Any
"""argparse's own type for it is private."""

_TRACK_ID = re.compile(r"[a-z2-7]{26}\Z")
_CANDIDATES = 10


def add_command(
    subparsers: Subparsers, name: str, run: Run, *, summary: str, more: str = "", examples: str = ""
) -> argparse.ArgumentParser:
    """A subcommand with its help; `more` is the paragraph below the summary, `examples` stand at the end."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.\n\n{more}".rstrip(),
        epilog=f"examples:\n{examples}" if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_group(subparsers: Subparsers, name: str, *, summary: str, examples: str = "") -> Subparsers:
    """A command that has only subcommands: by itself it shows its help."""

    def show_help(_asked: argparse.Namespace, _terminal: Terminal) -> int:
        parser.print_help()
        return UserError.exit_code

    parser = add_command(subparsers, name, show_help, summary=summary, examples=examples)
    return parser.add_subparsers(dest=f"{name}_command", metavar="COMMAND")


def whole(path: str) -> str:
    """`path` from the root on; the node may run in another directory. Links are left as they are.

    Raises UserError if it is empty, as a variable that a shell doesn't know: that would be the present folder.
    """
    if not path:
        raise UserError("an empty path was given; the present folder is '.'")
    return os.path.abspath(os.path.expanduser(path))


def find_track(client: Client, words: str) -> dict[str, Any]:
    """The one track that an identifier or some words name. Raises NotFoundError, UserError with the candidates."""
    if _TRACK_ID.match(words):
        found: dict[str, Any] = client.get(f"tracks/{segment(words)}")
        return found
    if not words.strip():
        raise UserError("name a track: its identifier, or words that find it")
    tracks: list[dict[str, Any]] = client.get("search", q=words, limit=_CANDIDATES)["tracks"]
    if not tracks:
        raise NotFoundError(f"no track is found by {words!r}")
    exact = [track for track in tracks if track["title"].casefold() == words.casefold()]
    if len(exact) == 1 or len(tracks) == 1:
        return (exact or tracks)[0]
    lines = "\n".join(f"  {track['id']}  {named(track)}" for track in tracks)
    raise UserError(f"several tracks are found by {words!r}; name one by its identifier:\n{lines}")
