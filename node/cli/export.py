"""songkeep export: every file back, bit for bit."""

from __future__ import annotations

import argparse

from node.cli.arguments import Subparsers, add_command, find_track, whole
from node.cli.progress import follow_or_stop, tell_failures
from node.cli.reach import reach
from node.cli.terminal import Terminal, counted
from node.errors import PARTIAL_EXIT_CODE, UserError


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "export",
        run,
        summary="write the original files into a folder, bit for bit",
        more="Names, folders and times are those the files had. A file that is there already is left alone; another\n"
        "file of the same name is never overwritten. With --json: {written, already_there, renamed, failed}.",
        examples="  songkeep export --all /mnt/backup\n  songkeep export 'Blue in Green' .",
    )
    parser.add_argument("what", nargs="*", metavar="TRACK ... DIR", help="tracks, then the folder to write into")
    parser.add_argument("--all", action="store_true", help="everything")


def run(asked: argparse.Namespace, terminal: Terminal) -> int:
    if not asked.what:
        raise UserError("name the folder to write into: songkeep export --all DIR")
    *tracks, folder = asked.what
    if asked.all == bool(tracks):
        raise UserError("export either some tracks, or with --all everything: songkeep export TRACK ... DIR")
    with reach(asked, terminal) as client:
        chosen = None if asked.all else [find_track(client, words)["id"] for words in tracks]
        started = client.post("export", tracks=chosen, dir=whole(folder))["job"]
        job = follow_or_stop(client, started, terminal, stays="The files that are written stay.")
    report = job["result"]
    terminal.result(report)
    tell_failures(report["failed"], terminal, what="could not be written")
    for each in report["renamed"]:
        terminal.note(f"  {each['wanted']} is written as {each['written']}: its name was taken")
    there = f", {report['already_there']:,} there already" if report["already_there"] else ""
    terminal.say(f"Wrote {counted(report['written'], 'file')}{there}.")
    return PARTIAL_EXIT_CODE if report["failed"] else 0
