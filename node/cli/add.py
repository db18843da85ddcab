"""songkeep add, songkeep rm: music into the library, tracks out of it."""

from __future__ import annotations

import argparse
from typing import Any, Final

from node.cli.arguments import Subparsers, add_command, find_track, whole
from node.cli.client import Client, segment
from node.cli.consent import DeclinedError
from node.cli.progress import follow_or_stop, tell_failures
from node.cli.reach import reach
from node.cli.terminal import Terminal, counted, named
from node.errors import PARTIAL_EXIT_CODE, UnsureError

WHAT_STAYS: Final = "What is sealed stays in the library; the rest is left out of it until it is added again."


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "add",
        run_add,
        summary="add music folders and files",
        more="A folder is watched from then on. Returns when everything is sealed, or with --no-wait as soon as it is\n"
        "listed; sealing then goes on while 'songkeep up' runs.\n"
        "Ctrl-C stops the adding, also where a player runs, which goes on: what is sealed stays, the rest doesn't.\n"
        "With --json: {added, known, failed: [{path, reason}]}.\n"
        "The exit code is 10 if some files did not go in.",
        examples="  songkeep add ~/Music\n  songkeep add song.mp3 other.flac --json",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a folder or a file")
    parser.add_argument("--no-wait", action="store_true", help="return as soon as everything is listed")
    parser.add_argument("--yes", action="store_true", help="add a whole home folder or drive without being asked")
    remove = add_command(
        subparsers,
        "rm",
        run_rm,
        summary="take tracks out of the library for good",
        more="No file is deleted; a track whose file stays in a watched folder is hidden.\n"
        "With --json: {hidden: [ids]}.",
    )
    remove.add_argument("tracks", nargs="+", metavar="TRACK", help="an identifier, or words that name one track")


def run_add(asked: argparse.Namespace, terminal: Terminal) -> int:
    until = "listed" if asked.no_wait else "sealed"
    with reach(asked, terminal) as client:
        paths = [whole(path) for path in asked.paths]
        started = begin_adding(client, paths, terminal, sure=asked.yes, until=until)
        job = follow_or_stop(client, started, terminal, stays=WHAT_STAYS)
    report = job["result"]
    terminal.result({name: report[name] for name in ("added", "known", "failed")})
    exit_code = tell_odd(report, terminal)
    terminal.say(spoken_added(report))
    return exit_code


def begin_adding(
    client: Client, paths: list[str], terminal: Terminal, *, sure: bool, until: str = "sealed"
) -> dict[str, Any]:
    """The job that adds `paths`; a whole home folder or drive is asked about. Raises what the node raises."""
    try:
        started: dict[str, Any] = client.post("add", paths=paths, until=until, sure=sure)["job"]
    except UnsureError as error:
        if not terminal.interactive:
            raise with_way_out(error) from None
        if not terminal.ask(f"{error}. Add all of it?", default=False):
            raise DeclinedError from None
        started = client.post("add", paths=paths, until=until, sure=True)["job"]
    return started


def with_way_out(error: UnsureError) -> UnsureError:
    """The error of a command that nobody is there to be asked about."""
    return UnsureError(f"{error}; name the folder with your music, or say --yes")


def tell_odd(report: dict[str, Any], terminal: Terminal) -> int:
    """What of an add went in with a remark, or not at all; returns the exit code."""
    tell_failures(report["noted"], terminal, what="went in all the same")
    tell_failures(report["failed"], terminal)
    for path in report["away"]:
        terminal.note(f"  {path}: away; nothing of it was touched")
    return PARTIAL_EXIT_CODE if report["failed"] or report["away"] else 0


def spoken_added(report: dict[str, Any]) -> str:
    """How much an add took in."""
    known = f", {report['known']:,} known already" if report["known"] else ""
    return f"Added {counted(report['added'], 'file')}{known}."


def run_rm(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        tracks = [find_track(client, words) for words in asked.tracks]
        for track in tracks:
            client.delete(f"tracks/{segment(track['id'])}")
    terminal.result({"hidden": [track["id"] for track in tracks]})
    for track in tracks:
        terminal.say(f"Took out {named(track)}. Its files are where they were.")
    return 0
