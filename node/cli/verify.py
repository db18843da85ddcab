"""songkeep verify: read everything that is kept and compare it."""

from __future__ import annotations

import argparse

from node.cli.arguments import Subparsers, add_command
from node.cli.progress import follow_or_stop, tell_failures
from node.cli.reach import reach
from node.cli.terminal import Terminal, counted
from node.errors import DamagedError
from node.sizes import spoken_bytes


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "verify",
        run,
        summary="check every sealed byte and every source",
        more="With --json: the report. The exit code is 5 if something is damaged and was not repaired.",
    )
    parser.add_argument(
        "--repair", action="store_true", help="make damaged blobs again where a source or a copy is left"
    )


def run(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        started = client.post("verify", repair=bool(asked.repair))["job"]
        job = follow_or_stop(client, started, terminal, stays="Not everything was looked at.")
    report = job["result"]
    terminal.result(report)
    tell_failures(report["failed"], terminal, what="are not as they should be")
    sealed = f"{counted(report['blobs'], 'sealed blob')}, {spoken_bytes(report['bytes'])}"
    terminal.say(f"Checked {counted(report['sources_checked'], 'music file')} and {sealed}.")
    if report["sources_changed"]:
        changed = counted(report["sources_changed"], "file")
        terminal.say(f"{changed} changed or went since it was added; 'songkeep up' takes in what is new.")
    if report["damaged"]:
        terminal.say(
            f"{counted(report['damaged'], 'blob')} damaged, {report['repaired']:,} repaired, {report['lost']:,} lost."
        )
    return 0 if report["ok"] else DamagedError.exit_code
