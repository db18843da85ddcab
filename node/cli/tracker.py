"""songkeep tracker: the way from the one command to the tracker program, which stands on its own."""

from __future__ import annotations

import argparse

from node.cli.arguments import Subparsers
from node.cli.reach import home_of
from node.cli.terminal import Terminal


def register(subparsers: Subparsers) -> None:
    from tracker.cli import add_arguments

    parser = subparsers.add_parser("tracker", help="run a tracker, where devices find each other")
    commands = parser.add_subparsers(dest="tracker_command", metavar="COMMAND", required=True)
    running = commands.add_parser("run", help="run it until it is stopped")
    add_arguments(running)
    running.set_defaults(run=run_tracker)


def run_tracker(asked: argparse.Namespace, _terminal: Terminal) -> int:
    from tracker.cli import run_tracker as run

    return run(asked, home=home_of(asked).path / "tracker")
