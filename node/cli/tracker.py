"""songkeep tracker: the way from the one command to the tracker program, which stands on its own."""

from __future__ import annotations

import argparse

from node.cli.arguments import Subparsers
from node.cli.reach import home_of
from node.cli.terminal import Terminal


def register(subparsers: Subparsers) -> None:
    from tracker.cli import add_commands

    parser = subparsers.add_parser("tracker", help="run a tracker, where devices find each other; rule its accounts")
    add_commands(parser.add_subparsers(dest="tracker_command", metavar="COMMAND", required=True))
    parser.set_defaults(run=run_tracker)


def run_tracker(asked: argparse.Namespace, _terminal: Terminal) -> int:
    return int(asked.tracker_run(asked, home_of(asked).path / "tracker"))
