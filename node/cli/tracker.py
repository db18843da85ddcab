"""`songkeep tracker`: the way from the one command to the tracker program."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any

from node.cli.terminal import Terminal
from node.doors.home import locate_home


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("tracker", help="run a tracker, where devices find each other")
    commands = parser.add_subparsers(dest="tracker_command", metavar="COMMAND", required=True)
    run = commands.add_parser("run", help="run it until it is stopped")
    _program().add_arguments(run)
    run.set_defaults(run=_run)


def _run(asked: argparse.Namespace, _terminal: Terminal) -> int:
    return int(_program().run_tracker(asked, home=locate_home(asked.home).path / "tracker"))


def _program() -> Any:
    # By name: no part of the node may depend on the tracker, and this command stands above both.
    return import_module("tracker.cli")
