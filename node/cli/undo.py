"""songkeep undo: what was taken out of the library comes back."""

from __future__ import annotations

import argparse
from typing import Any

from node.cli.arguments import Subparsers, add_command
from node.cli.consent import add_yes, agree
from node.cli.reach import reach
from node.cli.terminal import Terminal, counted, named, spoken_moment
from node.errors import NotFoundError

_SHOWN = 10


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "undo",
        run,
        summary="bring back what was taken out of the library last",
        more="Works for 30 days after 'songkeep rm' or 'Remove from library' in the player, one removal at a time.\n"
        "What seeds had dropped of it comes back from their trash. With --json: {restored: [track, ...]}.",
        examples="  songkeep undo --list\n  songkeep undo --yes",
    )
    parser.add_argument("--list", action="store_true", dest="only_list", help="only show what could come back")
    add_yes(parser)


def run(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        removals = client.get("removals")["items"]
        if asked.only_list:
            terminal.result(removals)
            for each in removals:
                _say(each, terminal)
            if not removals:
                terminal.say("Nothing was removed from this library in the last 30 days.")
            return 0
        if not removals:
            raise NotFoundError("nothing was removed from this library in the last 30 days")
        _say(removals[0], terminal)
        agree(asked, terminal, "Bring it back?")
        restored = client.post("undo")["restored"]
    terminal.result({"restored": restored})
    terminal.say(f"{counted(len(restored), 'track')} back in the library.")
    return 0


def _say(removal: dict[str, Any], terminal: Terminal) -> None:
    terminal.say(f"{spoken_moment(removal['removed_ms'])}  {counted(removal['count'], 'track')} removed:")
    for track in removal["tracks"][:_SHOWN]:
        terminal.say(f"  {named(track)}")
    if removal["count"] > _SHOWN:
        terminal.say(f"  and {removal['count'] - _SHOWN:,} more")
